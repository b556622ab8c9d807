"""What growing a forest will take, measured on a sample before it starts."""

import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import dask
import numpy as np
import psutil
import xarray as xr

from deepnic.compute import compute
from deepnic.rop.draws import draw_trees, n_trees_of_draw
from deepnic.rop.forest import grow_forest
from deepnic.rop.graph import tree_seconds
from deepnic.store.chunks import Layout, encode

SAMPLE_SECONDS = 0.5
"""How long the sample of each condition is grown, about."""

OVERHEAD_SECONDS = 0.01
"""What a task costs beside its trees: scheduling and writing, as `make benchmark` measures it."""

CHUNK_BYTES, SCHEMA_BYTES = 6144, 200_000
"""What a chunk takes beside its content (a folder of 4 KiB, half a block of its file); a schema."""


@dataclass(frozen=True)
class Estimate:
    """Time, memory and disk of a job."""

    core_seconds: float  # of work, while the other cores are as busy
    process_bytes: float  # memory of a process before it grows anything
    thread_bytes: float  # memory that each thread adds
    disk_bytes: float  # size of the store

    def seconds(self, cores: int) -> float:
        """Time on so many cores like these."""
        return self.core_seconds / cores

    def memory(self, threads: int) -> float:
        """Peak memory of one process with so many threads, in bytes."""
        return self.process_bytes + threads * self.thread_bytes


def estimate_growth(cohort: xr.Dataset, *, n_trees: int = 100, **parameters: Any) -> Estimate:
    """Grow a few trees of every condition, on all cores at once, and count up.

    Parameters are those of `grow_forest`, and so are its errors.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> job = estimate_growth(cohort, n_trees=10, weight_ranges=[3], tree_sizes=[3])
    >>> 0 < job.seconds(cores=2) < job.seconds(cores=1), job.disk_bytes > 0
    (True, True)
    """
    forest = grow_forest(cohort, n_trees=n_trees, **parameters)
    conditions = [(int(V), int(R)) for V in forest["tree_size"] for R in forest["weight_range"]]
    _sample(cohort, *conditions[0], forest.attrs)  # compile
    before = psutil.Process().memory_info().rss
    sample = dask.delayed(_sample, pure=False)
    tasks = [sample(cohort, V, R, forest.attrs) for V, R in conditions]
    # each condition twice: the cores stay busy to the end of the first round
    drawn = compute([*tasks, *tasks[::-1]], "measuring a sample")
    seconds, stored = n_trees * np.array(drawn).sum(axis=0) / 2
    cores = os.cpu_count() or 1
    blocks = forest["vote"].data.npartitions
    chunks = 2 * blocks + forest["signature"].data.npartitions
    return Estimate(
        core_seconds=float(seconds) + OVERHEAD_SECONDS * blocks,
        process_bytes=before,
        thread_bytes=max(_peak_bytes() - before, 0) / cores,
        disk_bytes=float(stored) + CHUNK_BYTES * chunks + SCHEMA_BYTES,
    )


def _sample(cohort: xr.Dataset, V: int, R: int, given: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds and bytes on disk of one draw of a condition."""
    n_genes, state = cohort.sizes["gene"], cohort["state"].values
    chosen = {name: given[name] for name in ("seed", "design", "subsample")}
    start = perf_counter()
    draw_trees(state, n_genes, weight_range=R, tree_size=V, draw=0, **chosen)
    drawing = perf_counter() - start
    trees = n_trees_of_draw(given["design"], n_genes, V)
    wanted = SAMPLE_SECONDS / tree_seconds(V, R, state.size)
    n_sampled = min(max(int(wanted), 16), n_genes)
    n_draws = min(max(int(wanted / trees), 1), given["n_trees"])
    genes = cohort["gene"].values[np.random.default_rng(V).permutation(n_genes)].tolist()
    taken, grown = [], []
    for n, draws in ((n_sampled // 4, 1), (n_sampled, n_draws)):  # they differ by trees alone
        start = perf_counter()
        part = grow_forest(
            cohort, n_trees=draws, tree_sizes=[V], weight_ranges=[R], genes=genes[:n], **chosen
        ).compute(scheduler="sync")
        taken.append(perf_counter() - start)
        vote = part["vote"].values[0, 0]
        by_tree = part["tree_signature"].values[0, 0]
        there = vote.any(axis=2) | by_tree.any(axis=2)
        grown.append(int(there.sum()))
    per_tree = max(taken[1] - taken[0], 0) / max(grown[1] - grown[0], 1)
    of_trees = sum(len(encode(rows, Layout(rows.shape))) for rows in (vote[there], by_tree[there]))
    signature = part["signature"].values.ravel()
    of_genes = len(encode(signature, Layout(signature.shape)))
    stored = of_trees / grown[1] * trees + of_genes / signature.size * n_genes
    return drawing + per_tree * trees, stored


def _peak_bytes() -> int:
    """Most memory this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
