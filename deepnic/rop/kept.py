"""Trees kept to be walked again: those that count for some genes, grown from their counters."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import dask
import numpy as np
from numpy.typing import NDArray

from deepnic.compute import compute
from deepnic.rop.draws import Parameters
from deepnic.rop.engine import (
    NODES,
    Grown,
    draw_some,
    genes_of_draw,
    grow_some,
    walk,
    weights_of_range,
)
from deepnic.rop.graph import as_many_as, tree_seconds
from deepnic.rop.signatures import N_SIGNATURES

DRAWS = 10  # grown by a task
CYCLE, THRESHOLD = 0, 2  # of a node's record, all that a walk looks at


class Wanted(NamedTuple):
    """Genes, by their positions in the cohort, whose trees under a condition are kept."""

    tree_size: int
    weight_range: int
    genes: tuple[int, ...]


class Kept(NamedTuple):
    """Trees of one condition: those that count for some genes, of every draw.

    d draws, G genes, T trees of V genes, n observations that the forest was grown on.
    """

    tree_size: int
    weight_range: int
    gene: NDArray[np.int32]  # (G,): position in the cohort
    tree: NDArray[np.int32]  # (d, G): row of the tree that counts for a gene in a draw
    signature: NDArray[np.uint8]  # (d, G)
    members: NDArray[np.int32]  # (T, V): positions in the cohort
    mean: NDArray[np.float64]  # (T, V)
    sd: NDArray[np.float64]  # (T, V)
    coef: NDArray[np.int8]  # (T, 6, V)
    cycle: NDArray[np.int8]  # (T, 6): 0 where there is no node
    threshold: NDArray[np.int32]  # (T, 6)
    bag: NDArray[np.uint8]  # (T, ceil(n / 8)): bits of those that the tree was grown on

    def votes(self, expression: NDArray[np.float32]) -> NDArray[np.int8]:
        """Votes (T, observation) on expression (gene, observation): +1 at risk, -1 not."""
        record = np.zeros((*self.cycle.shape, 8), np.int64)
        record[..., CYCLE], record[..., THRESHOLD] = self.cycle, self.threshold
        coef = self.coef.astype(np.int64)
        no_signature = np.empty(0, np.uint8)
        return walk(expression, Grown(self.members, self.mean, self.sd, coef, record, no_signature))

    def in_bag(self, these: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which trees were grown on any of these of the n observations, bool (T,)."""
        bags = np.unpackbits(self.bag, axis=1, count=these.size)
        return np.asarray(bags[:, these].any(axis=1))

    def reordered(self, order: Sequence[int]) -> "Kept":
        """The same trees, the observations they were grown on in another order."""
        bags = np.unpackbits(self.bag, axis=1, count=len(order))
        return self._replace(bag=np.packbits(bags[:, order], axis=1))

    def check(self, n_genes: int, n_grown: int) -> None:
        """Raise `ValueError` where the arrays do not fit each other: they may come from a file."""
        T, V, G = len(self.members), self.tree_size, len(self.gene)
        shapes = {
            "tree": (len(self.tree), G), "signature": (len(self.tree), G), "members": (T, V),
            "mean": (T, V), "sd": (T, V), "coef": (T, NODES, V), "cycle": (T, NODES),
            "threshold": (T, NODES), "bag": (T, -(-n_grown // 8)),
        }  # fmt: skip
        types = {
            "gene": np.int32, "tree": np.int32, "signature": np.uint8, "members": np.int32,
            "mean": np.float64, "sd": np.float64, "coef": np.int8, "cycle": np.int8,
            "threshold": np.int32, "bag": np.uint8,
        }  # fmt: skip
        for name, kind in types.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != shapes.get(name, (G,)):
                raise ValueError(f"{name} of the trees has another shape or type")
        for array, most in (
            (self.gene, n_genes), (self.members, n_genes), (self.tree, T),
            (self.signature, N_SIGNATURES),
        ):  # fmt: skip
            if array.size == 0 or array.min() < 0 or array.max() >= most:
                raise ValueError("a number of the trees is out of its range")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.sd).all()):
            raise ValueError("means of the trees are not finite numbers")


def keep_trees(
    expression: NDArray[np.float32],
    state: NDArray[np.int8],
    group: NDArray[np.int32] | None,
    wanted: Iterable[Wanted],
    parameters: Parameters,
) -> list[Kept]:
    """Grow again, from their counters, the trees that count for some genes.

    ``expression`` (gene, observation), ``state`` and ``group`` (observation,), if bags are of
    groups, are of the observations that the forest was grown on, none of unknown state.
    """
    wanted = list(wanted)
    inputs = dask.delayed((expression, state, group), pure=True)
    grow = dask.delayed(_grow_draws, pure=True)
    tasks, costs, draws = [], [], parameters["n_trees"]
    n = as_many_as(parameters, state.size)
    for one in wanted:
        for first in range(0, draws, DRAWS):
            some = range(first, min(first + DRAWS, draws))
            tasks.append(grow(inputs, one, some, parameters))
            seconds = tree_seconds(one.tree_size, one.weight_range, n)
            costs.append(seconds * len(one.genes) * len(some))
    parts = compute(tasks, "keeping the trees of the pixels", costs=costs)
    per_condition = len(tasks) // len(wanted)
    return [
        _joined(one, parts[k * per_condition : (k + 1) * per_condition])
        for k, one in enumerate(wanted)
    ]


def _grow_draws(
    inputs: tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.int32] | None],
    wanted: Wanted,
    draws: Sequence[int],
    parameters: Parameters,
) -> list[tuple[Grown, NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]]:
    """Trees of some draws: nodes, bags, and for each gene its tree and signature."""
    expression, state, group = inputs
    V, R = wanted.tree_size, wanted.weight_range
    weights = np.tile(weights_of_range(R), (V, 1))
    genes = np.array(wanted.genes)
    rows = []
    for number in draws:
        parts = [*draw_some(parameters, state, group, V, R, number, genes)]
        trees, members, bag, keys = (np.concatenate(one) for one in zip(*parts, strict=True))
        tree, slot = genes_of_draw(parameters, V, R, number)
        place = np.searchsorted(trees, tree[genes])
        grown = grow_some(expression, state, members, bag, keys, weights)
        signature = grown.signature[place, slot[genes]]
        rows.append((grown, np.packbits(bag, axis=1), place.astype(np.int32), signature))
    return rows


def _joined(wanted: Wanted, parts: Iterable[list]) -> Kept:
    """Put the draws of a condition together."""
    grown, bags, places, signatures = zip(*(row for part in parts for row in part), strict=True)
    before = np.cumsum([0, *(len(one.members) for one in grown[:-1])])
    record = np.concatenate([one.record for one in grown])
    cycle = record[..., CYCLE]
    coef = np.concatenate([one.coef for one in grown])
    coef[cycle == 0] = 0  # of no node
    return Kept(
        wanted.tree_size,
        wanted.weight_range,
        np.array(wanted.genes, np.int32),
        np.stack([place + first for place, first in zip(places, before, strict=True)]).astype(
            np.int32
        ),
        np.stack(signatures),
        np.concatenate([one.members for one in grown]),
        np.concatenate([one.mean for one in grown]),
        np.concatenate([one.sd for one in grown]),
        coef.astype(np.int8),
        cycle.astype(np.int8),
        record[..., THRESHOLD].astype(np.int32),
        np.concatenate(bags),
    )
