"""Running Dask tasks with a progress bar, on whatever scheduler is current."""

import sys
from collections.abc import Sequence
from typing import Any

import dask
from dask.callbacks import Callback
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar() -> Progress:
    """Return a bar with counts, time spent and time left; silent unless stderr is a terminal."""
    from rich.console import Console

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


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
    with progress_bar() as bar:
        watch = tasks if watch is None else watch
        job = bar.add_task(description, total=len(watch))
        client = _current_client()
        if client is not None:
            from distributed import as_completed

            futures = client.compute([*tasks, *watch])
            for _ in as_completed(futures[len(tasks) :]):
                bar.advance(job)
            return client.gather(futures[: len(tasks)])
        keys = {task.key for task in watch}

        def count(key: Any, *_: Any) -> None:
            if key in keys:
                bar.advance(job)

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
