"""Progress, and running Dask tasks under its bars on whatever scheduler is current."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import dask
from dask.callbacks import Callback
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from deepnic.files import scratch

logger = logging.getLogger("deepnic.progress")
INTERVAL = 5.0  # seconds between two lines of progress where no terminal shows bars, at first
LONGEST = 30.0  # and after ten minutes

# What Dask serves over HTTP has no secret: nothing is served. Nobody reads its samples of what
# threads do, and under Python before 3.11.9 taking one can lock a worker of several threads for
# ever (python/cpython#106883).
QUIET: dict[str, object] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}

_open: ContextVar[Progress | None] = ContextVar("_open", default=None)
_own_thread: ContextVar[bool] = ContextVar("_own_thread", default=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """Open a display of bars with the share done, time spent and time left, or join the one open.

    Unless stderr is a terminal, a line is logged now and then (logger ``deepnic.progress``; there
    is neither where that is disabled).
    """
    bars = _open.get()
    if bars is not None:
        yield bars
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        speed_estimate_period=600,  # tasks differ: a short memory would make the time left jump
        console=Console(stderr=True),
        disable=logger.disabled or not sys.stderr.isatty(),
    )
    token = _open.set(bars)
    try:
        with bars, nullcontext() if sys.stderr.isatty() else _logged(bars):
            yield bars
    finally:
        _open.reset(token)


@contextmanager
def _logged(bars: Progress) -> Iterator[None]:
    """Log the share done and the time left of what is under way, now and then."""

    def log() -> None:
        if under_way := "; ".join(map(_state, bars.tasks)):
            logger.info(under_way)

    with repeated(log, INTERVAL, LONGEST):
        yield


@contextmanager
def repeated(
    act: Callable[[], object], seconds: float, at_most: float | None = None
) -> Iterator[None]:
    """Do something every so many seconds within the block, in a thread of its own.

    With `at_most` more and more seldom, until so many seconds lie between.
    """
    over = threading.Event()

    def follow() -> None:
        for wait in waits(seconds, at_most or seconds):
            if over.wait(wait):
                return
            act()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def waits(seconds: float, at_most: float) -> Iterator[float]:
    """Seconds to wait, each a twentieth longer than the one before: seldom for who waits long.

    Examples
    --------
    >>> from itertools import islice
    >>> [*islice(waits(40.0, 43.0), 4)]
    [40.0, 42.0, 43.0, 43.0]
    """
    while True:
        yield seconds
        seconds = min(1.05 * seconds, at_most)


@contextmanager
def under_way(description: str) -> Iterator[None]:
    """Tell what is done within the block, where no share of it can be told."""
    with progress() as bars:
        job = bars.add_task(description, total=None)
        try:
            yield
        finally:
            bars.remove_task(job)


def _state(task: Task) -> str:
    if task.total is None:
        return f"{task.description}: {timedelta(seconds=round(task.elapsed or 0))} so far"
    seconds = task.time_remaining
    left = "time left not known yet" if seconds is None else f"{timedelta(seconds=seconds)} left"
    return f"{task.description}: {task.percentage:.0f} %, {left}"


def compute(
    tasks: Sequence[Any],
    description: str,
    *,
    watch: Sequence[Any] | None = None,
    costs: Sequence[float] | None = None,
    receive: Callable[[Any], object] | None = None,
) -> list[Any]:
    """Compute delayed values under a progress bar; they come in order.

    The current `distributed.Client` is used where there is one, else threads of this machine; what
    a task of a worker computes it computes in its own thread.

    Parameters
    ----------
    tasks : sequence of Delayed
    description : str
        Words beside the bar.
    watch : sequence of Delayed, optional
        Tasks on the way to these, to be counted instead of them.
    costs : sequence of float, optional
        What each task watched weighs in the bar and in the time left, all alike if left out.
    receive : callable, optional
        Takes each value as it comes; then none is kept or returned. A worker that is lost later
        takes no finished task along.
    """
    watch = tasks if watch is None else watch
    costs = [1.0] * len(watch) if costs is None else costs
    weights = {task.key: cost for task, cost in zip(watch, costs, strict=True)}
    with progress() as bars:
        job = bars.add_task(description, total=sum(costs))

        def advance(key: Any) -> None:
            if key in weights:
                bars.advance(job, weights[key])

        try:
            if receive is not None:
                _compute_each(tasks, receive, advance)
                return []
            return _compute(tasks, watch, advance)
        finally:
            bars.remove_task(job)


def _compute(
    tasks: Sequence[Any], watch: Sequence[Any], advance: Callable[[Any], None]
) -> list[Any]:
    client = current_client()
    if client is not None:
        from distributed import as_completed

        futures = client.compute([*tasks, *watch])
        for future in as_completed(futures[len(tasks) :]):
            advance(future.key)
        return client.gather(futures[: len(tasks)])
    with Callback(posttask=lambda key, *_: advance(key)):
        return list(dask.compute(*tasks, scheduler=of_this_process()))


def _compute_each(
    tasks: Sequence[Any], receive: Callable[[Any], object], advance: Callable[[Any], None]
) -> None:
    client = current_client()
    if client is not None:
        from distributed import as_completed

        for batch in as_completed(client.compute(list(tasks))).batches():
            for future, value in zip(batch, client.gather(batch), strict=True):
                future.release()  # what Dask holds for us is run again where its worker is lost
                receive(value)
                advance(future.key)
        return
    for value in _compute(tasks, tasks, advance):
        receive(value)


@contextmanager
def local_workers(n: int) -> Iterator[None]:
    """Have Dask workers on this machine within the block, that only this process can talk to.

    They listen on the loopback, which other users of the machine reach as well: all talk TLS, with
    certificates of this process.
    """
    from distributed import Client, LocalCluster, Security

    dask_settings()
    # pages given back after each step of a network come back as page faults: half of its time
    for variable in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        dask.config.set({f"distributed.nanny.pre-spawn-environ.{variable}": 2**30})
    with (
        scratch() as folder,
        dask.config.set(QUIET),
        LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",  # of HTTP, which serves nothing
            scheduler_kwargs={"dashboard": False},  # Bokeh's pages have no routes
            local_directory=str(folder),
        ) as cluster,
        Client(cluster),
    ):
        yield


@contextmanager
def in_own_thread() -> Iterator[None]:
    """Compute in this thread alone within the block, one of many that do alike."""
    token = _own_thread.set(True)
    try:
        yield
    finally:
        _own_thread.reset(token)


def of_this_process() -> Any:
    """Name the Dask scheduler for what workers are not asked for, such as what they may not see.

    A task computes in its own thread. Elsewhere it is the one configured, threads by default.
    """
    if _own_thread.get() or is_task():
        return "sync"
    configured = dask.config.get("scheduler", "threads")
    return "threads" if configured == "dask.distributed" else configured


def dask_settings() -> None:
    """Set what every cluster of ours needs: a cohort rides in the graph, which Dask finds large."""
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})


def current_client() -> Any:
    """Return the `distributed.Client` that is used where one is current, or None.

    None within one of its tasks too: who waits there for others holds the worker that they need.
    """
    if "distributed" not in sys.modules or is_task():
        return None
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None


def is_task() -> bool:
    """Tell whether this runs as a task of a Dask worker."""
    if "distributed" not in sys.modules:
        return False
    from distributed import get_worker

    with suppress(ValueError):
        get_worker()
        return True
    return False
