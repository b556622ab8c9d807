"""Who meets whom: the random numbers of a forest.

Everything is a function of (seed, R, V, draw, purpose): raw words of a Philox counter-based
generator, never a stateful one, so any tree can be regrown alone, anywhere, in any order. Only
``random_raw`` is used, whose output NumPy guarantees for ever; orders come from sorting it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from deepnic.rop.bags import draw_bags

DESIGNS = ("balanced", "stratified")
_GENES, _OBSERVATIONS, _TIES = range(3)


class Parameters(TypedDict):
    """What a forest is grown with, as its attributes say it; see `grow_forest`."""

    n_trees: int
    weight_ranges: list[int]
    tree_sizes: list[int]
    subsample: float
    design: str
    seed: int
    n_genes: int
    max_bag: NotRequired[int]  # absent: no limit
    bags: NotRequired[str]  # "groups"; absent: of observations, each by itself


@dataclass(frozen=True)
class Draw:
    """Some or all trees of one draw of one condition."""

    members: NDArray[np.int32]  # (tree, V): genes of each tree asked for
    gene_tree: NDArray[np.int32]  # (gene,): tree of the whole draw that counts for each gene
    gene_slot: NDArray[np.int32]  # (gene,): column of the gene in it
    in_bag: NDArray[np.bool_]  # (tree, observation): those each tree is grown on
    keys: NDArray[np.uint64]  # (tree,): what each tree draws ties with


def n_trees_of_draw(design: str, n_genes: int, tree_size: int) -> int:
    """Trees grown in one draw: one a gene, or one for every V genes (rounded up)."""
    return n_genes if design == "stratified" else -(-n_genes // tree_size)


def draw_trees(
    state: NDArray[np.int8],
    n_genes: int,
    *,
    seed: int,
    weight_range: int,
    tree_size: int,
    draw: int,
    design: str,
    subsample: float,
    max_bag: int | None = None,
    group: NDArray[np.int32] | None = None,
    trees: slice = slice(None),
) -> Draw:
    """Genes, observations and tie keys of the trees of one draw; see `grow_forest`.

    ``state`` (observation,) is 1, 0, or -1 for those never in bag; ``draw`` counts from 0;
    ``group`` (observation,) says what stays together in bag or out of it, see `draw_bags`;
    ``trees`` are some of the draw's, which are what they are among all.
    """
    stream = (seed, weight_range, tree_size, draw)
    drawn: Any = {"seed": seed, "weight_range": weight_range, "tree_size": tree_size, "draw": draw}
    gene_tree, gene_slot = gene_trees(n_genes, design=design, **drawn)
    first, last, _ = trees.indices(n_trees_of_draw(design, n_genes, tree_size))
    members = tree_members(n_genes, design=design, trees=trees, **drawn)
    in_bag = np.zeros((last - first, state.size), bool)
    known = np.flatnonzero(state >= 0)  # the others leave no trace: more of them, the same trees
    words = _words(stream, _OBSERVATIONS, first, last, known.size)
    groups = None if group is None else group[known]
    in_bag[:, known] = draw_bags(words, state[known], groups, subsample, max_bag)
    return Draw(members, gene_tree, gene_slot, in_bag, _words(stream, _TIES, first, last, 1)[:, 0])


def gene_trees(
    n_genes: int, *, seed: int, weight_range: int, tree_size: int, draw: int, design: str
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tree that counts for each gene in a draw, and the gene's column in it; see `draw_trees`."""
    if design == "stratified":
        return np.arange(n_genes, dtype=np.int32), np.zeros(n_genes, np.int32)
    place = _places((seed, weight_range, tree_size, draw), n_genes)
    return place // tree_size, place % tree_size


def tree_members(
    n_genes: int,
    *,
    seed: int,
    weight_range: int,
    tree_size: int,
    draw: int,
    design: str,
    trees: slice = slice(None),
) -> NDArray[np.int32]:
    """Genes (tree, V) of the trees of a draw; see `draw_trees`."""
    stream = (seed, weight_range, tree_size, draw)
    first, last, _ = trees.indices(n_trees_of_draw(design, n_genes, tree_size))
    if design == "stratified":
        return _companions(_words(stream, _GENES, first, last, tree_size - 1), first, n_genes)
    order = np.empty(n_genes, np.int32)
    order[_places(stream, n_genes)] = np.arange(n_genes, dtype=np.int32)
    # a remainder group is filled with the first genes of the order: they have had their tree
    places = np.arange(first * tree_size, last * tree_size) % n_genes
    return order[places].reshape(-1, tree_size)


@lru_cache(maxsize=32)  # for signatures by gene, too, of the blocks that threads grow meanwhile
def _places(stream: tuple[int, int, int, int], n_genes: int) -> NDArray[np.int32]:
    """Place of each gene in the order of a balanced draw."""
    words = _words(stream, _GENES, 0, n_genes, 1)
    place = np.empty(n_genes, np.int32)
    place[np.argsort(words[:, 0], kind="stable")] = np.arange(n_genes, dtype=np.int32)
    return place


def by_gene(
    tree_signature: NDArray[np.uint8],
    draws: Iterable[int],
    wanted: NDArray[np.intp],
    *,
    tree_size: int,
    weight_range: int,
    parameters: Mapping[str, Any],
) -> NDArray[np.uint8]:
    """Signatures (draw, gene) of the genes wanted, from those (draw, tree, slot) of whole draws.

    ``wanted`` (gene,) are positions in the whole cohort; of ``parameters``, a forest's, it takes
    ``seed``, ``design`` and ``n_genes``.
    """
    known = {name: parameters[name] for name in ("n_genes", "seed", "design")}
    rows = []
    for trees, draw in zip(tree_signature, draws, strict=True):
        tree, slot = gene_trees(draw=draw, tree_size=tree_size, weight_range=weight_range, **known)
        rows.append(trees[tree[wanted], slot[wanted]])
    return np.stack(rows)


def _words(
    stream: tuple[int, int, int, int], purpose: int, first: int, last: int, width: int
) -> NDArray[np.uint64]:
    """Rows of raw random words (last - first, width), a function of the arguments alone."""
    seed, weight_range, tree_size, draw = stream
    skipped, begun = divmod(first * width, 4)  # the generator makes four words at a time
    counter = [skipped, draw, tree_size * 256 + weight_range, purpose]
    key = np.array([seed, 0], np.uint64)  # a list of large integers would become float
    raw = np.random.Philox(key=key, counter=counter).random_raw(begun + (last - first) * width)
    return raw[begun:].reshape(last - first, width)


def _companions(words: NDArray[np.uint64], first: int, n_genes: int) -> NDArray[np.int32]:
    """Genes from the first on, each before V-1 others without replacement, from (gene, V-1)."""
    members = np.arange(first, first + len(words), dtype=np.int32)[:, None]
    for j in range(words.shape[1]):
        free = np.uint64(n_genes - members.shape[1])
        # the pick-th gene not yet taken: step over the taken ones in increasing order
        pick = ((words[:, j] >> np.uint64(32)) * free >> np.uint64(32)).astype(np.int32)
        for taken in np.sort(members, axis=1).T:
            pick += pick >= taken
        members = np.column_stack([members, pick])
    return members
