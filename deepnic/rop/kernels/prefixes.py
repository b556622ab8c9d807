"""A small node, its prefixes, and the least that vectors that begin so must cost (compiled).

A prefix gives the first variables their weights. Prefixes are bounded by their hopeless pairs
(pairs.py, and bounds.py for what they must cost), all R children of a prefix at once. While a
vector that separates the classes is looked for, one hopeless pair is enough to give a child up.

Legend: as in small.py. Rows of scores hold the H high observations, then the L low ones, then lanes
with numbers below all others.
"""

from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint32, uint64

from deepnic.rop.kernels import batch, pairs
from deepnic.rop.kernels.batch import BLOCK
from deepnic.rop.kernels.bounds import LOWEST, whole_lanes
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.pairs import LANES, MOST_HOPE
from deepnic.rop.kernels.search import random_at

CLIMB_EVERY = 20_000  # vectors of a box for which one more climb pays
MOST_CLIMBS = 16


class SmallNode(NamedTuple):
    """A node of H high and L low observations, and the scratch of its search.

    The classes change places, and values their signs, where the pairs then fill fewer lanes. ``Z``
    (V, width) int32 are the centred values, variables in the order of their reach; ``order``,
    ``centre`` and ``strides`` (V,) int64 lead back. Of prefixes of u weights, row u of ``scores``
    (V + 1, width) int32 holds the scores, row u of ``hopes`` (V + 2, level) int16 the hopes of the
    pairs; ``apart`` (V, level) int16 are their differences, flat both; ``costs`` (V + 1, R) int64
    are the least costs of the children, ``counts`` (R, groups, 16) and ``totals`` (R,) int16 their
    hopeless pairs; ``sizes``, ``indices`` (V + 1,) and ``digits`` (V,) int64 belong to the prefix.
    ``table`` (blocks, n, 32) int32 is what each lane adds to each score; ``sums`` (n, 32), ``cost``
    and ``area`` (32,) int32 serve a block. ``found`` (5,) int64 is the best known, see small.py.
    """

    H: int
    L: int
    bounded: bool
    Z: np.ndarray
    order: np.ndarray
    centre: np.ndarray
    strides: np.ndarray
    scores: np.ndarray
    apart: np.ndarray
    hopes: np.ndarray
    costs: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    sizes: np.ndarray
    indices: np.ndarray
    digits: np.ndarray
    table: np.ndarray
    sums: np.ndarray
    cost: np.ndarray
    area: np.ndarray
    found: np.ndarray


@njit(nogil=True, cache=True)
def make_scratch(box, V, n):
    """Arrays for nodes of up to n observations and V variables."""
    R, blocks = box.weights.size, box.used.size
    width = whole_lanes(n + LANES)
    level = (n + LANES) ** 2 // 4
    strides = np.ones(V, np.int64)
    for v in range(V - 2, -1, -1):
        strides[v] = strides[v + 1] * R
    return SmallNode(
        H=0,
        L=0,
        bounded=False,
        Z=np.zeros((V, width), np.int32),
        order=np.zeros(V, np.int64),
        centre=np.zeros(V, np.int64),
        strides=strides,
        scores=np.zeros((V + 1, width), np.int32),
        apart=np.zeros(V * level, np.int16),
        hopes=np.zeros((V + 2) * level, np.int16),
        costs=np.zeros((V + 1, R), np.int64),
        counts=np.zeros(R * width, np.int16),
        totals=np.zeros(R, np.int16),
        sizes=np.zeros(V + 1, np.int64),
        indices=np.zeros(V + 1, np.int64),
        digits=np.zeros(V, np.int64),
        table=np.zeros((blocks, n, BLOCK), np.int32),
        sums=np.zeros((n, BLOCK), np.int32),
        cost=np.zeros(BLOCK, np.int32),
        area=np.zeros(BLOCK, np.int32),
        found=np.zeros(5, np.int64),
    )


@njit(nogil=True, cache=True, _nrt=False)
def fill(node, box, Z, exchanged):
    """Fill the node with Z (V, n), the positives first, and what follows from it."""
    sort(node, Z, exchanged)
    _tabulate_blocks(node, box)
    if node.bounded:
        _tabulate_pairs(node, box)


@njit(nogil=True, cache=True, inline="always")
def sort(node, Z, exchanged):
    """Fill node.Z: each variable less its mean, those that move scores furthest first."""
    V, n = Z.shape
    reach = node.sizes
    for v in range(V):
        centre = int64(0)
        for i in range(n):
            centre += Z[v, i]
        centre //= n
        node.centre[v] = centre
        spread = int64(0)
        for i in range(n):
            spread += abs(Z[v, i] - centre)
        u = v
        while u > 0 and reach[u - 1] < spread:
            reach[u], node.order[u] = reach[u - 1], node.order[u - 1]
            u -= 1
        reach[u], node.order[u] = spread, v
    for u in range(V):
        v = node.order[u]
        centre = node.centre[v]
        if exchanged:
            for i in range(node.L):
                node.Z[u, node.H + i] = centre - Z[v, i]
            for i in range(node.H):
                node.Z[u, i] = centre - Z[v, node.L + i]
        else:
            for i in range(n):
                node.Z[u, i] = Z[v, i] - centre
        for i in range(n, node.Z.shape[1]):
            node.Z[u, i] = 0
    for i in range(node.Z.shape[1]):
        node.scores[0, i] = LOWEST if i >= n else 0


