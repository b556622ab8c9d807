"""Growing whole forests: trees a second by the number of workers, and what a task costs."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest import mock

import dask
import numpy as np
import xarray as xr

from deepnic.cohort import make_cohort
from deepnic.rop import grow_forest
from deepnic.rop.draws import n_trees_of_draw
from deepnic.store import write_forest
from tests.benchmarks.table import Section

WORKERS = (("threads", 1), ("threads", 2), ("processes", 1), ("processes", 2))
CHEAPEST = {"weight_ranges": [3], "tree_sizes": [3]}


def made_cohort(n_observations: int, n_genes: int) -> xr.Dataset:
    """Two classes that differ in a tenth of the genes, by a standard deviation."""
    random = np.random.default_rng(0)
    state = np.arange(n_observations) % 2
    expression = random.standard_normal((n_observations, n_genes), np.float32)
    expression[:, ::10] += state[:, None]
    return make_cohort(
        expression,
        state,
        [f"g{k}" for k in range(n_genes)],
        [f"o{k}" for k in range(n_observations)],
    )


@contextmanager
def workers(kind: str, n: int) -> Iterator[None]:
    """Make n threads of this process, or n processes of one thread, the current scheduler."""
    if kind == "threads":
        with dask.config.set(scheduler="threads", num_workers=n):
            yield
        return
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=n,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        client.run(import_module, "deepnic.rop.kernels.tree")  # compile before the clock runs
        yield


def forests(
    *,
    n_observations: int = 62,
    n_genes: int = 2000,
    n_draws: int = 2,
    tree_sizes: Sequence[int] = range(3, 7),
    n_small_blocks: int = 32,
    repeats: int = 3,
    schedulers: Sequence[tuple[str, int]] = WORKERS,
) -> list[Section]:
    """Grow one forest on every kind of workers, in memory and into a store.

    The overhead of a block is what a forest of a tenth of the genes under the cheapest condition
    takes longer in small blocks than in as many as there are workers. Its share is that of the
    first forest, cut as `grow_forest` cuts one of 100 draws.
    """
    cohort = made_cohort(n_observations, n_genes)
    few_genes = cohort.isel(gene=slice(max(n_genes // 10, 3)))
    forest = _cut_forest(cohort, n_draws, n_draws, tree_sizes=tree_sizes)
    sizes, n_ranges = forest.tree_size.values.tolist(), forest.sizes["weight_range"]
    n_trees = n_draws * n_ranges * sum(n_trees_of_draw("balanced", n_genes, V) for V in sizes)
    usual = grow_forest(cohort, n_trees=100, tree_sizes=tree_sizes)
    n_blocks = _n_blocks(usual) * n_draws / 100
    speed: dict[bool, list[str]] = {False: [], True: []}
    overhead: dict[bool, list[str]] = {False: [], True: []}
    for kind, n in schedulers:
        with workers(kind, n):
            for stored in (False, True):
                task = _seconds_of_a_block(few_genes, n, n_small_blocks, stored, repeats)
                seconds = _seconds(forest, stored)
                speed[stored].append(f"{n_trees / seconds:,.0f}")
                share = task * n_blocks / (seconds * n)
                overhead[stored].append(f"{1000 * task:.1f} ({share:.1%})")
    columns = [f"{kind}: {n}" for kind, n in schedulers]
    place = {False: "in memory", True: "to a store"}
    V = f"V{sizes[0]} to V{sizes[-1]}"
    return [
        Section(title, columns, [(f"{V}, {place[stored]}", cells[stored]) for stored in place])
        for title, cells in (
            (f"trees a second, {n_observations} x {n_genes:,}, {n_trees:,} trees", speed),
            ("overhead, ms a block (share of that forest)", overhead),
        )
    ]


def _cut_forest(
    cohort: xr.Dataset, n_draws: int, n_blocks: int, **conditions: Sequence[int]
) -> xr.Dataset:
    """Cut the draws of every condition into so many blocks, whatever they cost."""
    forest = grow_forest(cohort, n_trees=n_draws, **conditions)
    whole = -(-n_draws // n_blocks), forest.sizes["tree"]
    with mock.patch("deepnic.rop.graph.cut", return_value=whole):
        return grow_forest(cohort, n_trees=n_draws, **conditions)


def _n_blocks(forest: xr.Dataset) -> int:
    return int(np.prod(forest.vote.data.numblocks))


def _seconds_of_a_block(
    cohort: xr.Dataset, n_workers: int, n_blocks: int, stored: bool, repeats: int
) -> float:
    """Overhead of a block, in seconds of one worker."""
    many, few = (_cut_forest(cohort, n_blocks, n, **CHEAPEST) for n in (n_blocks, n_workers))
    _seconds(few, stored)  # what is loaded when first used
    longer = median(_seconds(many, stored) - _seconds(few, stored) for _ in range(repeats))
    return longer * n_workers / (n_blocks - n_workers)


def _seconds(forest: xr.Dataset, stored: bool) -> float:
    with TemporaryDirectory() as folder:
        start = perf_counter()
        if stored:
            write_forest(forest, Path(folder) / "forest.zarr")
        else:
            forest.compute()
        return perf_counter() - start
