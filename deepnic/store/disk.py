"""The disk that a store is written to: whether it has room, and what it refuses."""

import shutil
from math import lgamma, log
from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.errors import EngineError
from deepnic.rop.bags import bag_size, grouped
from deepnic.rop.draws import n_trees_of_draw


def least_bytes(forest: xr.Dataset) -> float:
    """Bytes that a forest takes on disk at least.

    Who is in the bag of a tree is drawn anew for each, and no codec makes that smaller than the
    number of ways to draw; what the trees say of the others comes on top. Of groups, which may hold
    both classes, it counts those of one class.
    """
    state, given, group = forest["state"].values, forest.attrs, grouped(forest, forest.attrs)
    bits = []
    for rows in (state == label for label in (0, 1)):
        n = int(rows.sum())
        bag = bag_size(n, given["subsample"], given.get("max_bag"))
        if group is not None:
            n, bag = (n_groups := len(np.unique(group[rows]))), bag * n_groups // n
        bits.append((lgamma(n + 1) - lgamma(bag + 1) - lgamma(n - bag + 1)) / log(2))
    of_draw = sum(
        n_trees_of_draw(given["design"], forest.sizes["gene"], V) for V in given["tree_sizes"]
    )
    of_tree = sum(bits) if group is None else max(bits)
    return of_draw * len(given["weight_ranges"]) * given["n_trees"] * of_tree / 8


def check_space(path: Path, needed: float) -> None:
    """Refuse to begin what the disk cannot hold."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise EngineError(
            f"{path} takes at least {_words(needed)}, and its disk has {_words(free)} "
            "free; make room there, or choose a path on another disk"
        )


def _words(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
