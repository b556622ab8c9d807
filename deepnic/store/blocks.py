"""The chunks that the store of a forest consists of, and those that it lacks.

A block is grown and written by one task: some trees of some draws of one condition, one chunk of
``tree_signature`` and of ``vote``. The draws of a condition have chunks of ``signature`` beside.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.rop import engine
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

    def lacks(name: str, block: Block) -> bool:
        file = file_of(name, block)
        return not is_right(path, file, known.get(file, otherwise))

    lacking = {block: [n for n in GROWN if lacks(n, block)] for block in blocks_of(forest)}
    lacking = {block: names for block, names in lacking.items() if names}
    unordered = [draws for draws in draws_of(forest) if lacks("signature", (*draws, 0))]
    return lacking, unordered


def ordered_at_once(
    forest: xr.Dataset, blocks: Mapping[Block, Sequence[str]], unordered: Sequence[Draws]
) -> tuple[dict[Block, list[str]], list[Draws]]:
    """Have blocks of all trees of their draws put signatures in order, too; and what is left."""
    filled = _n_filled(forest)
    first = {draws: (*draws, 0) for draws in unordered}
    left = [draws for draws in unordered if filled[draws[0]] > 1 or first[draws] not in blocks]
    at_once = {first[draws] for draws in first.keys() - {*left}}
    asked = {
        block: [*names, *["signature"] * (block in at_once)] for block, names in blocks.items()
    }
    return asked, left


def file_of(name: str, block: Block) -> str:
    """Chunk of a variable that holds a block, or the draws of one."""
    return chunk_file(name, (*(block if name in GROWN else block[:3]), 0))


def grown_of(forest: xr.Dataset, blocks: Iterable[Block]) -> list[engine.Block]:
    """What is grown of each block."""
    sizes, ranges = (forest[name].values.tolist() for name in ("tree_size", "weight_range"))
    draws, trees = (
        list(pairwise(np.cumsum([0, *chunks]).tolist()))
        for chunks in forest["vote"].data.chunks[2:4]
    )
    return [
        engine.Block(sizes[v], ranges[r], range(*draws[d]), slice(*trees[t]))
        for v, r, d, t in blocks
    ]


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
    return [int((first_tree < n).sum()) for n in _n_trees(forest).values()]


def _n_trees(forest: xr.Dataset) -> dict[int, int]:
    """Trees of a draw by their number of genes."""
    design, n_genes = forest.attrs["design"], forest.attrs["n_genes"]
    return {V: n_trees_of_draw(design, n_genes, V) for V in forest["tree_size"].values.tolist()}


def seconds(forest: xr.Dataset, parts: Iterable[engine.Block]) -> list[float]:
    """Time that each part takes, roughly."""
    n, n_trees = as_many_as(forest.attrs, forest.sizes["observation"]), _n_trees(forest)
    return [
        len(draws) * (min(trees.stop, n_trees[V]) - trees.start) * tree_seconds(V, R, n)
        for V, R, draws, trees in parts
    ]
