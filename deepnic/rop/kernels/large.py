"""The search of a node of many observations, by vectors, exactly (compiled).

Of more than 250, or of more than 130 whose classes overlap (many.py). It gives what search.py gives
under the exact rules, where every variable has the same three to five weights in a row. In so large
a node of noise prefixes can hardly be bounded, so nearly every vector has to be looked at; what
counts is how cheaply. The differences, and why each is exact:

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
from deepnic.rop.kernels.alone import cut_of_sums
from deepnic.rop.kernels.batch import BLOCK, first_lane, n_lanes, separating
from deepnic.rop.kernels.cuts import LEAST, REACHED
from deepnic.rop.kernels.groups import (
    LargeNode,
    add_weight,
    bound_block,
    climb_groups,
    deviation_of,
    fill_large,
    tabulate_group,
)
from deepnic.rop.kernels.small import AREA, COST, LARGE, TIES, WINNER, compare, retain
from deepnic.rop.kernels.small import LEAST as SIZE

MOST_OBSERVED = 32_000  # observations of a node that is searched here: H L fits int32
LARGEST = 2**31 - 1
FEW_VECTORS = 9  # groups of so few are walked through without bounds
CLIMB_FROM = 16  # prefixes from which a good vector is looked for first
FORWARD, REVERSED = range(2)


@njit(nogil=True, cache=True)
def search_large(Z, P, key, box, scratch, coef):
    """Search one node, as `search.search` does under the exact rules; ties are counted only.

    Z (V, n) int32, the P positives first. Fills coef (V,) with the retained vector; returns
    threshold, tp, fp, n_ties.
    """
    V, n = Z.shape
    R, K = box.weights.size, box.suffix.shape[1]
    node = LargeNode(P, n - P, *scratch[2:])
    found, first, given, cut = node.found, node.first, node.counts.given, node.alone.cut
    fill_large(node, box, Z)
    found[TIES] = found[WINNER] = 0
    found[COST], found[SIZE] = P * (n - P), LARGE
    if R ** (V - K) >= CLIMB_FROM:
        climb_groups(node, box)
        _cut_of_weights(node.alone, node.Z, P, n - P, given, node.counts.products)
        found[COST] -= cut[search.VALUE]
    found[AREA] = -1 if found[COST] > 0 else 2 * P * (n - P)
    for g in range(first.size - 1):
        tabulate_group(box, node.Z, n, first[g], first[g + 1] - first[g], node.table, g)
    _walk(node, box, key)
    moved = int64(0)
    for u in range(V):
        v = node.order[u]
        coef[v] = given[u] = box.weights[found[WINNER] // node.strides[v] % R]
        moved += coef[v] * node.centre[v]
    _cut_of_weights(node.alone, node.Z, P, n - P, given, node.counts.products)
    return cut[search.THRESHOLD] + moved, cut[search.TP], cut[search.FP], found[TIES]


@njit(nogil=True, cache=True, _nrt=False)
def _cut_of_weights(alone, Z, H, L, weights, products):
    """Find the best cut of these weights (V,)."""
    sums = alone.sums
    for i in range(H + L):
        sums[i] = 0
    for v in range(weights.size):
        for i in range(H + L):
            sums[i] += np.int32(weights[v]) * Z[v, i]
    cut_of_sums(alone, H, L, deviation_of(weights, products), H * L)


@njit(nogil=True, cache=True, inline="always")
def _walk(node, box, key):
    """Walk through the groups that may cost no more than the best known, the best lane first."""
    H, L, Z, scores, first, sizes = node.H, node.L, node.Z, node.scores, node.first, node.sizes
    children, found, given = node.children, node.found, node.counts.given
    symmetric = box.weights[0] == -box.weights[-1]
    last = first.size - 2
    sizes[0] = node.indices[0] = 0
    add_weight(scores, 0, 1, Z, 0, 0, H + L)
    g = int64(0)
    arrived = True
    while g >= 0:
        if arrived:
            for u in range(first[g], given.size):
                given[u] = 0
            if g == last:
                _look(node, box, symmetric, key)
                g -= 1
                arrived = False
                continue
            _bound_children(node, box, g, symmetric)
        best = 0
        for lane in range(children.shape[1]):
            if children[g, lane] < children[g, best]:
                best = lane
        arrived = children[g, best] <= found[COST]
        if arrived:
            children[g, best] = LARGE
            _give(node, box, g, best)
            g += 1
        else:
            g -= 1


@njit(nogil=True, cache=True, inline="always")
def _give(node, box, g, number):
    """Give the variables of a group the weights of one of its lanes."""
    scores, Z, first, strides, order = node.scores, node.Z, node.first, node.strides, node.order
    sizes, indices, given, weights = node.sizes, node.indices, node.counts.given, box.weights
    n = node.H + node.L
    sizes[g + 1], indices[g + 1] = sizes[g], indices[g]
    add_weight(scores, g + 1, g + 2, Z, 0, 0, n)
    for u in range(first[g + 1] - 1, first[g] - 1, -1):
        k = number % weights.size
        number //= weights.size
        given[u] = weights[k]
        add_weight(scores, g + 2, g + 2, Z, u, weights[k], n)
        sizes[g + 1] += abs(weights[k])
        indices[g + 1] += k * strides[order[u]]


@njit(nogil=True, cache=True, inline="always")
def _bound_children(node, box, g, symmetric):
    """Least costs of the lanes of a group, with the favour of all after it: ``children[g]``.

    Where the best known cost is 0, it says whether a lane, or its reverse, may separate.
    """
    H, L, scores, reach, table = node.H, node.L, node.scores, node.reach, node.table
    children, counts, cost = node.children, node.counts, node.found[COST]
    first, k = node.first[g], node.first[g + 1] - node.first[g]
    row, width = scores.shape[0] - 1, scores.shape[1]
    n_vectors = box.weights.size**k
    bounded = n_vectors > FEW_VECTORS
    for number in range(children.shape[1]):
        children[g, number] = LARGE if bounded or number >= n_vectors else 0
    for turn in range(2 * -(-n_vectors // BLOCK) if bounded else 0):
        b, way = turn // 2, turn % 2
        if way == REVERSED and not symmetric:
            continue
        # reversed, lanes are counted as they are, but separate with the scores of the reverse
        factor = np.int32(-1 if cost == 0 and way == REVERSED else 1)
        favour = np.int32(-1 if cost > 0 and way == REVERSED else 1)
        for i in range(H + L):
            scores[row, i] = factor * scores[g + 1, i] + favour * reach[g, i]
        lanes = uint32(0xFFFFFFFF)
        if cost > 0:
            bound_block(
                counts, scores, row, H, L, table, g, b, box.suffix, first, k, node.beyond[g]
            )
        else:
            block = (g * table.shape[1] + b) * table.shape[2] * BLOCK
            lanes = separating(scores, row * width, H, L, table, block)
        for lane in range(min(n_vectors - b * BLOCK, BLOCK)):
            if (lanes >> uint32(lane)) & uint32(1):
                number = b * BLOCK + lane
                if factor < 0:
                    number = n_vectors - 1 - number
                least = int64(counts.costs[LEAST + way, lane]) if cost > 0 else int64(0)
                children[g, number] = min(children[g, number], least)
    if symmetric and node.sizes[g] == 0:  # the rest are reverses
        for number in range((n_vectors + 1) // 2, n_vectors):
            children[g, number] = LARGE


@njit(nogil=True, cache=True, inline="always")
def _look(node, box, symmetric, key):
    """Look at all vectors that begin as the prefix does, and at their reverses."""
    H, L, scores, table, found, counts = (
        node.H, node.L, node.scores, node.table, node.found, node.counts
    )  # fmt: skip
    costs, K, g = counts.costs, box.suffix.shape[1], node.first.size - 2
    middle = box.weights.size**K // 2
    central = symmetric and node.sizes[g] == 0
    for b in range(box.used.size):
        if found[COST] > 0:
            bound_block(counts, scores, g + 1, H, L, table, g, b, box.suffix, node.first[g], K, 0.0)
            for lane in range(BLOCK):
                unused = not (box.used[b] >> uint32(lane)) & uint32(1)
                if unused or (central and lane > middle):
                    for kind in range(4):
                        costs[kind, lane] = LARGEST
                elif not symmetric or (central and lane == middle):
                    costs[LEAST + REVERSED, lane] = costs[REACHED + REVERSED, lane] = LARGEST
            _weigh_lanes(node, box, b, key)
        else:
            for way in range(2 if symmetric and not central else 1):
                _count_separating(node, box, b, way, key)


@njit(nogil=True, cache=True, inline="always")
def _weigh_lanes(node, box, b, key):
    """Compare the lanes of a block, and their reverses, with the best known; the best lane first.

    That one is left for its turn if it costs as much as the best known, or nothing.
    """
    H, L, scores, table, alone = node.H, node.L, node.scores, node.table, node.alone
    found, deviations, costs = node.found, node.counts.deviations, node.counts.costs
    sums, g = alone.sums, scores.shape[0] - 3
    cheapest, reached = int64(-1), found[COST]
    for number in range(2 * BLOCK):
        if costs[REACHED + number // BLOCK, number % BLOCK] < reached:
            cheapest = number
            reached = int64(costs[REACHED + number // BLOCK, number % BLOCK])
    for turn in range(-1, 2 * BLOCK):
        number = cheapest if turn < 0 else turn
        if number < 0 or (turn == cheapest and turn >= 0):
            continue
        way, lane = number // BLOCK, number % BLOCK
        if costs[LEAST + way, lane] > found[COST]:
            continue
        sign = np.int32(1 - 2 * way)
        for i in range(H + L):
            sums[i] = sign * (scores[g + 1, i] + table[g, b, i, lane])
        if cut_of_sums(alone, H, L, deviations[lane], found[COST]):
            size, index = _of_lane(node, box, b, lane, way)
            cost = H * L - alone.cut[search.VALUE]
            compare(size, index, cost, alone.cut[search.AREA], key, found)


@njit(nogil=True, cache=True, inline="always")
def _of_lane(node, box, b, lane, way):
    """Sum of |w| and index of a vector that begins as the prefix does, or of its reverse."""
    R, order, strides, g = box.weights.size, node.order, node.strides, node.first.size - 2
    index = node.indices[g]
    number = b * BLOCK + lane
    for u in range(order.size - 1, node.first[g] - 1, -1):
        index += number % R * strides[order[u]]
        number //= R
    if way == REVERSED:
        index = R**order.size - 1 - index
    return node.sizes[g] + box.sizes[b, lane], index


@njit(nogil=True, cache=True, inline="always")
def _count_separating(node, box, b, way, key):
    """Count the lanes of a block that separate the classes, or whose reverses do; all tie."""
    scores, table, found = node.scores, node.table, node.found
    row, width = scores.shape
    row, g = row - 1, row - 3
    for i in range(node.H + node.L):
        scores[row, i] = (1 - 2 * way) * scores[g + 1, i]
    block = (g * table.shape[1] + b) * table.shape[2] * BLOCK
    lanes = separating(scores, row * width, node.H, node.L, table, block) & box.used[b]
    found[TIES] += n_lanes(lanes)
    room = found[SIZE] - node.sizes[g]
    if room < 0:
        return
    lanes &= box.no_larger[b, min(room, box.no_larger.shape[1] - 1)]
    while lanes != 0:
        lane = first_lane(lanes)
        lanes &= lanes - uint32(1)
        if way == REVERSED:  # the reverses of a block are its lanes backwards
            lane = box.weights.size ** box.suffix.shape[1] - 1 - lane
        size, index = _of_lane(node, box, b, lane, way)
        retain(size, index, key, found)
