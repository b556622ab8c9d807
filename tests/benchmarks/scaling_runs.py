"""Forests grown on Dask workers of this machine, watched: seconds and bytes.

Seconds of the processor are given where they will do: other programs add little to them. The bytes
of a connection are counted by Linux.
"""

import logging
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, sleep, thread_time, time
from typing import Any, NamedTuple
from unittest import mock

import dask
import xarray as xr
from distributed import Client, LocalCluster, Security
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.utils import key_split

import deepnic
from deepnic.compute import QUIET, dask_settings
from deepnic.store import write_forest

STORE = "watched.zarr"
FILE_CALLS = {"open", "os.mkdir", "os.rename"}

Condition = tuple[int, int]
"""Genes of a tree V, weight range R."""


class Search(NamedTuple):
    """The compiled search of a block, and its seconds of the processor."""

    condition: Condition
    trees: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What growing a forest into a store took."""

    seconds: float  # of the clock, from the cohort to the store
    first: float  # of these, until the first block began
    alone: float  # of these, in which nothing ran on the workers
    blocks: int
    tasks: int  # of the blocks
    scheduler: float  # seconds of the processor, of this process while blocks were grown
    workers: float  # the same of all workers, of their processors
    ordering: float  # seconds of the workers, for signatures by genes
    graph: int  # bytes of the client
    messages: int  # bytes between scheduler and workers
    peers: int  # bytes between workers
    stored: int  # bytes
    calls: int  # to open, make or rename files and folders of the store


class _Watch(SchedulerPlugin):
    """Notes when each task ran, and how long this process had worked when it was done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, float, float, float]] = []

    def transition(self, key: Any, start: str, finish: str, *_: Any, **more: Any) -> None:
        if start == "processing" and finish == "memory":
            ran = next(part for part in more["startstops"] if part["action"] == "compute")
            self.done.append((key_split(key), ran["start"], ran["stop"], process_time()))


@contextmanager
def workers(processes: int, threads: int = 1, *, tls: bool = False) -> Iterator[Client]:
    """Start workers, and have each load what it needs for a forest."""
    dask_settings()
    safe: dict[str, Any] = {"protocol": "tls", "security": Security.temporary()} if tls else {}
    with (
        dask.config.set(QUIET),
        LocalCluster(
            n_workers=processes,
            threads_per_worker=threads,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
            **safe,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(_prepare)
        yield client


def _prepare(dask_worker: Any) -> None:
    """Grow a small forest, for what is loaded when first used; count calls from now on."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    with dask.config.set(scheduler="sync"), TemporaryDirectory() as folder:
        forest = deepnic.grow_forest(cohort, n_trees=1, weight_ranges=[3], tree_sizes=[3])
        write_forest(forest, Path(folder) / "forest.zarr")
    dask_worker.calls = []

    def hook(event: str, arguments: tuple) -> None:
        if event in FILE_CALLS and STORE in str(arguments[0]):
            dask_worker.calls.append(event)

    sys.addaudithook(hook)


def grow(client: Client, cohort: xr.Dataset, n_trees: int, *, seed: int = 0) -> Run:
    """Grow a forest into a store, which is then deleted."""
    watch = _Watch()
    client.cluster.scheduler.add_plugin(watch, name="watch")
    before = _counters(client)
    with TemporaryDirectory() as folder:
        clock, begun = time(), perf_counter()
        forest = deepnic.grow_forest(cohort, n_trees=n_trees, seed=seed)
        blocks = write_forest(forest, Path(folder) / STORE)
        seconds = perf_counter() - begun
        chunks = Path(folder, STORE).glob("*/c/**/*")
        stored = sum(chunk.stat().st_size for chunk in chunks if chunk.is_file())
    after = _counters(client)
    client.cluster.scheduler.remove_plugin("watch")
    ordered = [task for task in watch.done if "order" in task[0]]  # none of whole draws
    grown = [task for task in watch.done if task[0] == "grow"]
    first, last = min(start for _, start, _, _ in grown), max(stop for _, _, stop, _ in grown)
    return Run(
        seconds=seconds,
        first=first - clock,
        alone=seconds - (last - first) - (ordered[-1][2] - ordered[0][1] if ordered else 0),
        blocks=blocks,
        tasks=len(grown),
        scheduler=grown[-1][3] - grown[0][3],
        ordering=sum(stop - start for _, start, stop, _ in ordered),
        stored=stored,
        **{name: after[name] - before[name] for name in after},
    )


def _counters(client: Client) -> dict[str, Any]:
    scheduler = client.cluster.scheduler
    of_client = [bytes_moved(link.comm) for link in scheduler.client_comms.values()]
    of_workers = [bytes_moved(link.comm) for link in scheduler.stream_comms.values()]
    told = list(client.run(_tell).values())
    return {
        "graph": sum(received for _, received in of_client),
        "messages": sum(sent + received for sent, received in of_workers),
        **{name: sum(each[name] for each in told) for name in told[0]},
    }


def bytes_moved(comm: Any) -> tuple[int, int]:
    """Bytes sent and received: tcpi_bytes_acked and tcpi_bytes_received of Linux."""
    facts = comm.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
    sent, received = struct.unpack_from("QQ", facts, 120)
    return sent, received


def _tell(dask_worker: Any) -> dict[str, float]:
    return {
        "workers": process_time(),
        "peers": dask_worker.transfer_outgoing_bytes_total,
        "calls": len(dask_worker.calls),
    }


def time_searches(client: Client) -> None:
    """Let the workers note what their searches take."""
    client.run(_time_searches)


def _time_searches(dask_worker: Any) -> None:
    from deepnic.rop import kernels

    search, dask_worker.searches = kernels.grow_trees, []

    def timed(*arguments: Any) -> None:
        start = thread_time()
        search(*arguments)
        dask_worker.searches.append(Search(*_asked(arguments), thread_time() - start))

    kernels.grow_trees = timed


def searches(client: Client) -> list[Search]:
    """What the workers noted, condition after condition."""
    told = client.run(lambda dask_worker: dask_worker.searches)
    return sorted(search for each in told.values() for search in each)


def sleep_for_searches(client: Client, found: Sequence[Search]) -> None:
    """Let the workers sleep instead, for each tree as long as those of its condition took."""
    trees, seconds = Counter[Condition](), Counter[Condition]()
    for search in found:
        trees[search.condition] += search.trees
        seconds[search.condition] += search.seconds
    client.run(_sleep_for_searches, {each: seconds[each] / trees[each] for each in trees})


def _sleep_for_searches(seconds_of_a_tree: dict[Condition, float]) -> None:
    from deepnic.rop import kernels

    def asleep(*arguments: Any) -> None:
        condition, n_trees = _asked(arguments)
        sleep(n_trees * seconds_of_a_tree[condition])
        for result in arguments[-5:]:
            result[:] = 0

    kernels.grow_trees = asleep


def _asked(arguments: tuple) -> tuple[Condition, int]:
    """Condition and trees that the compiled search is called for."""
    members, weights = arguments[2], arguments[5]
    return (members.shape[1], weights.shape[1]), len(members)


@contextmanager
def nothing_done() -> Iterator[None]:
    """Let the tasks of a forest be there, and do nothing."""
    with (
        mock.patch("deepnic.store.forest._write_blocks", _write_nothing),
        mock.patch("deepnic.store.forest._order_where_seen", _order_nothing),
        mock.patch("deepnic.store.forest._check_grown", return_value={}),
    ):
        yield


def _write_nothing(*_: Any) -> dict:
    return {}


def _order_nothing(*_: Any) -> dict:
    return {}
