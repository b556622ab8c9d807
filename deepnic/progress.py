"""Progress bars, and running Dask tasks under one on whatever scheduler is current."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import dask
from dask.callbacks import Callback
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_open: ContextVar[Progress | None] = ContextVar("_open", default=None)


@contextmanager
def progress() -> Iterator[Progress]:
    """Open a display of bars with counts, time spent and time left, or join the one open.

    Silent unless stderr is a terminal.

    Examples
    --------
    >>> with progress() as outer, progress() as inner:
    ...     inner is outer
    True
    """
    bars = _open.get()
    if bars is not None:
        yield bars
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    token = _open.set(bars)
    try:
        with bars:
            yield bars
    finally:
        _open.reset(token)


def compute(
    tasks: Sequence[Any], description: str, *, watch: Sequence[Any] | None = None
) -> list[Any]:
    """Compute delayed values with a progress bar.

    The current `distributed.Client` is used where there is one, else threads of this machine.

    Parameters
    ----------
    tasks : sequence of Delayed
    description : str
        Words beside the bar.
    watch : sequence of Delayed, optional
        Tasks on the way to these, to be counted instead of them.

    Returns
    -------
    list
        The values, in order.

    Examples
    --------
    >>> compute([dask.delayed(sum)([1, 2]), dask.delayed(sum)([3])], "adding")
    [3, 3]
    """
    watch = tasks if watch is None else watch
    with progress() as bars:
        job = bars.add_task(description, total=len(watch))
        try:
            return _compute(tasks, watch, lambda: bars.advance(job))
        finally:
            bars.remove_task(job)


def _compute(tasks: Sequence[Any], watch: Sequence[Any], advance: Any) -> list[Any]:
    client = _current_client()
    if client is not None:
        from distributed import as_completed

        futures = client.compute([*tasks, *watch])
        for _ in as_completed(futures[len(tasks) :]):
            advance()
        return client.gather(futures[: len(tasks)])
    keys = {task.key for task in watch}

    def count(key: Any, *_: Any) -> None:
        if key in keys:
            advance()

    with Callback(posttask=count):
        return list(dask.compute(*tasks))


def _current_client() -> Any:
    if "distributed" not in sys.modules:
        return None
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None
