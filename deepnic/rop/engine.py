"""Growing a block of trees, arrays to arrays: the seam where another search, on a GPU, would go."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepnic.rop.draws import Parameters, draw_trees
from deepnic.rop.tree import MAX_SOLUTIONS


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
    wanted: NDArray[np.intp],
    parameters: Parameters,
    signatures: NDArray[np.uint8],
    votes: NDArray[np.int8],
) -> None:
    """Grow those trees of a block that count for the genes wanted.

    Fills ``signatures`` (draw, tree, slot) and ``votes`` (draw, tree, observation) where there is
    such a tree; the rest as in `deepnic.rop.graph.grow_lazily`.
    """
    from deepnic.rop.kernels.tree import grow_trees  # compiled where it runs

    V, R = block.tree_size, block.weight_range
    weights = np.tile(weights_of_range(R), (V, 1))
    for row, number in enumerate(block.draws):
        draw = draw_trees(
            state,
            len(expression),
            weight_range=R,
            tree_size=V,
            draw=number,
            trees=block.trees,
            seed=parameters["seed"],
            design=parameters["design"],
            subsample=parameters["subsample"],
        )
        trees = np.unique(draw.gene_tree[wanted]) - block.trees.start
        trees = trees[(trees >= 0) & (trees < len(draw.members))]
        signature = np.empty((trees.size, V), np.uint8)
        vote = np.empty((trees.size, state.size), np.int8)
        drawn = draw.members[trees], draw.in_bag[trees], draw.keys[trees]
        grow_trees(expression, state, *drawn, weights, MAX_SOLUTIONS, signature, vote)
        signatures[row, trees, :V] = signature
        votes[row, trees] = vote
