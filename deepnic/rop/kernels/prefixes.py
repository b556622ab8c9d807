"""A small node, its prefixes, and the least that vectors that begin so must cost (compiled).

A prefix gives the first variables their weights. Prefixes are bounded by hopeless pairs, as in
bounds.py, all R children of a prefix at once: the slack of a pair, what the weights to come can put
its high observation above its low one, is read once for all of them. While a vector that separates
the classes is looked for, one hopeless pair is enough to give a child up.

Legend: as in small.py. Rows of scores hold the H high observations, then the L low ones, then lanes
with numbers below all others.
"""

from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint32, uint64

from deepnic.rop.kernels import batch
from deepnic.rop.kernels.batch import BLOCK, GROUP
from deepnic.rop.kernels.bounds import LOWEST, whole_lanes
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.search import CLIMB_EVERY, MOST_CLIMBS, random_at


class SmallNode(NamedTuple):
    """A node of H + L observations, and the scratch of its search.

    ``Z`` (V, width) int32 are the centred values, variables in the order of their reach; ``order``,
    ``centre`` and ``strides`` (V,) int64 lead back. Row 0 of ``scores`` is zero, the children of a
    prefix of u weights are rows (u + 1) R and on, their ``costs`` (V + 1, R) int64, the hopeless
    pairs of their low observations ``counts`` (R, width) int32 and of all ``totals`` (R,) int32;
    ``sizes``, ``indices`` and ``digits`` (V + 1,) int64 are those of the prefix. ``table`` (blocks,
    n, 32) int32 is what each lane adds to each score; ``slack`` is flat, see `_tabulate_slack`;
    ``sums`` (n, 32), ``cost`` and ``area`` (32,) int32 serve a block. ``found`` (5,) int64 is the
    best known, see small.py.
    """

    H: int
    L: int
    bounded: bool
    Z: np.ndarray
    order: np.ndarray
    centre: np.ndarray
    strides: np.ndarray
    scores: np.ndarray
    costs: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    sizes: np.ndarray
    indices: np.ndarray
    digits: np.ndarray
    table: np.ndarray
    slack: np.ndarray
    sums: np.ndarray
    cost: np.ndarray
    area: np.ndarray
    found: np.ndarray


@njit(nogil=True, cache=True)
def make_scratch(box, V, n):
    """Arrays for nodes of up to n observations and V variables."""
    R, blocks = box.weights.size, box.used.size
    width = whole_lanes(n + GROUP)
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
        scores=np.zeros(((V + 2) * R, width), np.int32),
        costs=np.zeros((V + 1, R), np.int64),
        counts=np.zeros((R, width), np.int32),
        totals=np.zeros(R, np.int32),
        sizes=np.zeros(V + 1, np.int64),
        indices=np.zeros(V + 1, np.int64),
        digits=np.zeros(V + 1, np.int64),
        table=np.zeros((blocks, n, BLOCK), np.int32),
        slack=np.zeros((V + 1) * (n + GROUP) ** 2 // 4, np.int32),
        sums=np.zeros((n, BLOCK), np.int32),
        cost=np.zeros(BLOCK, np.int32),
        area=np.zeros(BLOCK, np.int32),
        found=np.zeros(5, np.int64),
    )


@njit(nogil=True, cache=True, _nrt=False)
def fill(node, box, Z):
    """Fill the node with Z (V, n), the high observations first, and what follows from it."""
    _sort(node, Z)
    _tabulate_blocks(node, box)
    if node.bounded:
        _tabulate_slack(node, box)


