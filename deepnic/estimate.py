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
import zarr
from numpy.typing import NDArray

from deepnic.progress import compute
from deepnic.rop.draws import n_trees_of_draw
from deepnic.rop.forest import grow_forest, tree_seconds
from deepnic.store import COMPRESSOR

SAMPLE_SECONDS = 0.5
"""How long the sample of each condition is grown, about."""


@dataclass(frozen=True)
class Estimate:
    """Time, memory and disk of a job.

    Attributes
    ----------
    core_seconds : float
        Work, in seconds of one core while the others are as busy.
    process_bytes : float
        Memory of a process before it grows anything.
    thread_bytes : float
        Memory that each thread adds.
    disk_bytes : float
        Size of the store.

    Examples
    --------
    >>> job = Estimate(core_seconds=7200, process_bytes=3e8, thread_bytes=1e7, disk_bytes=1e9)
    >>> job.seconds(36), job.memory(36)
    (200.0, 660000000.0)
    """

    core_seconds: float
    process_bytes: float
    thread_bytes: float
    disk_bytes: float

    def seconds(self, cores: int) -> float:
        """Time on so many cores like these."""
        return self.core_seconds / cores

    def memory(self, threads: int) -> float:
        """Peak memory of one process with so many threads, in bytes."""
        return self.process_bytes + threads * self.thread_bytes


def estimate_growth(cohort: xr.Dataset, *, n_trees: int = 100, **parameters: Any) -> Estimate:
    """Grow a few trees of every condition, on all cores at once, and count up.

    Parameters
    ----------
    cohort : Dataset
    n_trees, **parameters
        As in `grow_forest`.

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        As `grow_forest`.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> job = estimate_growth(cohort, n_trees=10, weight_ranges=[3], tree_sizes=[3])
    >>> 0 < job.seconds(cores=2) < job.seconds(cores=1), job.disk_bytes > 0
    (True, True)
    """
    forest = grow_forest(cohort, n_trees=1, **parameters)
    given = {name: forest.attrs[name] for name in ("subsample", "design", "seed")}
    conditions = [
        (V, R) for V in forest["tree_size"].values.tolist() for R in forest["weight_range"].values
    ]
    _sample(cohort, 1, int(conditions[0][0]), int(conditions[0][1]), given)  # compile
    before = psutil.Process().memory_info().rss
    tasks = [
        dask.delayed(_sample, pure=False)(cohort, n_trees, V, int(R), given) for V, R in conditions
    ]
    cores = os.cpu_count() or 1
    # each condition twice: the cores stay busy to the end of the first round
    samples = compute([*tasks, *tasks[::-1]], "measuring a sample")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    seconds, disk = np.array(samples).sum(axis=0) / 2
    return Estimate(
        core_seconds=seconds,
        process_bytes=before,
        thread_bytes=max(peak - before, 0) / cores,
        disk_bytes=disk,
    )


def _sample(
    cohort: xr.Dataset, n_trees: int, V: int, R: int, given: Mapping[str, Any]
) -> tuple[float, float]:
    """Seconds and bytes on disk of all draws of a condition."""
    n_genes, n = cohort.sizes["gene"], cohort.sizes["observation"]
    trees = n_trees_of_draw(given["design"], n_genes, V)
    wanted = min(max(int(SAMPLE_SECONDS / tree_seconds(V, R, n)), 8), trees)
    genes = cohort["gene"].values[np.random.default_rng(V).permutation(n_genes)[:wanted]].tolist()
    grow = {"n_trees": 1, "tree_sizes": [V], "weight_ranges": [R], **given}
    start = perf_counter()
    grow_forest(cohort, genes=genes[:1], **grow).compute(scheduler="sync")
    overhead = perf_counter() - start
    start = perf_counter()
    sample = grow_forest(cohort, genes=genes, **grow).compute(scheduler="sync")
    rest = perf_counter() - start - overhead
    vote = sample["vote"].values[0, 0, 0]
    grown = vote[sample["tree_signature"].values[0, 0, 0].any(axis=1) | vote.any(axis=1)]
    per_tree = max(rest, 0) / max(len(grown) - 1, 1)
    by_tree = _stored_bytes(grown) / len(grown)
    by_gene = 2 * _stored_bytes(sample["signature"].values.ravel()) / wanted  # in both orders
    draw = by_tree * trees + by_gene * n_genes
    return n_trees * (overhead + per_tree * trees), n_trees * draw


def _stored_bytes(values: NDArray[np.generic]) -> int:
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=values.shape,
        dtype=values.dtype,
        chunks=values.shape,
        compressors=[COMPRESSOR],
        fill_value=0,
    )
    array[...] = values
    return array.nbytes_stored()
