"""The search of a node of more than 250 observations, by vectors, exactly (compiled).

It gives what search.py gives under the exact rules, where every variable has the same three to five
weights in a row. In so large a node of noise prefixes can hardly be bounded, so nearly every vector
has to be looked at; what counts is how cheaply. The differences, and why each is exact:

- *Coarse counts first.* Thirty-two vectors are bounded at once, and with each its reverse, by
  counts at 16 thresholds or some more (cuts.py). A vector's best cut is seldom near the best of
  all, so a rough bound refutes most: at n = 500 nine of ten or more. No vector is given
  up unless its bound lies above the cost of one that is reached.
- *Prefixes by the same counts.* Variables are taken in groups of two or three (groups.py), and all
  that a group may be is bounded like vectors, the others at their most favourable. Where genes
  tell, this spares most of the box; where they do not, it costs a 25th or so.
- *The rest alone.* A vector that passes is dropped into 256 buckets, which bounds it as in
  bounds.py, but closer; if it passes again, the buckets are put in order for its value and area.
- *Separation.* Once a vector is known that separates the classes, its cost is 0 and its area the
  largest there is: lanes that separate them are counted, as in small.py.
- *Reverses.* If the weights are symmetric, half the box is walked through, the first weight that is
  not 0 negative, and the reverse of a vector is looked at with it. The zero vector has no other.

Legend: as in search.py. The classes are called high, the positives, and low. R weights of each
variable, K variables of a group, G groups.
"""

import numpy as np
from numba import int64, njit, uint32

from deepnic.rop.kernels import search
from deepnic.rop.kernels.alone import add_up, best_cut, deviation_of, put_in_order
from deepnic.rop.kernels.batch import BLOCK, first_lane, n_lanes, separating
from deepnic.rop.kernels.cuts import LEAST, LEAST_REVERSED, REACHED, REACHED_REVERSED
from deepnic.rop.kernels.groups import (
    LargeNode,
    add_weight,
    block_of,
    bound_block,
    climb_groups,
    fill_large,
    first_of,
    n_vectors_of,
    tabulate_group,
    used_of,
)
from deepnic.rop.kernels.search import FP, THRESHOLD, TP, VALUE
from deepnic.rop.kernels.small import (
    AREA,
    COST,
    LARGE,
    TIES,
    WINNER,
    compare,
    retain,
)
from deepnic.rop.kernels.small import (
    LEAST as SIZE,
)

MOST_OBSERVED = 32_000  # observations of a node that is searched here: H L fits int32
LARGEST = 2**31 - 1
FEW_VECTORS = 9  # groups of so few are walked through without bounds
CLIMB_FROM = 16  # prefixes from which a good vector is looked for first


