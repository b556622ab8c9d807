"""The tasks of a forest, on Dask: how its work is cut, and what each task returns."""

from collections.abc import Mapping
from math import log
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks
from dask.tokenize import tokenize
from numpy.typing import NDArray

from deepnic.rop.draws import Parameters, by_gene, n_trees_of_draw
from deepnic.rop.engine import Block, grow_block

TASK_SECONDS = 8.0
"""What a task of the dearest condition takes, about: some trees of a draw, or some draws."""


def grow_lazily(
    expression: NDArray[np.float32],
    state: NDArray[np.int8],
    wanted: NDArray[np.intp],
    parameters: Parameters,
) -> tuple[da.Array, da.Array, da.Array]:
    """Lay out the tasks that grow ``signature``, ``tree_signature`` and ``vote`` of `grow_forest`.

    ``expression`` (gene, observation) and ``state`` (observation,) are of all; ``wanted`` (gene,)
    are positions of the genes whose trees are grown.
    """
    sizes, ranges = parameters["tree_sizes"], parameters["weight_ranges"]
    chunks = ((1,) * len(sizes), (1,) * len(ranges), *_cut(parameters, state.size))
    token = tokenize(expression, state, wanted, parameters, chunks)
    # one task returns signatures and votes side by side, a row of bytes a tree
    grown = da.map_blocks(
        _grow_block,
        inputs=dask.delayed((expression, state, wanted), pure=True),
        parameters=parameters,
        chunks=(*chunks, sizes[-1] + state.size),
        dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
        name=f"grow-{token}",
    )
    by_tree = grown[..., : sizes[-1]]
    signature = by_tree.rechunk({3: -1}).map_blocks(
        _order_block,
        wanted=wanted,
        parameters=parameters,
        chunks=(*chunks[:3], wanted.size),
        drop_axis=4,
        dtype=np.uint8,
        name=f"order-{token}",
    )
    return signature, by_tree, grown[..., sizes[-1] :].view(np.int8)


def _grow_block(
    *,
    inputs: tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.intp]],
    parameters: Parameters,
    block_info: dict[None, dict[str, Any]],
) -> NDArray[np.uint8]:
    """Grow some trees of some draws of one condition."""
    (v, _), (r, _), draws, trees, (_, width) = block_info[None]["array-location"]
    sizes, ranges = parameters["tree_sizes"], parameters["weight_ranges"]
    rows = np.zeros((draws[1] - draws[0], trees[1] - trees[0], width), np.uint8)
    grow_block(
        Block(sizes[v], ranges[r], range(*draws), slice(*trees)),
        *inputs,
        parameters,
        signatures=rows[..., : sizes[-1]],
        votes=rows[..., sizes[-1] :].view(np.int8),
    )
    return rows[None, None]


def _order_block(
    tree_signature: NDArray[np.uint8],
    *,
    wanted: NDArray[np.intp],
    parameters: Parameters,
    block_info: dict[None, dict[str, Any]],
) -> NDArray[np.uint8]:
    """Signatures of some draws of one condition in the order of the genes."""
    (v, _), (r, _), draws, _ = block_info[None]["array-location"]
    ordered = by_gene(
        tree_signature[0, 0],
        range(*draws),
        wanted,
        tree_size=parameters["tree_sizes"][v],
        weight_range=parameters["weight_ranges"][r],
        parameters=parameters,
    )
    return ordered[None, None]


def tree_seconds(tree_size: int, weight_range: int, n_observations: float) -> float:
    """Time of one tree, roughly, to tell what work will take and how far it has come.

    The search visits ever more of the R**V weight vectors the more observations there are; each
    costs as much as there are observations. From trees of every condition of 20 to 1,000
    observations, a tenth of the genes informative or none, on one core (AMD EPYC, 2026): within a
    factor of 2 of each. `python -m tests.benchmarks.trees` measures, and fits the four numbers.
    """
    visited = weight_range ** (tree_size * min(0.28 + 0.097 * log(n_observations), 1))
    return 1.8e-5 + n_observations * (8e-7 + 2.7e-8 * visited)


def as_many_as(parameters: Mapping[str, Any], n_observations: float) -> float:
    """Observations without a limit to the bag whose trees take as long, roughly: 0.8 are in it."""
    return min(n_observations, 2 * parameters.get("max_bag", n_observations) / 0.8)


def draw_weight(parameters: Parameters, n_observations: int) -> float:
    """Seconds of the dearest condition's draw, as stores are cut by.

    A rule of its own: a store goes on only where it is cut as when it was begun, and by
    `tree_seconds` one of a thousand observations would be a million blocks. It tells the time of
    some ten observations; with many, a block takes minutes.
    """
    n = as_many_as(parameters, n_observations)
    return max(
        n_trees_of_draw(parameters["design"], parameters["n_genes"], V)
        * (3e-5 + 4e-8 * n * R ** (0.6 * V))
        for V in parameters["tree_sizes"]
        for R in parameters["weight_ranges"]
    )


def _cut(parameters: Parameters, n_observations: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of draws and of trees with which the dearest condition takes TASK_SECONDS a task."""
    most, dearest = (  # trees of a draw: most of the smallest size, fewest of the largest
        n_trees_of_draw(parameters["design"], parameters["n_genes"], V)
        for V in (parameters["tree_sizes"][0], parameters["tree_sizes"][-1])
    )
    draw_seconds = draw_weight(parameters, n_observations)
    draws, some = max(int(TASK_SECONDS / draw_seconds), 1), most
    if draw_seconds > TASK_SECONDS:
        some = -(-dearest // int(np.ceil(draw_seconds / TASK_SECONDS)))
    return normalize_chunks(draws, (parameters["n_trees"],))[0], normalize_chunks(some, (most,))[0]