@njit(nogil=True, cache=True, inline="always")
def _sort(node, Z):
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
        for i in range(n):
            node.Z[u, i] = Z[v, i] - node.centre[v]
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
def _tabulate_slack(node, box):
    """What the variables from u on can put high i above low 8 g + l: ``slack[u, g, i, l]``."""
    V = node.Z.shape[0]
    H, L = node.H, node.L
    low, high = box.weights[0], box.weights[-1]
    level = -(-L // GROUP) * H * GROUP
    for at in range(V * level, (V + 1) * level):
        node.slack[at] = 0
    for u in range(V - 1, 0, -1):
        at = u * level
        z = u * node.Z.shape[1]
        for j in range(z + H, z + H + L, GROUP):
            for i in range(z, z + H):
                batch.add_slack(node.Z, i, j, low, high, node.slack, at + level, at)
                at += GROUP


@njit(nogil=True, cache=True, _nrt=False)
def expand(node, box, row, u, target, given, place, affordable):
    """Score the children of a row by variable u; ``costs[place]`` are their least costs.

    ``given`` weights of them are known. Where nothing is affordable, a cost of 1 says "some".
    """
    R, width = box.weights.size, node.scores.shape[1]
    for k in range(R):
        source = target + k - 1 if k > 0 else row
        step = box.weights[k] - (box.weights[k - 1] if k > 0 else 0)
        add_scaled(
            node.scores, source * width, (target + k) * width, node.Z, u * width,
            np.int32(step), width,
        )  # fmt: skip
    if not node.bounded:
        for k in range(R):
            node.costs[place, k] = 0
    elif affordable == 0:
        alive = _which_may_separate(node, R, target, given)
        for k in range(R):
            node.costs[place, k] = 1 - int64((alive >> uint32(k)) & uint32(1))
    else:
        _count_pairs(node, R, target, given)
        for k in range(R):
            total = int64(node.totals[k])
            if 0 < total <= affordable:
                total = batch.cost_of_counts(node.counts, k * width, node.H, node.L)
            node.costs[place, k] = total


@njit(nogil=True, cache=True, inline="always")
def _which_may_separate(node, R, target, given):
    """Children, ``given`` weights of them known, that no hopeless pair rules out, as bits."""
    width = node.scores.shape[1]
    row, groups = target * width, -(-node.L // GROUP)
    first = given * groups * node.H * GROUP
    if R == 3:
        return batch.separable3(node.scores, row, width, node.H, groups, node.slack, first)
    if R == 4:
        return batch.separable4(node.scores, row, width, node.H, groups, node.slack, first)
    return batch.separable5(node.scores, row, width, node.H, groups, node.slack, first)


@njit(nogil=True, cache=True, inline="always")
def _count_pairs(node, R, target, given):
    """Fill node.counts and node.totals with the hopeless pairs of children."""
    width = node.scores.shape[1]
    row, groups = target * width, -(-node.L // GROUP)
    first = given * groups * node.H * GROUP
    s, H, slack, counts, totals = node.scores, node.H, node.slack, node.counts, node.totals
    if R == 3:
        batch.pairs3(s, row, width, H, groups, slack, first, counts, width, totals)
    elif R == 4:
        batch.pairs4(s, row, width, H, groups, slack, first, counts, width, totals)
    else:
        batch.pairs5(s, row, width, H, groups, slack, first, counts, width, totals)


@njit(nogil=True, cache=True, inline="always")
def _score_others(node, box, u, target):
    """Fill a row with the scores of the digits, without variable u."""
    width = node.scores.shape[1]
    source = 0
    for v in range(node.order.size):
        weight = np.int32(box.weights[node.digits[v]] * (v != u))
        add_scaled(node.scores, source, target * width, node.Z, v * width, weight, width)
        source = target * width


@njit(nogil=True, cache=True, _nrt=False)
def climb(node, box):
    """Cost of a good vector: one weight at a time is changed to the best, from random starts."""
    V, R = node.order.size, box.weights.size
    base, target = V * R, (V + 1) * R
    best = node.H * node.L
    for start in range(1 + min(R**V // CLIMB_EVERY, MOST_CLIMBS)):
        for v in range(V):
            node.digits[v] = random_at(uint64(start), v) % uint64(R)
        cost = node.H * node.L + 1
        improved = True
        while improved:
            improved = False
            for u in range(V):
                _score_others(node, box, u, base)
                expand(node, box, base, u, target, V, V, cost)
                for k in range(R):
                    if node.costs[V, k] < cost:
                        cost, node.digits[u] = node.costs[V, k], k
                        improved = True
        best = min(best, cost)
    return best
