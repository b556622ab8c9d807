"""What a result was computed on."""

import os
import platform
from pathlib import Path

from deepnic import __version__


def machine() -> dict[str, str | int | None]:
    """Processor, its cores, and versions, as results name them.

    Examples
    --------
    >>> list(machine())
    ['processor', 'cores', 'python', 'deepnic']
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "deepnic": __version__,
    }


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):  # not Linux
        return platform.processor() or platform.machine()