@njit(nogil=True, cache=True)
def search_large(Z, P, key, box, scratch, coef):
    """Search one node, as `search.search` does under the exact rules; ties are counted only.

    Z (V, n) int32, the P positives first. Fills coef (V,) with the retained vector; returns
    threshold, tp, fp, n_ties.
    """
    V, n = Z.shape
    R, K = box.weights.size, box.suffix.shape[1]
    node = LargeNode(P, n - P, *scratch[2:])
    found = node.found
    fill_large(node, box, Z)
    found[:] = 0
    found[COST] = P * (n - P)
    if R ** (V - K) >= CLIMB_FROM:
        climb_groups(node, box)
        _cut_of_given(node)
        found[COST] -= node.cut[VALUE]
    found[AREA] = -1 if found[COST] > 0 else 2 * P * (n - P)
    found[SIZE] = LARGE
    for g in range(node.beyond.size):
        first = first_of(node, box, g)
        tabulate_group(node, box, first, first_of(node, box, g + 1) - first, g)
    _walk(node, box, key, found)
    moved = int64(0)
    for u in range(V):
        v = node.order[u]
        coef[v] = node.given[u] = box.weights[found[WINNER] // node.strides[v] % R]
        moved += coef[v] * node.centre[v]
    _cut_of_given(node)
    return node.cut[THRESHOLD] + moved, node.cut[TP], node.cut[FP], found[TIES]


@njit(nogil=True, cache=True, _nrt=False)
def _cut_of_given(node):
    """Fill node.cut with the best cut of the weights given."""
    add_up(node)
    put_in_order(node, deviation_of(node), node.H * node.L)
    best_cut(node)


@njit(nogil=True, cache=True, inline="always")
def _is_symmetric(box):
    return box.weights[0] == -box.weights[-1]


@njit(nogil=True, cache=True, _nrt=False)
def _walk(node, box, key, found):
    """Walk through the groups that may cost no more than the best known, the best lane first."""
    G = node.beyond.size
    node.sizes[0] = node.indices[0] = 0
    add_weight(node, 0, 1, 0, 0)
    g = int64(0)
    arrived = True
    while g >= 0:
        if arrived:
            node.given[first_of(node, box, g) :] = 0
        if g == G - 1:
            _look(node, box, g, key, found)
            g -= 1
            arrived = False
            continue
        if arrived:
            _bound_children(node, box, g, found)
        best = 0
        for lane in range(node.children.shape[1]):
            if node.children[g, lane] < node.children[g, best]:
                best = lane
        arrived = node.children[g, best] <= found[COST]
        if arrived:
            node.children[g, best] = LARGE
            _give(node, box, g, best)
            g += 1
        else:
            g -= 1


@njit(nogil=True, cache=True, _nrt=False)
def _give(node, box, g, number):
    """Give the variables of a group the weights of one of its lanes."""
    first, end = first_of(node, box, g), first_of(node, box, g + 1)
    size, index = node.sizes[g], node.indices[g]
    add_weight(node, g + 1, g + 2, 0, 0)
    for u in range(end - 1, first - 1, -1):
        k = number % box.weights.size
        number //= box.weights.size
        node.given[u] = box.weights[k]
        add_weight(node, g + 2, g + 2, u, box.weights[k])
        size += abs(box.weights[k])
        index += k * node.strides[node.order[u]]
    node.sizes[g + 1], node.indices[g + 1] = size, index


@njit(nogil=True, cache=True, _nrt=False)
def _bound_children(node, box, g, found):
    """Least costs of the lanes of a group: ``children[g]``."""
    symmetric = _is_symmetric(box)
    n_vectors = n_vectors_of(node, box, g)
    bounded = n_vectors > FEW_VECTORS
    for number in range(node.children.shape[1]):
        node.children[g, number] = LARGE if bounded or number >= n_vectors else 0
    for b in range(-(-n_vectors // BLOCK) if bounded else 0):
        for sign in range(1, -2 if symmetric else 0, -2):
            lanes = _favour(node, box, g, b, sign, found)
            for lane in range(BLOCK):
                number = b * BLOCK + lane
                if (lanes >> uint32(lane)) & uint32(1):
                    cost = int64(0)
                    if found[COST] > 0:
                        cost = int64(node.costs[LEAST if sign > 0 else LEAST_REVERSED, lane])
                    elif sign < 0:
                        number = n_vectors - 1 - lane
                    node.children[g, number] = min(node.children[g, number], cost)
    if symmetric and node.sizes[g] == 0:  # the rest are reverses
        node.children[g, (n_vectors + 1) // 2 :] = LARGE


@njit(nogil=True, cache=True, _nrt=False)
def _favour(node, box, g, b, sign, found):
    """Lanes of a group, or of its reverse, that may be best with the favour of all after it.

    Their least costs go to node.costs, where some are affordable.
    """
    row, scratch = g + 1, node.scores.shape[0] - 1
    factor = np.int32(-1 if found[COST] == 0 and sign < 0 else 1)
    favour = np.int32(1 if found[COST] == 0 else sign)
    for i in range(node.H + node.L):
        node.scores[scratch, i] = factor * node.scores[row, i] + favour * node.reach[g, i]
    if found[COST] > 0:
        first = first_of(node, box, g)
        bound_block(node, box, scratch, first, first_of(node, box, g + 1) - first, g, b)
        return used_of(node, box, g, b)
    at = scratch * node.scores.shape[1]
    block = block_of(node, g, b)
    lanes = separating(node.scores, at, node.H, node.L, node.table, block)
    return lanes & used_of(node, box, g, b)


@njit(nogil=True, cache=True, _nrt=False)
def _look(node, box, g, key, found):
    """Look at all vectors that begin as the prefix does, and at their reverses."""
    symmetric = _is_symmetric(box)
    K = box.suffix.shape[1]
    middle = box.weights.size**K // 2
    central = symmetric and node.sizes[g] == 0
    for b in range(box.used.size):
        lanes = box.used[b]
        if found[COST] > 0:
            bound_block(node, box, g + 1, first_of(node, box, g), K, g, b)
            if central:  # the others are reverses, and that of zero is itself
                lanes &= (uint32(2) << uint32(middle)) - uint32(1)
                node.costs[LEAST_REVERSED, middle] = LARGEST
            _take_cheapest(node, box, b, g, lanes, symmetric, key, found)
        if found[COST] == 0:
            _look_for_separating(node, box, b, g, 1, key, found)
            if symmetric and not central:
                _look_for_separating(node, box, b, g, -1, key, found)
            continue
        while lanes != 0:
            lane = first_lane(lanes)
            lanes &= lanes - uint32(1)
            if node.costs[LEAST, lane] <= found[COST]:
                _weigh(node, box, b, g, lane, 1, key, found)
            if symmetric and node.costs[LEAST_REVERSED, lane] <= found[COST]:
                _weigh(node, box, b, g, lane, -1, key, found)


@njit(nogil=True, cache=True, inline="always")
def _take_cheapest(node, box, b, g, lanes, symmetric, key, found):
    """If a lane of a block, or its reverse, costs less than the best known, weigh it before all."""
    cost, cheapest, sign = found[COST], int64(0), 0
    while lanes != 0:
        lane = first_lane(lanes)
        lanes &= lanes - uint32(1)
        if node.costs[REACHED, lane] < cost:
            cost, cheapest, sign = int64(node.costs[REACHED, lane]), lane, 1
        if symmetric and node.costs[REACHED_REVERSED, lane] < cost:
            cost, cheapest, sign = int64(node.costs[REACHED_REVERSED, lane]), lane, -1
    if sign != 0:
        _weigh(node, box, b, g, cheapest, sign, key, found)
        node.costs[LEAST if sign > 0 else LEAST_REVERSED, cheapest] = LARGEST
        if found[COST] == 0:  # it is counted with the others
            found[TIES], found[SIZE] = 0, LARGE


@njit(nogil=True, cache=True, inline="always")
def _of_lane(node, box, b, g, lane, sign):
    """Sum of |w| and index of a vector that begins as the prefix does, or of its reverse."""
    R = box.weights.size
    index = node.indices[g]
    number = b * BLOCK + lane
    for u in range(node.order.size - 1, first_of(node, box, g) - 1, -1):
        index += number % R * node.strides[node.order[u]]
        number //= R
    if sign < 0:
        index = R**node.order.size - 1 - index
    return node.sizes[g] + box.sizes[b, lane], index


@njit(nogil=True, cache=True, _nrt=False)
def _look_for_separating(node, box, b, g, sign, key, found):
    """Count the lanes of a block that separate the classes, or whose reverses do; all tie."""
    row = g + 1
    if sign < 0:
        row = node.scores.shape[0] - 1
        for i in range(node.H + node.L):
            node.scores[row, i] = -node.scores[g + 1, i]
    at, block = row * node.scores.shape[1], block_of(node, g, b)
    lanes = separating(node.scores, at, node.H, node.L, node.table, block) & box.used[b]
    found[TIES] += n_lanes(lanes)
    room = found[SIZE] - node.sizes[g]
    if room < 0:
        return
    lanes &= box.no_larger[b, min(room, box.no_larger.shape[1] - 1)]
    while lanes != 0:
        lane = first_lane(lanes)
        lanes &= lanes - uint32(1)
        if sign < 0:  # the reverses of a block are those lanes, backwards
            lane = box.weights.size ** box.suffix.shape[1] - 1 - lane
        size, index = _of_lane(node, box, b, g, lane, sign)
        retain(size, index, key, found)


@njit(nogil=True, cache=True, _nrt=False)
def _weigh(node, box, b, g, lane, sign, key, found):
    """Compare a vector, or its reverse, with the best known, if its buckets allow."""
    for i in range(node.H + node.L):
        node.sums[i] = np.int32(sign) * (node.scores[g + 1, i] + node.table[g, b, i, lane])
    if put_in_order(node, node.deviations[lane], found[COST]):
        best_cut(node)
        size, index = _of_lane(node, box, b, g, lane, sign)
        cost = node.H * node.L - node.cut[VALUE]
        compare(size, index, cost, node.cut[search.AREA], key, found)
