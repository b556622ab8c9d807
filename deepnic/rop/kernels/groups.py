"""A large node, its variables in groups of lanes, and bounds of all vectors of a group (compiled).

Counted from the last, variables are taken in groups of K, as many as the blocks of a box hold
(box.py); the first group has what is left. A prefix gives some groups their weights. All that the
next group may be is bounded together, a lane each (cuts.py): the high observations at the highest
scores that the variables after it can give them, the low ones at their lowest. With no variable
after it the bounds are of whole vectors.

Where the weights are symmetric, so is the box, and a vector and its reverse share their counts.

Legend: as in large.py. Rows of scores hold the H high observations, then the L low ones, then lanes
of no meaning. G groups, T thresholds.
"""

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit, uint32

from deepnic.rop.kernels import batch
from deepnic.rop.kernels.alone import Alone, make_alone
from deepnic.rop.kernels.batch import BLOCK
from deepnic.rop.kernels.bounds import whole_lanes
from deepnic.rop.kernels.cuts import AT_ONCE, REACHED, bound_cuts
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.prefixes import sort

OBSERVED_A_PASS = 640  # observations for which one more pass of thresholds pays
LARGEST = float(2**31 - 1)


class Counts(NamedTuple):
    """Where the scores of a block of lanes are counted, and what follows.

    ``given`` (V,) int64 are the weights of a prefix, ``products`` (V, V) the mean products of the
    variables. ``quantiles`` (T,) and ``thresholds`` (T, 32) int32 are where cuts are looked at,
    ``deviations`` (32,) the spread of the lanes' scores; ``worth`` and ``costs`` see cuts.py.
    """

    given: np.ndarray
    products: np.ndarray
    quantiles: np.ndarray
    thresholds: np.ndarray
    deviations: np.ndarray
    worth: np.ndarray
    costs: np.ndarray


class LargeNode(NamedTuple):
    """A node of H high and L low observations, the positives high, and the scratch of its search.

    ``Z`` (V, width) int32 are the centred values, variables in the order of their reach; ``order``,
    ``centre`` and ``strides`` (V,) int64 lead back; ``first`` (G + 1,) int64 is the first variable
    of each group. Row 0 of ``scores`` (G + 2, width) int32 is of no weights, row g + 1 of the
    prefix before group g, the last scratch; row g of ``reach`` (G, width) is what the variables
    after group g can add to a high score, or take from a low one, ``beyond`` (G,) its mean square.
    ``table`` (G, blocks, n, 32) int32 is what each lane of a group adds to each score. ``children``
    (G, lanes) int64 are the least costs of a group's lanes; ``sizes`` and ``indices`` (V + 1,)
    int64 belong to the prefix. ``found`` (5,) int64 is the best known, see small.py.
    """

    H: int
    L: int
    Z: np.ndarray
    order: np.ndarray
    centre: np.ndarray
    strides: np.ndarray
    first: np.ndarray
    scores: np.ndarray
    reach: np.ndarray
    beyond: np.ndarray
    table: np.ndarray
    counts: Counts
    children: np.ndarray
    sizes: np.ndarray
    indices: np.ndarray
    alone: Alone
    found: np.ndarray