@njit(nogil=True, cache=True, inline="always")
def _tabulate_blocks(node, box):
    V, width = node.Z.shape
    blocks, K, _ = box.suffix.shape
    rows = node.table.shape[1]
    for b in range(blocks):
        for i in range(node.H + node.L):
            batch.tabulate(
                box.suffix, b * K * BLOCK, K,
                node.Z, (V - K) * width + i, width,
                node.table, (b * rows + i) * BLOCK,
            )  # fmt: skip


@njit(nogil=True, cache=True, inline="always")
def _tabulate_pairs(node, box):
    """Fill node.apart and row 0 of node.hopes, scaled to int16."""
    V, width = node.Z.shape
    low, high = box.weights[0], box.weights[-1]
    furthest = max(-low, high)
    most = int64(0)
    for u in range(V):
        least, largest = int64(0), int64(0)
        for i in range(node.H + node.L):
            z = int64(node.Z[u, i])
            least, largest = min(least, z), max(largest, z)
        most += furthest * (largest - least)
    shift = int64(0)
    while most >> shift >= MOST_HOPE:
        shift += 1
    rounded = V * furthest if shift > 0 else 0  # each difference by one at most
    pairs.tabulate_pairs(
        node.Z, width, V, node.H, node.L, low, high, shift, rounded - 1, node.apart, node.hopes
    )  # fmt: skip


@njit(nogil=True, cache=True, inline="always")
def level_of(node):
    """Places of the hopes of one prefix."""
    return node.H * whole_lanes(node.L)


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def give(node, R, u, source, target, k, sign):
    """Give variable u its k-th weight (sign 1), or take it back (-1), in a row of hopes."""
    n = level_of(node)
    pairs.give_weight(node.apart, u * n, node.hopes, source * n, target * n, n, R - 1, k, sign)


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def expand(node, R, u, row, place, affordable):
    """Least costs of the children of a row of hopes by variable u: ``costs[place]``.

    Where nothing is affordable, a cost of 1 says "some".
    """
    if not node.bounded:
        for k in range(R):
            node.costs[place, k] = 0
    elif affordable == 0:
        alive = _which_may_separate(node, R, u, row)
        for k in range(R):
            node.costs[place, k] = 1 - int64((alive >> uint32(k)) & uint32(1))
    else:
        _count_hopeless(node, R, u, row)
        width = whole_lanes(node.L)
        for k in range(R):
            total = int64(node.totals[k])
            if 0 < total <= affordable:
                total = pairs.cost_of_counts(node.counts, k * width, node.H, node.L)
            node.costs[place, k] = total


@njit(nogil=True, cache=True, inline="always")
def _which_may_separate(node, R, u, row):
    """Children that no hopeless pair rules out, as bits."""
    n = level_of(node)
    if R == 3:
        return pairs.hopeful3(node.apart, u * n, node.hopes, row * n, n)
    if R == 4:
        return pairs.hopeful4(node.apart, u * n, node.hopes, row * n, n)
    return pairs.hopeful5(node.apart, u * n, node.hopes, row * n, n)


@njit(nogil=True, cache=True, inline="always")
def _count_hopeless(node, R, u, row):
    """Fill node.counts and node.totals with the hopeless pairs of children."""
    n = level_of(node)
    groups = whole_lanes(node.L) // LANES
    d, h, counts, totals = node.apart, node.hopes, node.counts, node.totals
    if R == 3:
        pairs.hopeless3(d, u * n, h, row * n, node.H, groups, counts, totals)
    elif R == 4:
        pairs.hopeless4(d, u * n, h, row * n, node.H, groups, counts, totals)
    else:
        pairs.hopeless5(d, u * n, h, row * n, node.H, groups, counts, totals)


@njit(nogil=True, cache=True, _nrt=False)
def climb(node, box):
    """Cost of a good vector: one weight at a time is changed to the best, from several starts."""
    V, R = node.order.size, box.weights.size
    best = node.H * node.L
    for start in range(1 + min(R**V // CLIMB_EVERY, MOST_CLIMBS)):
        for v in range(V):
            node.digits[v] = random_at(uint64(start), v) % uint64(R)
            give(node, R, v, v if v == 0 else V, V, node.digits[v], 1)
        _ascend(node, R)
        best = min(best, _cost_of_digits(node, box))
    return best


@njit(nogil=True, cache=True, inline="always")
def _ascend(node, R):
    """Change one digit at a time, row V of hopes with it, until none is better."""
    V = node.order.size
    most = node.H * node.L
    cost = total = most + 1
    unchanged = 0
    u = 0
    while unchanged < V:
        give(node, R, u, V, V + 1, node.digits[u], -1)
        expand(node, R, u, V + 1, V, most)
        unchanged += 1
        for k in range(R):
            here = node.costs[V, k]
            if here < cost or (here == cost and node.totals[k] < total):
                cost, total, node.digits[u] = here, int64(node.totals[k]), k
                unchanged = 0
        give(node, R, u, V + 1, V, node.digits[u], 1)
        u = (u + 1) % V


@njit(nogil=True, cache=True, inline="always")
def _cost_of_digits(node, box):
    V, width = node.Z.shape
    source = int64(0)
    for v in range(V):
        weight = np.int32(box.weights[node.digits[v]])
        add_scaled(node.scores, source, V * width, node.Z, v * width, weight, width)
        source = V * width
    return pairs.value_of(node.scores, V * width, node.H, node.L)[0]
