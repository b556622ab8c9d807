"""Peak memory of growing a forest into a store, by genes, observations and trees.

A fresh process grows each forest: ``python -m tests.benchmarks.memory KIND WORKERS GENES
OBSERVATIONS DRAWS FOLDER``. The peak is that of the whole family of processes, memory that several
share counted once (proportional set size), sampled from outside.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from unittest import mock

import psutil

from deepnic.rop import grow_forest
from deepnic.store import write_forest
from tests.benchmarks.forests import made_cohort, workers
from tests.benchmarks.table import Section

ROOT = Path(__file__).resolve().parents[2]
EVERY = 0.05  # seconds between samples; one takes some milliseconds itself
USUAL = {"genes": 10_000, "observations": 60, "trees": 4}
SIZES = {
    "genes": (2_000, 10_000, 54_675),
    "observations": (60, 120, 240),
    "trees": (4, 8, 32),
}
ROWS = (
    ("threads", 2, "genes"),
    ("threads", 2, "observations"),
    ("threads", 2, "trees"),
    ("processes", 2, "genes"),
)


def peak_memory(
    *,
    rows: Sequence[tuple[str, int, str]] = ROWS,
    sizes: Mapping[str, Sequence[int]] = SIZES,
    usual: Mapping[str, int] = USUAL,
) -> Section:
    """Vary one size at a time; of R3 V3, which has the most trees, cut like all conditions."""
    cells = [
        [
            f"{size:,}: {_peak(kind, n, **{**usual, axis: size}) / 2**20:,.0f}"
            for size in sizes[axis]
        ]
        for kind, n, axis in rows
    ]
    others = ", ".join(f"{size:,} {axis}" for axis, size in usual.items())
    return Section(
        f"peak memory, MiB ({others})",
        ["size: MiB"] * max(map(len, cells)),
        [
            (f"{n} {kind}, {axis}", peaks)
            for (kind, n, axis), peaks in zip(rows, cells, strict=True)
        ],
    )


@cache
def _peak(kind: str, n: int, *, genes: int, observations: int, trees: int) -> int:
    with TemporaryDirectory() as folder:
        sizes = [str(size) for size in (n, genes, observations, trees)]
        command = [sys.executable, "-m", __name__, kind, *sizes, folder]
        with psutil.Popen(command, cwd=ROOT) as process:
            peak = 0
            while process.poll() is None:
                peak = max(peak, _of_family(process))
                sleep(EVERY)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return peak


def _of_family(process: psutil.Process) -> int:
    """Bytes of a process and of all it started."""
    total = 0
    with suppress(psutil.Error):  # it may end while it is asked
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += getattr(member.memory_full_info(), "pss", 0)
    return total


def _grow(kind: str, n: int, n_genes: int, n_observations: int, n_trees: int, folder: str) -> None:
    """Grow the cheapest condition, with the most trees, of a forest of all conditions."""
    cohort = made_cohort(n_observations, n_genes)
    whole = grow_forest(cohort, n_trees=n_trees)
    with (
        workers(kind, n),
        # alone it would be cut into larger blocks
        mock.patch("deepnic.rop.graph.cut", return_value=whole["vote"].data.chunksize[2:4]),
    ):
        cheapest = grow_forest(cohort, n_trees=n_trees, tree_sizes=[3], weight_ranges=[3])
        write_forest(cheapest, Path(folder) / "forest.zarr")


if __name__ == "__main__":
    _grow(sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6])
