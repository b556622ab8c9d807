"""The tasks of a forest, on Dask: how its work is cut, and what each task returns."""

from collections.abc import Callable, Mapping
from math import log
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks
from dask.tokenize import tokenize
from numpy.typing import NDArray

from deepnic.rop.draws import Parameters, by_gene, n_trees_of_draw
from deepnic.rop.engine import Block, grow_block

JOINED_SECONDS, BLOCK_SECONDS = 4.0, 30.0
"""What a block of the dearest condition takes, about, of several draws and of a part of one."""

LEAST_VOTES, MOST_VOTES = 2**15, 2**26
"""Votes of a block at least, where a draw has more (8 KiB packed), and at most, for memory."""

OLD_SECONDS = 8.0
"""What a block of the dearest condition took, about, by the rule before."""


class Growth(NamedTuple):
    """What the trees of a forest are grown from: all that a task needs beside its block."""

    expression: NDArray[np.float32]  # (gene, observation) of all
    state: NDArray[np.int8]  # (observation,) of all
    group: NDArray[np.int32] | None  # (observation,) of all, where bags are of groups
    wanted: NDArray[np.intp]  # (gene,): positions of the genes whose trees are grown
    parameters: Parameters

    def grow(self, block: Block) -> NDArray[np.uint8]:
        """Grow a block (draw, tree, byte): signatures and votes of a tree, side by side."""
        slots, n_trees = self.parameters["tree_sizes"][-1], block.trees.stop - block.trees.start
        rows = np.zeros((len(block.draws), n_trees, slots + self.state.size), np.uint8)
        grow_block(block, *self, *self.parts(rows))
        return rows

    def parts(self, rows: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Signatures (draw, tree, slot) and votes (draw, tree, observation) of what was grown."""
        slots = self.parameters["tree_sizes"][-1]
        return rows[..., :slots], rows[..., slots:].view(np.int8)

    def by_gene(self, block: Block, signatures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Signatures (draw, gene) of the genes, from those of whole draws by trees."""
        return by_gene(
            signatures,
            block.draws,
            self.wanted,
            tree_size=block.tree_size,
            weight_range=block.weight_range,
            parameters=self.parameters,
        )


def grow_lazily(growth: Growth) -> tuple[da.Array, da.Array, da.Array]:
    """Lay out the tasks that grow ``signature``, ``tree_signature`` and ``vote`` of `grow_forest`.

    In memory, that is; `deepnic.store.write_forest` lays out tasks that grow and write.
    """
    parameters, n = growth.parameters, growth.state.size
    sizes, ranges = parameters["tree_sizes"], parameters["weight_ranges"]
    shape = len(sizes), len(ranges), parameters["n_trees"], most_trees(parameters)
    chunks = normalize_chunks((1, 1, *cut(parameters, n)), shape)
    token, given = tokenize(*growth, chunks), dask.delayed(growth, pure=True)
    grown = da.map_blocks(
        _grow_rows,
        growth=given,
        chunks=(*chunks, sizes[-1] + n),
        dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
        name=f"grow-{token}",
    )
    by_tree = grown[..., : sizes[-1]]
    signature = by_tree.rechunk({3: -1}).map_blocks(
        _order_rows,
        growth=given,
        chunks=(*chunks[:3], growth.wanted.size),
        drop_axis=4,
        dtype=np.uint8,
        name=f"order-{token}",
    )
    return signature, by_tree, grown[..., sizes[-1] :].view(np.int8)


def is_to_be_grown(array: da.Array) -> bool:
    """Whether trees are grown each time that values of the array are asked for."""
    return any(layer.startswith("grow-") for layer in array.dask.layers)


def _grow_rows(*, growth: Growth, block_info: dict[None, dict[str, Any]]) -> NDArray[np.uint8]:
    return growth.grow(_block_at(growth, block_info))[None, None]


def _order_rows(
    signatures: NDArray[np.uint8], *, growth: Growth, block_info: dict[None, dict[str, Any]]
) -> NDArray[np.uint8]:
    return growth.by_gene(_block_at(growth, block_info), signatures[0, 0])[None, None]


def _block_at(growth: Growth, block_info: dict[None, dict[str, Any]]) -> Block:
    (v, _), (r, _), draws, trees, *_ = block_info[None]["array-location"]
    sizes, ranges = growth.parameters["tree_sizes"], growth.parameters["weight_ranges"]
    return Block(sizes[v], ranges[r], range(*draws), slice(*trees))


def tree_seconds(tree_size: int, weight_range: int, n_observations: float) -> float:
    """Time of one tree, roughly, to tell what work will take and how far it has come.

    The search visits ever more of the R**V weight vectors the more observations there are; each
    costs as much as there are observations. Of more than about 300, nearly all are visited, but for
    three tenths of it: their nodes are searched in another way. From trees of every condition
    of 20 to 1,000 observations, a tenth of the genes informative or none, on one core (AMD EPYC,
    2026): within a factor of 2 of each. `python -m tests.benchmarks.trees` measures, and fits the
    four numbers.
    """
    few = min(n_observations, 300)
    visited = weight_range ** (tree_size * min(0.081 + 0.131 * log(few), 1))
    return 7.2e-7 * n_observations + 2.6e-8 * max(few, 0.3 * n_observations) * visited


def as_many_as(parameters: Mapping[str, Any], n_observations: float) -> float:
    """Observations without a limit to the bag whose trees take as long, roughly: 0.8 are in it."""
    return min(n_observations, 2 * parameters.get("max_bag", n_observations) / 0.8)


def cut(parameters: Parameters, n_observations: int) -> tuple[int, int]:
    """Draws and trees of a block of a new store: whole draws, where they do not take too long.

    The chunks of a store that is there are its own; see `cut_before`.
    """
    n = as_many_as(parameters, n_observations)
    tree, draw = _dearest(parameters, lambda V, R: tree_seconds(V, R, n))
    most, held = most_trees(parameters), max(MOST_VOTES // n_observations, 1)
    if draw <= BLOCK_SECONDS and most <= held:
        return max(min(int(JOINED_SECONDS / draw), held // most), 1), most
    return 1, min(max(int(BLOCK_SECONDS / tree), LEAST_VOTES // n_observations, 1), most, held)


def cut_before(parameters: Parameters, n_observations: int) -> tuple[int, int]:
    """Draws and trees of a block, as stores were cut before `tree_seconds` was measured.

    Parts of such a store that are lost are laid out by it again.
    """
    _, draw = _dearest(parameters, lambda V, R: 3e-5 + 4e-8 * n_observations * R ** (0.6 * V))
    if draw <= OLD_SECONDS:
        return int(OLD_SECONDS / draw), most_trees(parameters)
    fewest = _n_trees(parameters, parameters["tree_sizes"][-1])
    return 1, -(-fewest // int(np.ceil(draw / OLD_SECONDS)))


def most_trees(parameters: Parameters) -> int:
    """Trees of a draw of the smallest trees, which are the most."""
    return _n_trees(parameters, parameters["tree_sizes"][0])


def _n_trees(parameters: Parameters, tree_size: int) -> int:
    return n_trees_of_draw(parameters["design"], parameters["n_genes"], tree_size)


def _dearest(parameters: Parameters, seconds: Callable[[int, int], float]) -> tuple[float, float]:
    """Seconds of a tree, and of a draw, of the condition whose draws take longest."""
    of_a_tree = [
        (seconds(V, R), V) for V in parameters["tree_sizes"] for R in parameters["weight_ranges"]
    ]
    tree, V = max(of_a_tree, key=lambda one: one[0] * _n_trees(parameters, one[1]))
    return tree, tree * _n_trees(parameters, V)
