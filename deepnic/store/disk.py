"""The disk that a store is written to: whether it has room, and what it refuses."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.errors import EngineError
from deepnic.rop.draws import bag_size, n_trees_of_draw


def least_bytes(forest: xr.Dataset) -> float:
    """Bytes that a forest takes on disk at least.

    Who is in the bag of a tree is drawn anew for each, which no codec makes smaller than its
    entropy; what the trees say of the others comes on top.
    """
    state, given = forest["state"].values, forest.attrs
    n_in_bag = sum(bag_size(int((state == k).sum()), given["subsample"]) for k in (0, 1))
    share = n_in_bag / state.size
    bits = 0.0
    if 0 < share < 1:
        bits = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    of_draw = sum(
        n_trees_of_draw(given["design"], forest.sizes["gene"], V) for V in given["tree_sizes"]
    )
    trees = of_draw * len(given["weight_ranges"]) * given["n_trees"]
    return float(trees * state.size * bits / 8)


def check_space(path: Path, needed: float) -> None:
    """Refuse to begin what the disk cannot hold."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise EngineError(
            f"the store {path} takes at least {_words(needed)}, and its disk has {_words(free)} "
            "free; make room there, or choose a path on another disk"
        )


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Tell of a disk that refuses what is written for a store: full, read-only, no permission."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not of the operating system
            raise
        raise EngineError(
            f"{path} cannot be written ({error.strerror}); what was finished before is kept: mend "
            "that and run the same again, it goes on where it stopped"
        ) from error


def _words(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
