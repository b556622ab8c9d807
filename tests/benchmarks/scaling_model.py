"""Time of a forest on any number of workers, predicted from what its parts cost.

    T = start + alone + growing + ordering

*Start* and *alone* (nothing runs on the workers: schema, graph, its way to the scheduler) do not
depend on the workers. Blocks of trees are grown as a queue: one begins when a thread is free and
the scheduler has come to it, and no faster than cores, interpreters and file server allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace
from math import inf

from deepnic.store.forest import ORDERED_TOGETHER


@dataclass(frozen=True)
class Costs:
    """What one draw of a forest costs, in seconds of a core, and what comes with every block.

    Attributes
    ----------
    start : float
        Until a worker has come, with its kernels compiled before.
    alone : (float, float)
        Seconds in which nothing runs on the workers: of any forest, and of each block.
    searches : sequence of float
        The compiled search of each block of one draw of every condition.
    python : float
        All else that a worker does for a block. It holds the interpreter's lock (at most: some of
        it does not), so that the threads of a process do it one after the other.
    scheduler : float
        What scheduler and client, of one process, do for a block.
    ordered : float
        Putting the signatures of one draw of one condition in the order of the genes, in the end:
        nothing where blocks are whole draws, and do so.
    n_conditions : int
    stored : float
        Bytes written for a block.
    calls : float
        Calls to the file server for a block: files opened and renamed, folders made.
    """

    start: float
    alone: tuple[float, float]
    searches: Sequence[float]
    python: float
    scheduler: float
    ordered: float
    n_conditions: int
    stored: float
    calls: float


@dataclass(frozen=True)
class Workers:
    """Who grows: processes of some threads each.

    Attributes
    ----------
    processes, threads : int
    cores : int, optional
        That they and the scheduler share; one a thread if left out.
    bytes_a_second, calls_a_second : float
        What the file server takes.
    """

    processes: int
    threads: int
    cores: int | None = None
    bytes_a_second: float = inf
    calls_a_second: float = inf


@dataclass(frozen=True)
class Prediction:
    """Seconds of each part, and what growing waits for most."""

    start: float
    alone: float
    growing: float
    ordering: float
    limit: str

    @property
    def working(self) -> float:
        """All but the start of the workers."""
        return self.alone + self.growing + self.ordering

    @property
    def total(self) -> float:
        """All of it."""
        return self.start + self.working


def predict(costs: Costs, n_draws: int, workers: Workers) -> Prediction:
    """Predict the time of a forest.

    Examples
    --------
    >>> costs = Costs(start=3, alone=(1, 0.5), searches=[2, 4], python=0, scheduler=0, ordered=1,
    ...               n_conditions=1, stored=0, calls=0)
    >>> predict(costs, 2, Workers(processes=1, threads=2))
    Prediction(start=3, alone=3.0, growing=8.0, ordering=2.0, limit='cores')
    """
    n = workers.processes * workers.threads
    cores = n if workers.cores is None else workers.cores
    blocks = [search + costs.python for search in costs.searches] * n_draws
    work, scheduling = sum(blocks), costs.scheduler * len(blocks)
    limits = {
        # the scheduler works on one of the cores, which is free where threads are fewer
        "cores": work / n if n < cores else (work + scheduling) / cores,
        "scheduler": scheduling,
        "longest block": max(blocks),
        "interpreters": costs.python * len(blocks) / workers.processes,
        "file server": len(blocks)
        * max(costs.stored / workers.bytes_a_second, costs.calls / workers.calls_a_second),
    }
    rows = costs.n_conditions * n_draws
    ordered = [
        costs.ordered * min(ORDERED_TOGETHER, rows - first)
        for first in range(0, rows, ORDERED_TOGETHER)
    ]
    return Prediction(
        start=costs.start,
        alone=costs.alone[0] + costs.alone[1] * len(blocks),
        growing=max(queued(blocks, min(n, cores), costs.scheduler), *limits.values()),
        ordering=queued(ordered, min(workers.processes, cores)),  # much of it holds the lock
        limit=max(limits, key=limits.__getitem__),
    )


def queued(seconds: Sequence[float], n: int, interval: float = 0.0) -> float:
    """When the last of some tasks ends, on so many threads; they come one an interval.

    Examples
    --------
    >>> queued([3, 1, 1, 1], 2), queued([3, 1, 1, 1], 100, interval=2)
    (3.0, 7)
    """
    free = [0.0] * n
    for k, duration in enumerate(seconds):
        heapreplace(free, max(free[0], k * interval) + duration)
    return max(free)
