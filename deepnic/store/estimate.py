"""What growing a forest will take, measured on a sample before it starts."""

import os
import resource
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import thread_time
from typing import Any, NamedTuple

import dask
import numpy as np
import psutil
import xarray as xr
from numpy.typing import NDArray

from deepnic.compute import compute
from deepnic.rop.bags import bag_size, group_of
from deepnic.rop.draws import draw_trees, gene_trees, n_trees_of_draw
from deepnic.rop.engine import AT_ONCE
from deepnic.rop.forest import grow_forest
from deepnic.rop.graph import tree_seconds
from deepnic.store.chunks import Layout, encode

SAMPLE_SECONDS = 0.5
"""How long the sample of each condition is grown, about."""

FEWEST, DEAREST = 64, 0.1
"""Observations that a sample has at least; seconds of a tree beyond which it takes no more of them:
trees of all are then counted up, by what trees of twice as many took longer."""

OVERHEAD_SECONDS = 0.01
"""What a task costs beside its trees: scheduling and writing, as `make benchmark` measures it."""

FEWER, MOST_IN_BAG = 0.5, 50
"""Smaller bags, of which it is tried in the dearest tree size what they would save: a share of each
class, and so many of it."""

CHUNK_BYTES, SCHEMA_BYTES = 6144, 200_000
"""What a chunk takes beside its content (a folder of 4 KiB, half a block of its file); a schema."""


Condition = tuple[int, int]  # genes a tree, weight range


@dataclass(frozen=True)
class Estimate:
    """Time, memory and disk of a job."""

    by_condition: Mapping[Condition, float]  # core-seconds of work, the other cores as busy
    process_bytes: float  # memory of a process before it grows anything
    thread_bytes: float  # memory that each thread adds
    disk_bytes: float  # size of the store
    counted_up: int = 0  # conditions whose trees take too long to try with all observations
    savings: Mapping[str, float] = field(default_factory=dict)  # share of it, by what to ask for

    @property
    def core_seconds(self) -> float:
        """Work of all conditions."""
        return sum(self.by_condition.values())

    @classmethod
    def of_all(cls, jobs: Sequence["Estimate"]) -> "Estimate":
        """Estimate of jobs of the same conditions, one after the other."""
        whole = sum(job.core_seconds for job in jobs)
        everywhere = [name for name in jobs[0].savings if all(name in job.savings for job in jobs)]
        return cls(
            by_condition={
                condition: sum(job.by_condition[condition] for job in jobs)
                for condition in jobs[0].by_condition
            },
            process_bytes=max(job.process_bytes for job in jobs),
            thread_bytes=max(job.thread_bytes for job in jobs),
            disk_bytes=sum(job.disk_bytes for job in jobs),
            counted_up=max(job.counted_up for job in jobs),
            savings={
                name: sum(job.savings[name] * job.core_seconds for job in jobs) / whole
                for name in everywhere
            },
        )

    def seconds(self, cores: int) -> float:
        """Time on so many cores like these."""
        return self.core_seconds / cores

    def memory(self, threads: int) -> float:
        """Peak memory of one process with so many threads, in bytes."""
        return self.process_bytes + threads * self.thread_bytes


def estimate_growth(cohort: xr.Dataset, *, n_trees: int = 100, **parameters: Any) -> Estimate:
    """Grow a few trees of every condition, on all cores at once, and count up.

    It takes some seconds a condition, however many observations there are. Parameters are those of
    `grow_forest`, and so are its errors.

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
    rounds = np.array([drawn[: len(tasks)], drawn[len(tasks) :][::-1]], float)
    seconds, stored, counted_up = rounds.mean(axis=0).T
    cores = os.cpu_count() or 1
    blocks = forest["vote"].data.npartitions
    chunks = 2 * blocks + forest["signature"].data.npartitions
    work = n_trees * seconds + OVERHEAD_SECONDS * blocks / len(conditions)
    by_condition = dict(zip(conditions, work.tolist(), strict=True))
    return Estimate(
        by_condition=by_condition,
        process_bytes=before,
        thread_bytes=max(_peak_bytes() - before, 0) / cores,
        disk_bytes=n_trees * float(stored.sum()) + CHUNK_BYTES * chunks + SCHEMA_BYTES,
        counted_up=round(counted_up.sum()),
        savings=_savings(cohort, by_condition, forest.attrs),
    )


def _savings(
    cohort: xr.Dataset, by_condition: Mapping[Condition, float], given: Mapping[str, Any]
) -> dict[str, float]:
    """Share of the time that a smaller job saves, by what to ask for."""
    whole, by_size = sum(by_condition.values()), defaultdict[int, float](float)
    for (V, _), seconds in by_condition.items():
        by_size[V] += seconds
    dearest = max(by_size, key=by_size.__getitem__)
    saved = {}
    if others := sorted(by_size.keys() - {dearest}):
        saved[f"--tree-sizes {','.join(map(str, others))}"] = by_size[dearest] / whole
    tried = [condition for condition in by_condition if condition[0] == dearest]
    sample = dask.delayed(_sample, pure=False)
    for words, smaller in smaller_bags(cohort["state"].values, given).items():
        draws = [sample(cohort, V, R, {**given, **smaller}) for V, R in tried]
        drawn = compute(draws, "measuring a smaller sample")
        share = given["n_trees"] * sum(seconds for seconds, _, _ in drawn) / by_size[dearest]
        if share < 1:
            saved[words] = 1 - share
    if half := given["n_trees"] // 2:
        saved[f"--n-trees {half}"] = 1 - half / given["n_trees"]
    return saved


def smaller_bags(state: NDArray[np.int8], given: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Smaller bags than those given, by what to ask for."""
    bags = _bags(state, given)
    smaller: dict[str, dict[str, float]] = {
        f"--subsample {FEWER}": {"subsample": FEWER},
        f"--max-bag {MOST_IN_BAG}": {"max_bag": MOST_IN_BAG},
    }
    return {words: one for words, one in smaller.items() if _bags(state, {**given, **one}) < bags}


