"""What a result was computed on."""

import os
import platform
import shlex
import sys
from pathlib import Path

import numpy as np  # noqa: F401 loads the kernels
from threadpoolctl import threadpool_info

from deepnic import __version__


def machine() -> dict[str, str | int | None]:
    """Processor, its cores, and versions, as results name them.

    Sums of floating-point numbers are taken in the order that the kernels for linear algebra
    prefer; they differ between processors, and with them the last digits of what is learnt.
    """
    kernels = {
        f"{blas['internal_api']} {blas.get('architecture') or ''}".strip()
        for blas in threadpool_info()
        if blas["user_api"] == "blas"
    }
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "linear algebra": ", ".join(sorted(kernels)) or None,
        "python": platform.python_version(),
        "deepnic": __version__,
    }


def command() -> str:
    """Command of this process, as one would type it again."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":  # of python -m
        return shlex.join(["python", *sys.orig_argv[1:]])
    return shlex.join([name, *sys.argv[1:]])


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):  # not Linux
        return platform.processor() or platform.machine()
