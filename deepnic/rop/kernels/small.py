"""The search of a small node: 32 weight vectors at a time, exactly (compiled).

It gives what search.py gives under the exact rules, in nodes of few observations where every
variable has the same three to five weights; there trees spend most of their time. The differences,
and why each is exact:

- *Blocks.* The last two or three variables, the suffix, have at most 64 vectors of weights; blocks
  of 32 lanes hold them (box.py). A table says what each adds to each score, so a score is one
  addition, and depth first search goes through the prefixes alone.
- *Separation first.* In most nodes some vector puts every high observation above every low one. Its
  cost is 0 and its area, 2 H L, the largest there is: all vectors that do so tie, and no other can.
  So the first walk asks of a block just in which lanes the lowest high score lies above the highest
  low one. They are counted as bits of a mask, and one is looked at alone only if it may
  be retained: its sum of |w| must not exceed the least so far.
- *Errors.* If none separates, a second walk looks for the least cost. A cut that leaves out a of
  the high and lets in b of the low costs a L + b H. As long as two errors at most are affordable,
  lanes are tested by the third-lowest high and third-highest low score. Else pairs are counted: a
  cut errs on one of the two of each pair whose high one is not above its low one; an error on a
  high one costs L and settles at most L such pairs, on a low one H and at most H. So the cost of a
  lane is no less than its pairs. Lanes that pass are given their cost and area.
- *Area.* Summed over the pairs of a high and a low observation, 2 where the high one is above and 1
  where they are equal, it is the area of the trapezoids in rop-spec's cuts: no scores are sorted.
- *Bounds.* Prefixes are bounded by hopeless pairs (prefixes.py). Boxes of few blocks are looked at
  without bounds, which would cost more than they spare.

The walk never gives up a vector that may be best; those that tie are counted once each; and among
them the rule of search.py does not depend on their order. So the bits are the same. Scores stay
in int32 where those of search.py do: every sum here is the score of some vector of the box, or the
difference of two observations in one.

Legend: as in search.py; the positives are the high observations. R weights of each variable.
Arrays are made once for many nodes; nothing that runs in a node allocates.
"""

import numpy as np
from numba import int64, njit, uint32

from deepnic.rop.kernels import batch
from deepnic.rop.kernels.batch import BLOCK, first_lane, n_lanes
from deepnic.rop.kernels.prefixes import SmallNode, climb, expand, fill
from deepnic.rop.kernels.search import is_better

MOST_OBSERVED = 64  # observations of a node that is searched here
WITH_ERRORS = 20  # of one whose classes no vector separates; beyond, search.py is as good
FEW_BLOCKS = 20  # boxes up to so many are looked at without bounds

COST, AREA, TIES, LEAST, WINNER = range(5)  # the best known; `found` (5,) int64
LARGE = 1 << 60