@njit(nogil=True, cache=True)
def make_large(box, V, n):
    """Arrays for nodes of up to n observations and V variables."""
    R, blocks, K = box.weights.size, box.used.size, box.suffix.shape[1]
    G = -(-V // K)
    width = whole_lanes(n)
    T = n_thresholds(n)
    strides, first = np.ones(V, np.int64), np.zeros(G + 1, np.int64)
    for v in range(V - 2, -1, -1):
        strides[v] = strides[v + 1] * R
    for g in range(1, G + 1):
        first[g] = V - (G - g) * K
    return LargeNode(
        H=0,
        L=0,
        Z=np.zeros((V, width), np.int32),
        order=np.zeros(V, np.int64),
        centre=np.zeros(V, np.int64),
        strides=strides,
        first=first,
        scores=np.zeros((G + 2, width), np.int32),
        reach=np.zeros((G, width), np.int32),
        beyond=np.zeros(G),
        table=np.zeros((G, blocks, n, BLOCK), np.int32),
        counts=Counts(
            given=np.zeros(V, np.int64),
            products=np.zeros((V, V)),
            quantiles=np.zeros(T),
            thresholds=np.zeros((T, BLOCK), np.int32),
            deviations=np.zeros(BLOCK),
            worth=np.zeros((2, T + 1, BLOCK), np.int32),
            costs=np.zeros((4, BLOCK), np.int32),
        ),
        children=np.zeros((G, blocks * BLOCK), np.int64),
        sizes=np.zeros(V + 1, np.int64),
        indices=np.zeros(V + 1, np.int64),
        alone=make_alone(n),
        found=np.zeros(5, np.int64),
    )


@njit(nogil=True, cache=True, inline="always")
def n_thresholds(n):
    return -(-n // OBSERVED_A_PASS) * AT_ONCE


@njit(nogil=True, cache=True)
def fill_large(node, box, Z):
    """Fill the node with Z (V, n), the positives first, and what follows from it."""
    sort(node, Z, False)
    V, n = Z.shape
    moved, products, quantiles = node.Z, node.counts.products, node.counts.quantiles
    for u in range(V):
        for v in range(u + 1):
            total = 0.0
            for i in range(n):
                total += float(moved[u, i]) * float(moved[v, i])
            products[u, v] = products[v, u] = total / n
    _fill_reach(moved, node.first, node.H, n, box.weights, node.reach, node.beyond)
    T = n_thresholds(n)
    for t in range(T):
        quantiles[t] = log((t + 1) / (T - t)) / 1.7  # nearly those of a normal distribution
    node.counts.worth[:] = 0


@njit(nogil=True, cache=True, inline="always")
def _fill_reach(Z, first, H, n, weights, reach, beyond):
    low, high = weights[0], weights[-1]
    G = beyond.size
    for g in range(G - 1, -1, -1):
        square = 0.0
        for i in range(n):
            here = np.int64(0)
            for v in range(first[g + 1], Z.shape[0]):
                a, b = low * Z[v, i], high * Z[v, i]
                here += max(a, b) if i < H else min(a, b)
            reach[g, i] = here
            square += float(here) ** 2
        beyond[g] = square / n


@njit(nogil=True, cache=True, _nrt=False)
def tabulate_group(box, Z, n, u, k, table, g):
    """Fill the table of group g with what the lanes add by k variables from u on."""
    width = Z.shape[1]
    blocks, K, _ = box.suffix.shape
    for b in range(blocks):
        for i in range(n):
            batch.tabulate(
                box.suffix, ((b + 1) * K - k) * BLOCK, k,
                Z, u * width + i, width,
                table, ((g * blocks + b) * table.shape[2] + i) * BLOCK,
            )  # fmt: skip


@njit(nogil=True, cache=True, _nrt=False)
def add_weight(scores, source, target, Z, v, weight, n):
    """Row ``target`` of scores: row ``source`` and so much of variable v."""
    width = Z.shape[1]
    add_scaled(
        scores, source * width, target * width, Z, v * width, np.int32(weight), whole_lanes(n)
    )  # fmt: skip


@njit(nogil=True, cache=True, inline="always")
def deviation_of(given, products):
    """Root mean square of the scores of these weights (V,)."""
    square = 0.0
    for u in range(given.size):
        for v in range(given.size):
            square += given[u] * given[v] * products[u, v]
    return sqrt(max(square, 0.0))


@njit(nogil=True, cache=True, _nrt=False)
def bound_block(counts, scores, row, H, L, table, g, b, suffix, u, k, beyond):
    """Fill counts.costs for a block of group g, of k variables from u on, with a row of scores.

    The weights of all others must be given; of those yet to be given, 0.
    """
    _set_thresholds(counts, suffix, u, k, b, beyond, n_thresholds(H + L))
    block = (g * table.shape[1] + b) * table.shape[2] * BLOCK
    bound_cuts(
        scores, row * scores.shape[1], H, L, table, block,
        counts.thresholds, n_thresholds(H + L), counts.worth, counts.costs,
    )  # fmt: skip


@njit(nogil=True, cache=True, inline="always")
def _set_thresholds(counts, suffix, u, k, b, beyond, T):
    """Spread the thresholds of each lane over its scores, by their mean square."""
    given, products, quantiles, thresholds, deviations, _, _ = counts
    skipped = suffix.shape[1] - k
    fixed = beyond + deviation_of(given, products) ** 2
    for lane in range(BLOCK):
        deviations[lane] = fixed
    for j in range(k):
        pull = 0.0
        for v in range(given.size):
            pull += 2 * given[v] * products[u + j, v]
        for lane in range(BLOCK):
            here = pull
            for i in range(k):
                here += suffix[b, skipped + i, lane] * products[u + j, u + i]
            deviations[lane] += suffix[b, skipped + j, lane] * here
    for lane in range(BLOCK):
        deviations[lane] = sqrt(max(deviations[lane], 1.0))
    for t in range(T):
        for lane in range(BLOCK):
            edge = deviations[lane] * quantiles[t]
            thresholds[t, lane] = np.int32(min(max(edge, -LARGEST), LARGEST))


@njit(nogil=True, cache=True)
def climb_groups(node, box):
    """Give a good vector: K weights at a time are changed to the best, until none is better."""
    H, L, Z, scores, table, counts = node.H, node.L, node.Z, node.scores, node.table, node.counts
    given = counts.given
    V, K, last = given.size, box.suffix.shape[1], node.beyond.size - 1
    for v in range(V):
        given[v] = box.weights[box.weights.size // 2]
    best = H * L
    u, unchanged = V, 0
    while unchanged < -(-V // K):
        u = max(u - K, 0) if u > 0 else V - K
        for k in range(K):
            given[u + k] = 0
        add_weight(scores, 0, 1, Z, 0, 0, H + L)
        for v in range(V):
            add_weight(scores, 1, 1, Z, v, given[v], H + L)
        tabulate_group(box, Z, H + L, u, K, table, last)
        cost, block, cheapest = H * L + 1, 0, 0
        for b in range(box.used.size):
            bound_block(counts, scores, 1, H, L, table, last, b, box.suffix, u, K, 0.0)
            for lane in range(BLOCK):
                here = np.int64(counts.costs[REACHED, lane])
                if (box.used[b] >> uint32(lane)) & uint32(1) and here < cost:
                    cost, block, cheapest = here, b, lane
        for k in range(K):
            given[u + k] = box.suffix[block, k, cheapest]
        unchanged = unchanged + 1 if cost >= best else 0
        best = min(best, cost)
