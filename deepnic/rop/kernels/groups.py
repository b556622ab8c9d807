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
from deepnic.rop.kernels.alone import N_BUCKETS, deviation_of
from deepnic.rop.kernels.batch import BLOCK
from deepnic.rop.kernels.bounds import whole_lanes
from deepnic.rop.kernels.cuts import AT_ONCE, REACHED, bound_cuts
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.prefixes import sort

OBSERVED_A_PASS = 640  # observations for which one more pass of thresholds pays
LARGEST = float(2**31 - 1)


class LargeNode(NamedTuple):
    """A node of H high and L low observations, the positives high, and the scratch of its search.

    ``Z`` (V, width) int32 are the centred values, variables in the order of their reach; ``order``,
    ``centre`` and ``strides`` (V,) int64 lead back; ``products`` (V, V) are their mean products.
    Row 0 of ``scores`` (G + 2, width) int32 is of no weights, row g + 1 of the prefix before group
    g, the last scratch; row g of ``reach`` (G, width) is what the variables after group g can add
    to a high score, or take from a low one, ``beyond`` (G,) its mean square. ``table`` (G, blocks,
    n, 32) int32 is what each lane of a group adds to each score. ``quantiles`` (T,) and ``thresholds`` (T, 32) int32 are where cuts are
    looked at, ``deviations`` (32,) the spread of the lanes' scores; ``worth`` and ``costs`` see
    cuts.py. ``children`` (G, lanes) int64 are the least costs of a group's lanes; ``given`` (V,)
    int64 the prefix's weights; ``sizes`` and ``indices`` (V + 1,) int64 belong to it. ``buckets``
    (256,), ``places`` and ``keys`` (n,) int64, ``sums`` (n,) int32 and ``cut`` (5,) int64 serve a
    single vector, see alone.py; ``found`` (5,) int64 is the best known, see small.py.
    """

    H: int
    L: int
    Z: np.ndarray
    order: np.ndarray
    centre: np.ndarray
    strides: np.ndarray
    products: np.ndarray
    scores: np.ndarray
    reach: np.ndarray
    beyond: np.ndarray
    table: np.ndarray
    quantiles: np.ndarray
    thresholds: np.ndarray
    deviations: np.ndarray
    worth: np.ndarray
    costs: np.ndarray
    children: np.ndarray
    given: np.ndarray
    sizes: np.ndarray
    indices: np.ndarray
    buckets: np.ndarray
    places: np.ndarray
    keys: np.ndarray
    sums: np.ndarray
    cut: np.ndarray
    found: np.ndarray


