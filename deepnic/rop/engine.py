"""Growing a block of trees, arrays to arrays: the seam where another search, on a GPU, would go."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepnic.rop.draws import Draw, Parameters, draw_trees, gene_trees, n_trees_of_draw
from deepnic.rop.tree import MAX_SOLUTIONS

AT_ONCE = 1 << 22
"""Random words that are drawn together: one for each tree and observation."""

NODES = 6  # of a tree at most: two steps in each of three cycles


class Block(NamedTuple):
    """Some trees of some draws of one condition: what a task grows."""

    tree_size: int
    weight_range: int
    draws: range
    trees: slice


def weights_of_range(weight_range: int) -> NDArray[np.int64]:
    """Integer weights of range R: from -(R//2) to R//2, for even R to R//2 - 1.

    Examples
    --------
    >>> [weights_of_range(R).tolist() for R in (3, 4, 5)]
    [[-1, 0, 1], [-2, -1, 0, 1], [-2, -1, 0, 1, 2]]
    """
    return np.arange(weight_range, dtype=np.int64) - weight_range // 2


def grow_block(
    block: Block,
    expression: NDArray[np.float32],
    state: NDArray[np.int8],
    group: NDArray[np.int32] | None,
    wanted: NDArray[np.intp],
    parameters: Parameters,
    signatures: NDArray[np.uint8],
    votes: NDArray[np.int8],
) -> None:
    """Grow those trees of a block that count for the genes wanted.

    Fills ``signatures`` (draw, tree, slot) and ``votes`` (draw, tree, observation) where there is
    such a tree; the rest as in `deepnic.rop.graph.grow_lazily`.
    """
    V, R = block.tree_size, block.weight_range
    weights = np.tile(weights_of_range(R), (V, 1))
    for row, number in enumerate(block.draws):
        for drawn in draw_some(parameters, state, group, V, R, number, wanted, block.trees):
            trees = drawn.numbers - block.trees.start
            grown = grow_some(expression, state, drawn.members, drawn.in_bag, drawn.keys, weights)
            vote = walk(expression, grown)
            vote[drawn.in_bag] = 0
            signatures[row, trees, :V] = grown.signature
            votes[row, trees] = vote


def draw_of(
    parameters: Parameters,
    state: NDArray[np.int8],
    group: NDArray[np.int32] | None,
    V: int,
    R: int,
    number: int,
    trees: slice = slice(None),
) -> Draw:
    """Draw trees as a forest of these parameters does; see `draw_trees`."""
    return draw_trees(
        state,
        parameters["n_genes"],
        weight_range=R,
        tree_size=V,
        draw=number,
        trees=trees,
        seed=parameters["seed"],
        design=parameters["design"],
        subsample=parameters["subsample"],
        max_bag=parameters.get("max_bag"),
        group=group,
    )


def genes_of_draw(
    parameters: Parameters, V: int, R: int, number: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tree that counts for each gene in a draw, and the gene's column in it."""
    return gene_trees(
        parameters["n_genes"],
        weight_range=R,
        tree_size=V,
        draw=number,
        seed=parameters["seed"],
        design=parameters["design"],
    )


class Drawn(NamedTuple):
    """Trees of a draw that count for some genes, with what they are grown from."""

    numbers: NDArray[np.int32]  # (tree,): in the whole draw
    members: NDArray[np.int32]  # (tree, V)
    in_bag: NDArray[np.bool_]  # (tree, observation)
    keys: NDArray[np.uint64]  # (tree,)


def draw_some(
    parameters: Parameters,
    state: NDArray[np.int8],
    group: NDArray[np.int32] | None,
    V: int,
    R: int,
    number: int,
    wanted: NDArray[np.intp],
    trees: slice = slice(None),
) -> Iterator[Drawn]:
    """Draw the trees that count for the genes wanted, as many at a time as `AT_ONCE` allows."""
    counting = np.unique(genes_of_draw(parameters, V, R, number)[0][wanted])
    n_trees = n_trees_of_draw(parameters["design"], parameters["n_genes"], V)
    first, last, _ = trees.indices(n_trees)
    several = max(AT_ONCE // state.size, 1)
    for begin in range(first, last, several):
        end = min(begin + several, last)
        numbers = counting[(counting >= begin) & (counting < end)]
        if numbers.size:
            draw = draw_of(parameters, state, group, V, R, number, slice(begin, end))
            here = numbers - begin
            yield Drawn(numbers, draw.members[here], draw.in_bag[here], draw.keys[here])


class Grown(NamedTuple):
    """Trees of one size, all that is needed to walk them again.

    Row t is of a tree: its genes, their mean and sd over those it was grown on, its nodes.
    """

    members: NDArray[np.int32]  # (tree, V): rows of the expression
    mean: NDArray[np.float64]  # (tree, V)
    sd: NDArray[np.float64]  # (tree, V): 0 where a gene is constant
    coef: NDArray[np.int64]  # (tree, 6, V)
    record: NDArray[np.int64]  # (tree, 6, 8); see `deepnic.rop.kernels.tree`
    signature: NDArray[np.uint8]  # (tree, V)


def grow_some(
    expression: NDArray[np.float32],
    state: NDArray[np.int8],
    members: NDArray[np.int32],
    in_bag: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    weights: NDArray[np.int64],
) -> Grown:
    """Grow trees of one draw; see `deepnic.rop.kernels.grow_trees`."""
    from deepnic.rop import kernels  # compiled where it runs

    T, V = members.shape
    mean, sd = np.empty((2, T, V))
    coef, record = np.empty((T, NODES, V), np.int64), np.empty((T, NODES, 8), np.int64)
    signature = np.empty((T, V), np.uint8)
    kernels.grow_trees(
        expression, state, members, in_bag, keys, weights, MAX_SOLUTIONS,
        mean, sd, coef, record, signature,
    )  # fmt: skip
    return Grown(members, mean, sd, coef, record, signature)


def walk(expression: NDArray[np.float32], grown: Grown) -> NDArray[np.int8]:
    """Votes (tree, observation) on expression (gene, observation): +1 at risk, -1 not."""
    from deepnic.rop.kernels import tree

    votes = np.empty((len(grown.members), expression.shape[1]), np.int8)
    tree.walk_trees(expression, *grown[:5], votes)
    return votes