def _bags(state: NDArray[np.int8], given: Mapping[str, Any]) -> int:
    """Observations that a tree is grown on."""
    limits = given["subsample"], given.get("max_bag")
    return sum(bag_size(int((state == label).sum()), *limits) for label in (0, 1))


class _Grown(NamedTuple):
    """Some trees of a condition, as arrays (draw, tree, ...) without those that were not grown."""

    seconds: float  # a tree
    trees: int
    vote: NDArray[np.int8]
    tree_signature: NDArray[np.uint8]
    signature: NDArray[np.uint8]


def _sample(
    cohort: xr.Dataset, V: int, R: int, given: Mapping[str, Any]
) -> tuple[float, float, bool]:
    """Seconds and bytes on disk of one draw of a condition; whether its trees are counted up."""
    n_genes, n = cohort.sizes["gene"], cohort.sizes["observation"]
    names = {"seed", "design", "subsample", "max_bag"} & given.keys()
    chosen = {name: given[name] for name in names}
    trees, start = n_trees_of_draw(given["design"], n_genes, V), thread_time()
    tried = min(trees, max(AT_ONCE // n, 1))
    draw_trees(
        cohort["state"].values, n_genes, weight_range=R, tree_size=V, draw=0, trees=slice(tried),
        group=group_of(cohort), **chosen,
    )  # fmt: skip
    cohort = cohort.drop_vars("group", errors="ignore")  # those of a sample may be too few
    drawing = (thread_time() - start) * trees / tried
    condition = {"tree_sizes": [V], "weight_ranges": [R], **chosen}
    some, seconds, longer = _affordable(cohort, condition)
    wanted = SAMPLE_SECONDS / max(seconds, tree_seconds(V, R, some.sizes["observation"]))
    n_sampled = min(max(int(wanted), 16 if seconds < DEAREST else 4), n_genes)
    n_draws = min(max(int(wanted / trees), 1), given["n_trees"])
    grown = _grow_few(some, n_sampled, n_draws, condition)
    of_votes = len(encode(grown.vote, Layout(grown.vote.shape))) * n / some.sizes["observation"]
    of_trees = of_votes + len(encode(grown.tree_signature, Layout(grown.tree_signature.shape)))
    of_genes = len(encode(grown.signature, Layout(grown.signature.shape))) / grown.signature.size
    stored = of_trees / grown.trees * trees + of_genes * n_genes
    return drawing + longer * grown.seconds * trees, stored, some.sizes["observation"] < n


def _affordable(
    cohort: xr.Dataset, condition: Mapping[str, Any]
) -> tuple[xr.Dataset, float, float]:
    """Take as many observations as a tree can have in the time for one.

    The seconds of a tree of these, and how many times longer one of all takes.
    """
    everyone, n = cohort.sizes["observation"], FEWEST
    by_state = np.argsort(cohort["state"].values, kind="stable")
    some, seconds, slope = cohort, 0.0, 1.0
    while True:
        places = np.linspace(0, everyone - 1, min(n, everyone)).round().astype(int)
        some = cohort.isel(observation=np.sort(by_state[places]))  # of each state alike
        before, seconds = seconds, _grow_few(some, 8, 1, condition).seconds
        if before and seconds:
            slope = min(max(float(np.log2(seconds / before)), 1.0), 3.0)
        if n >= everyone or seconds * 2**slope > DEAREST:
            more = _bags(cohort["state"].values, condition) / _bags(some["state"].values, condition)
            return some, seconds, more**slope
        n *= 2


def _grow_few(cohort: xr.Dataset, n: int, n_trees: int, condition: Mapping[str, Any]) -> _Grown:
    """Grow the trees of n genes, and fewer: they differ by trees alone."""
    names = cohort["gene"].values
    draw = np.random.default_rng(condition["tree_sizes"][0])
    genes = names[draw.permutation(len(names))].tolist()
    taken, trees = [], []
    for some, draws in ((max(n // 4, 1), 1), (n, n_trees)):
        start = thread_time()
        part = grow_forest(cohort, n_trees=draws, genes=genes[:some], **condition).compute(
            scheduler="sync"
        )
        taken.append(thread_time() - start)
        vote, by_tree = part["vote"].values[0, 0], part["tree_signature"].values[0, 0]
        there = _grown_trees(part)
        trees.append(int(there.sum()))
    seconds = max(taken[1] - taken[0], 0.0) / max(trees[1] - trees[0], 1)
    return _Grown(seconds, trees[1], vote[there], by_tree[there], part["signature"].values.ravel())


def _grown_trees(forest: xr.Dataset) -> NDArray[np.bool_]:
    """Which trees (draw, tree) of one condition count for its genes, and so were grown."""
    drawn = {name: forest.attrs[name] for name in ("n_genes", "seed", "design")}
    drawn |= {name: int(forest[name][0]) for name in ("weight_range", "tree_size")}
    there = np.zeros(forest["vote"].shape[2:4], bool)
    for draw, row in enumerate(there):
        row[gene_trees(draw=draw, **drawn)[0][forest["gene_position"].values]] = True
    return there


def _peak_bytes() -> int:
    """Most memory this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
