"""The search of a node of up to 250 observations, by vectors, exactly (compiled).

It gives what search.py gives under the exact rules, where every variable has the same three to five
weights in a row; that is where forests spend their time. The differences, and why each is exact:

- *Bounds.* Prefixes are bounded by hopeless pairs as in bounds.py, all children of one at once and
  in int16, rounded so that no pair passes for hopeless that is not (pairs.py).
- *Separation first.* In most nodes of few observations some vector puts every high observation
  above every low one. Its cost is 0 and its area, 2 H L, the largest there is: all vectors that do
  so tie, and no other can. So the first walk gives up a prefix at its first hopeless pair.
- *Blocks.* The last two or three variables, the suffix, have at most 64 vectors of weights; blocks
  of 32 lanes hold them (box.py). A table says what each adds to each score, so a score is one
  addition. The first walk asks of a block just in which lanes the lowest high score lies above
  the highest low one. They are counted as bits of a mask, and one is looked at alone only if it may
  be retained: its sum of |w| must not exceed the least so far.
- *Errors.* If none separates, a second walk looks for the least cost, from that of a good vector on
  and the most promising child first. In nodes of many observations few vectors are left when all
  variables are bounded; they are looked at one by one. In those of few, where many tie, blocks are
  quicker. A cut that leaves out a of the high and lets in b of the low costs a L + b H. As long as
  two errors at most are affordable, lanes are tested by the third-lowest high and third-highest low
  score. Else pairs are counted: a cut errs on one of the two of each pair whose high one is not
  above its low one; an error on a high one costs L and settles at most L such pairs, on a low one H
  and at most H. So the cost of a lane is no less than its pairs. Lanes that pass are given their
  cost and area.
- *Area.* Summed over the pairs of a high and a low observation, 2 where the high one is above and 1
  where they are equal, it is the area of the trapezoids in rop-spec's cuts: no scores are sorted.
- Boxes of few blocks are looked at without bounds, which would cost more than they spare.

The walks never give up a vector that may be best; those that tie are counted once each; and among
them the rule of search.py does not depend on their order. So the bits are the same. Scores stay
in int32 where those of search.py do: every sum here is the score of some vector of the box, or the
difference of two observations in one.

Legend: as in search.py. The classes are called high and low, the positives high unless they are
exchanged (prefixes.py). R weights of each variable. Arrays are made once for many nodes; nothing
that runs in a node allocates. What runs once a prefix is put into its walk (forceinline): a node is
twenty arrays, and handing them over took longer than the work.
"""

import numpy as np
from numba import int64, njit, uint32

from deepnic.rop.kernels import batch, pairs
from deepnic.rop.kernels.batch import BLOCK, first_lane, n_lanes
from deepnic.rop.kernels.bounds import whole_lanes
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.prefixes import SmallNode, climb, expand, fill, give
from deepnic.rop.kernels.search import is_better

MOST_OBSERVED = 250  # observations of a node that is searched here: its costs fit int16
FEW_OBSERVED = 130  # up to so many, however the classes overlap; beyond see many.py
WITH_ERRORS = 20  # up to so many, where no vector separates, blocks pay
FEW_BLOCKS = 20  # boxes up to so many are looked at without bounds

COST, AREA, TIES, LEAST, WINNER = range(5)  # the best known; `found` (5,) int64
LARGE = 1 << 60


