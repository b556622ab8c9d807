"""The chunks that the store of a forest consists of, and those that it lacks.

A block is what one task grows: some trees of some draws of one condition, one chunk of
``tree_signature`` and of ``vote``. The draws of a condition have chunks of ``signature`` beside.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.rop.draws import n_trees_of_draw
from deepnic.rop.graph import as_many_as, tree_seconds
from deepnic.store.chunks import chunk_file, is_right

GROWN = ("tree_signature", "vote")  # what a block has a chunk of
CHUNKED = ("signature", *GROWN)

Draws = tuple[int, int, int]  # number of a chunk along tree_size, weight_range and draw
Block = tuple[int, int, int, int]  # the same, and along tree


def missing(
    path: Path, forest: xr.Dataset, known: Mapping[str, str], otherwise: str | None
) -> tuple[dict[Block, list[str]], list[Draws]]:
    """Chunks that blocks lack, by name, and draws whose signatures are to be put in order.

    ``known`` are digests by file; a file that is not there is judged by ``otherwise``.
    """

    def is_there(name: str, *block: int) -> bool:
        file = chunk_file(name, block)
        return is_right(path, file, known.get(file, otherwise))

    lacking = {
        block: [name for name in GROWN if not is_there(name, *block, 0)]
        for block in blocks_of(forest)
    }
    unordered = [draws for draws in draws_of(forest) if not is_there("signature", *draws, 0)]
    return {block: names for block, names in lacking.items() if names}, unordered


def draws_of(forest: xr.Dataset) -> list[Draws]:
    """Chunks of a forest along its conditions and draws."""
    sizes, ranges, draws = map(range, forest["vote"].data.numblocks[:3])
    return [(v, r, d) for v in sizes for r in ranges for d in draws]


def blocks_of(forest: xr.Dataset) -> list[Block]:
    """Blocks of a forest in which there are trees."""
    filled = _n_filled(forest)
    return [(*draws, t) for draws in draws_of(forest) for t in range(filled[draws[0]])]


def files_of(forest: xr.Dataset, draws: Draws, names: Sequence[str] = CHUNKED) -> list[str]:
    """Files that hold some draws."""
    trees = range(_n_filled(forest)[draws[0]])
    grown = [chunk_file(name, (*draws, t, 0)) for name in GROWN for t in trees if name in names]
    return grown + ([chunk_file("signature", (*draws, 0))] if "signature" in names else [])


def _n_filled(forest: xr.Dataset) -> list[int]:
    """Blocks of a draw, by tree size: beyond a condition's last tree there is nothing to write."""
    first_tree = np.cumsum([0, *forest["vote"].data.chunks[3][:-1]])
    return [int((first_tree < _n_trees(forest, v)).sum()) for v in range(forest.sizes["tree_size"])]


def _n_trees(forest: xr.Dataset, v: int) -> int:
    """Trees of a draw with the v-th number of genes a tree."""
    V = int(forest["tree_size"][v])
    return n_trees_of_draw(forest.attrs["design"], forest.attrs["n_genes"], V)


def seconds(forest: xr.Dataset, blocks: Iterable[Block]) -> list[float]:
    """Time that each block takes, roughly."""
    n = as_many_as(forest.attrs, forest.sizes["observation"])
    sizes, ranges = (forest[name].values.tolist() for name in ("tree_size", "weight_range"))
    a_tree = [[tree_seconds(V, R, n) for R in ranges] for V in sizes]
    n_trees = [_n_trees(forest, v) for v in range(len(sizes))]
    _, _, draws, trees, _ = forest["vote"].data.chunks
    first_tree = np.cumsum([0, *trees[:-1]]).tolist()
    return [
        draws[d] * min(trees[t], n_trees[v] - first_tree[t]) * a_tree[v][r] for v, r, d, t in blocks
    ]