@njit(nogil=True, cache=True)
def search_small(Z, P, key, box, scratch, coef):
    """Search one node, as `search.search` does under the exact rules; ties are counted only.

    Z (V, n) int32, the P positives first. Fills coef (V,) with the retained vector; returns
    threshold, tp, fp, n_ties. No ties: no vector separates the classes, and search.py is to look.
    """
    V, n = Z.shape
    R = box.weights.size
    bounded = R ** (V - box.suffix.shape[1]) * box.used.size > FEW_BLOCKS
    node = SmallNode(P, n - P, bounded, *scratch[3:])
    found = node.found
    fill(node, box, Z)
    most = P * (n - P)
    for walk in range(2):
        node.sizes[0] = node.indices[0] = found[TIES] = 0
        found[LEAST] = LARGE
        if walk == 1:
            found[COST], found[AREA] = climb(node, box), -1
        elif bounded:
            found[COST], found[AREA] = 0, 2 * most
        else:
            found[COST], found[AREA] = most, -1
        _walk(node, box, key, found)
        if found[TIES] > 0 or n > WITH_ERRORS:
            break
    if found[TIES] == 0:
        return int64(0), int64(0), int64(0), int64(0)
    for v in range(V):
        coef[v] = box.weights[found[WINNER] // node.strides[v] % R]
    threshold, tp, fp = _best_cut(node, coef)
    return threshold, tp, fp, found[TIES]


@njit(nogil=True, cache=True, _nrt=False)
def _walk(node, box, key, found):
    """Walk through the prefixes, depth first, but for those that cost more than the best known."""
    R = box.weights.size
    depth = node.order.size - box.suffix.shape[1]
    u = row = int64(0)
    while u >= 0:
        if u == depth:
            for b in range(box.used.size):
                if found[COST] == 0:
                    _look_for_separating(node, box, row, b, depth, key, found)
                else:
                    _look_for_cheap(node, box, row, b, depth, key, found)
            u -= 1
        else:
            node.digits[u] = -1
            expand(node, box, row, u, (u + 1) * R, u + 1, u, found[COST])
        while u >= 0:
            node.digits[u] += 1
            k = node.digits[u]
            if k == R:
                u -= 1
            elif node.costs[u, k] <= found[COST]:
                break
        if u >= 0:
            row = (u + 1) * R + k
            node.sizes[u + 1] = node.sizes[u] + abs(box.weights[k])
            node.indices[u + 1] = node.indices[u] + k * node.strides[node.order[u]]
            u += 1


@njit(nogil=True, cache=True, _nrt=False)
def _look_for_separating(node, box, row, b, depth, key, found):
    """Count the lanes of a block that separate the classes; all tie."""
    at = row * node.scores.shape[1]
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
        _retain(node, box, b, first_lane(lanes), depth, key, found)
        lanes &= lanes - uint32(1)


@njit(nogil=True, cache=True, _nrt=False)
def _look_for_cheap(node, box, row, b, depth, key, found):
    """Compare the lanes of a block that may be affordable with the best vectors known."""
    H, L = node.H, node.L
    at = row * node.scores.shape[1]
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
        if cost > found[COST] or (cost == found[COST] and area < found[AREA]):
            continue
        if cost < found[COST] or area > found[AREA]:
            found[COST], found[AREA], found[TIES], found[LEAST] = cost, area, 0, LARGE
        found[TIES] += 1
        _retain(node, box, b, lane, depth, key, found)


@njit(nogil=True, cache=True, inline="always")
def _retain(node, box, b, lane, depth, key, found):
    """Take note of a vector that ties with the best, unless one known is to be retained."""
    size = node.sizes[depth] + box.sizes[b, lane]
    if size <= found[LEAST]:
        R = box.weights.size
        index = node.indices[depth]
        number = b * BLOCK + lane
        for u in range(node.order.size - 1, depth - 1, -1):
            index += number % R * node.strides[node.order[u]]
            number //= R
        if is_better(size, index, key, found[LEAST], found[WINNER]):
            found[LEAST], found[WINNER] = size, index


@njit(nogil=True, cache=True, _nrt=False)
def _best_cut(node, coef):
    """Threshold, tp and fp of the best cut of the weights, of equal ones the highest."""
    H, n = node.H, node.H + node.L
    scores = node.scores[1]
    moved = int64(0)
    for i in range(n):
        scores[i] = 0
    for u in range(node.order.size):
        v = node.order[u]
        moved += coef[v] * node.centre[v]
        for i in range(n):
            scores[i] += np.int32(coef[v]) * node.Z[u, i]
    best = -H * node.L - 1
    threshold = tp = fp = int64(0)
    for i in range(n):
        above_high = above_low = int64(0)
        for j in range(n):
            if scores[j] >= scores[i]:
                above_high += j < H
                above_low += j >= H
        value = above_high * node.L - above_low * H
        if value > best or (value == best and scores[i] > threshold):
            best, threshold, tp, fp = value, int64(scores[i]), above_high, above_low
    return threshold + moved, tp, fp