@njit(nogil=True, cache=True)
def search_small(Z, P, key, box, scratch, coef):
    """Search one node, as `search.search` does under the exact rules; ties are counted only.

    Z (V, n) int32, the P positives first. Fills coef (V,) with the retained vector; returns
    threshold, tp, fp, n_ties.
    """
    V, n = Z.shape
    R = box.weights.size
    N = n - P
    exchanged = N * whole_lanes(P) < P * whole_lanes(N)
    beginning = V - box.suffix.shape[1]
    bounded = n > WITH_ERRORS or R**beginning * box.used.size > FEW_BLOCKS
    node = SmallNode(N if exchanged else P, P if exchanged else N, bounded, *scratch[3:])
    found = node.found
    fill(node, box, Z, exchanged)
    if bounded:
        found[COST], found[AREA] = 0, 2 * P * N
    else:
        found[COST], found[AREA] = P * N, -1
    _walk(node, box, key, beginning, found)
    if found[TIES] == 0:
        found[COST], found[AREA] = climb(node, box), -1
        _walk(node, box, key, beginning if n <= WITH_ERRORS else V, found)
    for v in range(V):
        coef[v] = box.weights[found[WINNER] // node.strides[v] % R]
    threshold, tp, fp = _best_cut(node, Z, P, coef)
    return threshold, tp, fp, found[TIES]


@njit(nogil=True, cache=True, _nrt=False)
def _walk(node, box, key, depth, found):
    """Walk through the prefixes that may cost no more than the best known, the best child first.

    Those of ``depth`` weights are looked at, with all that the rest may be.
    """
    R, width = box.weights.size, node.scores.shape[1]
    node.sizes[0] = node.indices[0] = found[TIES] = 0
    found[LEAST] = LARGE
    u = int64(0)
    arrived = True
    while u >= 0:
        if u == depth:
            _look(node, box, depth, key, found)
            u -= 1
            arrived = False
            continue
        if arrived:
            expand(node, R, u, u, u, found[COST])
        best = 0
        for k in range(1, R):
            if node.costs[u, k] < node.costs[u, best]:
                best = k
        arrived = node.costs[u, best] <= found[COST]
        if not arrived:
            u -= 1
            continue
        node.costs[u, best] = LARGE
        weight = box.weights[best]
        add_scaled(
            node.scores, u * width, (u + 1) * width, node.Z, u * width, np.int32(weight), width
        )  # fmt: skip
        if node.bounded and u + 1 < depth:
            give(node, R, u, u, u + 1, best, 1)
        node.sizes[u + 1] = node.sizes[u] + abs(weight)
        node.indices[u + 1] = node.indices[u] + best * node.strides[node.order[u]]
        u += 1


@njit(nogil=True, cache=True, inline="always")
def _look(node, box, depth, key, found):
    """Look at all vectors that begin as the prefix does."""
    if depth == node.order.size:
        row = depth * node.scores.shape[1]
        cost, area = pairs.value_of(node.scores, row, node.H, node.L)
        compare(node.sizes[depth], node.indices[depth], cost, area, key, found)
    else:
        for b in range(box.used.size):
            if found[COST] == 0:
                _look_for_separating(node, box, b, depth, key, found)
            else:
                _look_for_cheap(node, box, b, depth, key, found)


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _look_for_separating(node, box, b, depth, key, found):
    """Count the lanes of a block that separate the classes; all tie."""
    at = depth * node.scores.shape[1]
    block = b * node.table.shape[1] * BLOCK
    lanes = batch.separating(node.scores, at, node.H, node.L, node.table, block) & box.used[b]
    if lanes == 0:
        return
    found[TIES] += n_lanes(lanes)
    room = found[LEAST] - node.sizes[depth]
    if room < 0:
        return
    lanes &= box.no_larger[b, min(room, box.no_larger.shape[1] - 1)]
    while lanes != 0:
        size, index = _of_lane(node, box, b, first_lane(lanes), depth)
        retain(size, index, key, found)
        lanes &= lanes - uint32(1)


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _look_for_cheap(node, box, b, depth, key, found):
    """Compare the lanes of a block that may be affordable with the best vectors known."""
    H, L = node.H, node.L
    at = depth * node.scores.shape[1]
    block = b * node.table.shape[1] * BLOCK
    lanes = box.used[b]
    few = 3 * min(H, L) > found[COST]
    if few:
        errors = int64(0)
        for missed in range(3):
            for let_in in range(3 - missed):
                allowed = missed * L + let_in * H <= found[COST]
                errors |= int64(allowed) << (3 * missed + let_in)
        lanes &= batch.nearly_separating(node.scores, at, H, L, node.table, block, errors)
        if lanes == 0:
            return
    batch.add_scores(node.scores, at, H + L, node.table, block, node.sums)
    if not few:
        lanes = batch.with_few_pairs(node.sums, H, L, lanes, found[COST])
        if lanes == 0:
            return
    batch.value(node.sums, H, L, node.cost, node.area)
    while lanes != 0:
        lane = first_lane(lanes)
        lanes &= lanes - uint32(1)
        cost, area = int64(node.cost[lane]), int64(node.area[lane])
        if cost <= found[COST]:
            size, index = _of_lane(node, box, b, lane, depth)
            compare(size, index, cost, area, key, found)


@njit(nogil=True, cache=True, inline="always")
def _of_lane(node, box, b, lane, depth):
    """Sum of |w| and index of a vector that begins as the prefix does."""
    R = box.weights.size
    index = node.indices[depth]
    number = b * BLOCK + lane
    for u in range(node.order.size - 1, depth - 1, -1):
        index += number % R * node.strides[node.order[u]]
        number //= R
    return node.sizes[depth] + box.sizes[b, lane], index


@njit(nogil=True, cache=True, inline="always")
def compare(size, index, cost, area, key, found):
    """Compare a vector with the best known, and count it if it ties."""
    if cost > found[COST] or (cost == found[COST] and area < found[AREA]):
        return
    if cost < found[COST] or area > found[AREA]:
        found[COST], found[AREA], found[TIES], found[LEAST] = cost, area, 0, LARGE
    found[TIES] += 1
    retain(size, index, key, found)


@njit(nogil=True, cache=True, inline="always")
def retain(size, index, key, found):
    """Take note of a vector that ties with the best, unless one known is to be retained."""
    if is_better(size, index, key, found[LEAST], found[WINNER]):
        found[LEAST], found[WINNER] = size, index


@njit(nogil=True, cache=True, _nrt=False)
def _best_cut(node, Z, P, coef):
    """Threshold, tp and fp of the best cut of the weights, of equal ones the highest."""
    V, n = Z.shape
    N = n - P
    scores = node.scores[V]
    moved = int64(0)
    for i in range(n):
        scores[i] = 0
    for v in range(V):
        moved += coef[v] * node.centre[v]
        for i in range(n):
            scores[i] += np.int32(coef[v]) * np.int32(Z[v, i] - node.centre[v])
    best = -P * N - 1
    threshold = tp = fp = int64(0)
    for i in range(n):
        above_high = above_low = int64(0)
        for j in range(n):
            if scores[j] >= scores[i]:
                above_high += j < P
                above_low += j >= P
        value = above_high * N - above_low * P
        if value > best or (value == best and scores[i] > threshold):
            best, threshold, tp, fp = value, int64(scores[i]), above_high, above_low
    return threshold + moved, tp, fp