@njit(nogil=True, cache=True)
def make_large(box, V, n):
    """Arrays for nodes of up to n observations and V variables."""
    R, blocks = box.weights.size, box.used.size
    G = -(-V // box.suffix.shape[1])
    width = whole_lanes(n)
    most = -(-n // OBSERVED_A_PASS) * AT_ONCE
    strides = np.ones(V, np.int64)
    for v in range(V - 2, -1, -1):
        strides[v] = strides[v + 1] * R
    return LargeNode(
        H=0,
        L=0,
        Z=np.zeros((V, width), np.int32),
        order=np.zeros(V, np.int64),
        centre=np.zeros(V, np.int64),
        strides=strides,
        products=np.zeros((V, V)),
        scores=np.zeros((G + 2, width), np.int32),
        reach=np.zeros((G, width), np.int32),
        beyond=np.zeros(G),
        table=np.zeros((G, blocks, n, BLOCK), np.int32),
        quantiles=np.zeros(most),
        thresholds=np.zeros((most, BLOCK), np.int32),
        deviations=np.zeros(BLOCK),
        worth=np.zeros((2, most + 1, BLOCK), np.int32),
        costs=np.zeros((4, BLOCK), np.int32),
        children=np.zeros((G, blocks * BLOCK), np.int64),
        given=np.zeros(V, np.int64),
        sizes=np.zeros(V + 1, np.int64),
        indices=np.zeros(V + 1, np.int64),
        buckets=np.zeros(N_BUCKETS, np.int64),
        places=np.zeros(n, np.int64),
        keys=np.zeros(n, np.int64),
        sums=np.zeros(n, np.int32),
        cut=np.zeros(5, np.int64),
        found=np.zeros(5, np.int64),
    )


@njit(nogil=True, cache=True, _nrt=False)
def fill_large(node, box, Z):
    """Fill the node with Z (V, n), the positives first, and what follows from it."""
    sort(node, Z, False)
    V, n = Z.shape
    for u in range(V):
        for v in range(u + 1):
            total = 0.0
            for i in range(n):
                total += float(node.Z[u, i]) * float(node.Z[v, i])
            node.products[u, v] = node.products[v, u] = total / n
    _reach(node, box)
    T = n_thresholds(node)
    for t in range(T):
        node.quantiles[t] = log((t + 1) / (T - t)) / 1.7  # nearly those of a normal distribution
    node.worth[:] = 0


@njit(nogil=True, cache=True, inline="always")
def n_thresholds(node):
    return -(-(node.H + node.L) // OBSERVED_A_PASS) * AT_ONCE


@njit(nogil=True, cache=True, inline="always")
def first_of(node, box, g):
    """The first variable of a group."""
    return max(node.order.size - (node.beyond.size - g) * box.suffix.shape[1], 0)


@njit(nogil=True, cache=True, inline="always")
def n_vectors_of(node, box, g):
    """How many vectors of weights a group has."""
    return box.weights.size ** (first_of(node, box, g + 1) - first_of(node, box, g))


@njit(nogil=True, cache=True, inline="always")
def used_of(node, box, g, b):
    """The lanes of a block that hold a vector of the group, as bits."""
    left = n_vectors_of(node, box, g) - b * BLOCK
    if left >= BLOCK:
        return uint32(0xFFFFFFFF)
    return (uint32(1) << uint32(max(left, 0))) - uint32(1)


@njit(nogil=True, cache=True, inline="always")
def _reach(node, box):
    low, high = box.weights[0], box.weights[-1]
    n, G = node.H + node.L, node.beyond.size
    node.reach[G - 1] = 0
    for g in range(G - 2, -1, -1):
        square = 0.0
        for i in range(n):
            reach = node.reach[g + 1, i]
            for v in range(first_of(node, box, g + 1), first_of(node, box, g + 2)):
                a, b = low * node.Z[v, i], high * node.Z[v, i]
                reach += np.int32(max(a, b) if i < node.H else min(a, b))
            node.reach[g, i] = reach
            square += float(reach) ** 2
        node.beyond[g] = square / n


@njit(nogil=True, cache=True, inline="always")
def tabulate_group(node, box, u, k, g):
    """Fill the table of group g with what the lanes add by k variables from u on."""
    width = node.Z.shape[1]
    blocks, K, _ = box.suffix.shape
    rows = node.table.shape[2]
    for b in range(blocks):
        for i in range(node.H + node.L):
            batch.tabulate(
                box.suffix, ((b + 1) * K - k) * BLOCK, k,
                node.Z, u * width + i, width,
                node.table, ((g * blocks + b) * rows + i) * BLOCK,
            )  # fmt: skip


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def add_weight(node, source, target, v, weight):
    """Row ``target`` of scores: row ``source`` and so much of variable v."""
    width = node.Z.shape[1]
    n = whole_lanes(node.H + node.L)
    add_scaled(node.scores, source * width, target * width, node.Z, v * width, np.int32(weight), n)


@njit(nogil=True, cache=True, inline="always")
def block_of(node, g, b):
    """Where a block of a group begins in the table."""
    return (g * node.table.shape[1] + b) * node.table.shape[2] * BLOCK


@njit(nogil=True, cache=True, _nrt=False)
def bound_block(node, box, row, u, k, g, b):
    """Fill node.costs for a block of group g, of k variables from u on, with a row of scores.

    The weights of all others must be given; of those yet to be given, 0.
    """
    _set_thresholds(node, box, u, k, b, node.beyond[g])
    bound_cuts(
        node.scores, row * node.scores.shape[1], node.H, node.L,
        node.table, block_of(node, g, b), node.thresholds, n_thresholds(node),
        node.worth, node.costs,
    )  # fmt: skip


@njit(nogil=True, cache=True, inline="always")
def _set_thresholds(node, box, u, k, b, beyond):
    """Spread the thresholds of each lane over its scores, by their mean square."""
    given, products = node.given, node.products
    skipped = box.suffix.shape[1] - k
    node.deviations[:] = beyond + deviation_of(node) ** 2
    for j in range(k):
        pull = 0.0
        for v in range(node.order.size):
            pull += 2 * given[v] * products[u + j, v]
        for lane in range(BLOCK):
            here = pull
            for i in range(k):
                here += box.suffix[b, skipped + i, lane] * products[u + j, u + i]
            node.deviations[lane] += box.suffix[b, skipped + j, lane] * here
    for lane in range(BLOCK):
        node.deviations[lane] = sqrt(max(node.deviations[lane], 1.0))
    for t in range(n_thresholds(node)):
        for lane in range(BLOCK):
            edge = node.deviations[lane] * node.quantiles[t]
            node.thresholds[t, lane] = np.int32(min(max(edge, -LARGEST), LARGEST))


@njit(nogil=True, cache=True, _nrt=False)
def climb_groups(node, box):
    """Give a good vector: K weights at a time are changed to the best, until none is better."""
    V, K = node.order.size, box.suffix.shape[1]
    node.given[:] = box.weights[box.weights.size // 2]
    best = node.H * node.L
    u, unchanged = V, 0
    while unchanged < -(-V // K):
        u = max(u - K, 0) if u > 0 else V - K
        node.given[u : u + K] = 0
        add_weight(node, 0, 1, 0, 0)
        for v in range(V):
            add_weight(node, 1, 1, v, node.given[v])
        tabulate_group(node, box, u, K, node.beyond.size - 1)
        cost, block, lane = _cheapest(node, box, u)
        for k in range(K):
            node.given[u + k] = box.suffix[block, k, lane]
        unchanged = unchanged + 1 if cost >= best else 0
        best = min(best, cost)


@njit(nogil=True, cache=True, inline="always")
def _cheapest(node, box, u):
    """The cost that the best lane of the last group reaches, its block and number."""
    best, block, number = node.H * node.L + 1, 0, 0
    for b in range(box.used.size):
        bound_block(node, box, 1, u, box.suffix.shape[1], node.beyond.size - 1, b)
        for lane in range(BLOCK):
            if (box.used[b] >> uint32(lane)) & uint32(1):
                cost = np.int64(node.costs[REACHED, lane])
                if cost < best:
                    best, block, number = cost, b, lane
    return best, block, number
