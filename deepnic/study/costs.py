"""What a step of a study costs: wall time, and processor time wherever it was spent."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

from deepnic.compute import current_client
from deepnic.files import read_json, write_json


@contextmanager
def measured(clock: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Note the wall time of a block, and the processor time by a clock.

    Examples
    --------
    >>> with measured(process_time) as cost:
    ...     _ = sum(range(1000))
    >>> list(cost), cost["seconds"] > 0
    (['seconds', 'core_seconds'], True)
    """
    cost: dict[str, float] = {}
    start, cores = perf_counter(), clock()
    yield cost
    cost |= {"seconds": perf_counter() - start, "core_seconds": max(clock() - cores, 0.0)}


@contextmanager
def noted(file: Path) -> Iterator[None]:
    """Measure a block, on all workers, and write it down; a block done before costs what it did."""
    with measured(processor_seconds) as cost:
        yield
    if not is_noted(file):
        write_json(file, cost)


def is_noted(file: Path) -> bool:
    """Tell whether a cost was written down, and can be read."""
    try:
        return read_json(file).keys() == {"seconds", "core_seconds"}
    except (OSError, ValueError, AttributeError):
        return False


def processor_seconds() -> float:
    """Processor time that this process and the workers of the current client have used."""
    used = dict([_used()])
    client = current_client()
    if client is not None:
        used |= dict(client.run(_used).values())  # a worker may be a thread of this process
    return sum(used.values())


def _used() -> tuple[tuple[str, int], float]:
    return (platform.node(), os.getpid()), process_time()
