"""The search of a small node: 32 weight vectors at a time, exactly (compiled).

It gives what search.py gives under the exact rules, in nodes of few observations where every
variable has the same three to five weights; there trees spend most of their time. The differences,
and why each is exact:

- *Blocks.* The last two or three variables, the suffix, have at most 64 vectors of weights; blocks
  of 32 lanes hold them. A table says what each adds to each score, so a score is one
  addition, and depth first search goes through the prefixes alone.
- *Separation first.* In most nodes some vector puts every high observation above every low one. Its
  cost is 0 and its area, 2 H L, the largest there is: all vectors that do so tie, and no other can.
  So the first walk asks of a block just in which lanes the lowest high score lies above the highest
  low one. They are counted as bits of a mask, and one is looked at alone only if it may
  be retained: its sum of |w| must not exceed the least so far.
- *Errors.* If none separates, a second walk looks for the least cost. A cut that leaves out a of
  the high and lets in b of the low costs a L + b H. As long as the cost of a vector known allows
  two errors at most, lanes are tested by the third-lowest high and third-highest low score;
  only those that pass are given their cost and area, like all lanes where more errors are allowed.
- *Area.* Summed over the pairs of a high and a low observation, 2 where the high one is above and 1
  where they are equal, it is the area of the trapezoids in rop-spec's cuts: no scores are sorted.
- *Bounds.* Prefixes are bounded by hopeless pairs, as in bounds.py; all children of a prefix at
  once. In the first walk one hopeless pair is enough to give a child up. Boxes of few blocks are
  looked at without bounds, which would cost more than they spare.

The walk never gives up a vector that may be best; those that tie are counted once each; and among
them the rule of search.py does not depend on their order. So the bits are the same. Scores stay
in int32 where those of search.py do: every sum here is the score of some vector of the box, or the
difference of two observations in one.

Legend: as in search.py; the positives are the high observations. R weights of each variable.
Arrays are made once for many nodes; nothing that runs in a node allocates.
"""

from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint32, uint64

from deepnic.rop.kernels import batch
from deepnic.rop.kernels.batch import BLOCK, GROUP, first_lane, n_lanes
from deepnic.rop.kernels.bounds import LOWEST, whole_lanes
from deepnic.rop.kernels.lanes import add_scaled
from deepnic.rop.kernels.search import _is_better, random_at

MOST_OBSERVED = 32  # observations of a node, beyond which search.py is as good
MOST_WEIGHT = 4
FEW_BLOCKS = 20  # boxes up to so many are looked at without bounds
STARTS = 3  # of the climb

COST, AREA, TIES, LEAST, WINNER = range(5)  # the best known; `found` (5,) int64
LARGE = 1 << 60


class Box(NamedTuple):
    """The weights (R,) of every variable, and the vectors of the suffix in blocks.

    ``suffix`` (blocks, K, 32) int32 are weights, ``sizes`` (blocks, 32) sums of |w|, ``used``
    (blocks,) uint32 the lanes that hold a vector; ``no_larger`` (blocks, sizes) uint32 those whose
    size is so much at most.
    """

    weights: np.ndarray
    suffix: np.ndarray
    sizes: np.ndarray
    used: np.ndarray
    no_larger: np.ndarray


class SmallNode(NamedTuple):
    """A node of H + L observations, and the scratch of its search.

    ``Z`` (V, width) int32 are the centred values, variables in the order of their reach; ``order``,
    ``centre`` and ``strides`` (V,) int64 lead back. Row 0 of ``scores`` is zero, the children of a
    prefix of u weights are rows (u + 1) R and on, their ``costs`` (V + 1, R) int64 and ``counts``
    (R, width) int32; ``sizes``, ``indices`` and ``digits`` (V + 1,) int64 are those of the prefix.
    ``table`` (blocks, n, 32) int32; ``slack`` is flat, see `_tabulate_slack`; ``sums`` (n, 32),
    ``cost`` and ``area`` (32,) int32 serve a block.
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
def is_small(weights, n_weights):
    """Whether nodes with this box can be searched here: the same 3 to 5 small weights for all."""
    R = n_weights[0]
    if R < 3 or R > 5 or np.abs(weights).max() > MOST_WEIGHT:
        return False
    for v in range(n_weights.size):
        if n_weights[v] != R or (weights[v, :R] != weights[0, :R]).any():
            return False
    return True


@njit(nogil=True, cache=True)
def most_observed(box, V):
    """Observations of a node up to which it is searched here."""
    return MOST_OBSERVED


@njit(nogil=True, cache=True)
def make_box(weights, V):
    """The box of V variables with these weights (R,); the suffix is as long as blocks allow."""
    R = weights.size
    K, vectors = 0, 1
    while K < V and vectors * R <= (2 * BLOCK if R == 4 else BLOCK):
        K, vectors = K + 1, vectors * R
    blocks = -(-vectors // BLOCK)
    suffix = np.zeros((blocks, K, BLOCK), np.int32)
    sizes = np.zeros((blocks, BLOCK), np.int64)
    used = np.zeros(blocks, np.uint32)
    no_larger = np.zeros((blocks, K * MOST_WEIGHT + 1), np.uint32)
    for number in range(vectors):
        b, lane = divmod(number, BLOCK)
        rest = number
        for k in range(K - 1, -1, -1):
            suffix[b, k, lane] = weights[rest % R]
            sizes[b, lane] += abs(weights[rest % R])
            rest //= R
        bit = uint32(1) << uint32(lane)
        used[b] |= bit
        for size in range(sizes[b, lane], no_larger.shape[1]):
            no_larger[b, size] |= bit
    return Box(weights, suffix, sizes, used, no_larger)


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


@njit(nogil=True, cache=True)
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
        node.Z[u, n:] = 0
    node.scores[0, :n] = 0
    node.scores[0, n:] = LOWEST  # of the lanes past the last low observation, in every row


@njit(nogil=True, cache=True, _nrt=False)
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


@njit(nogil=True, cache=True, _nrt=False)
def _tabulate_slack(node, box):
    """What the variables from u on can put high i above low 8 g + l: ``slack[u, g, i, l]``."""
    V = node.Z.shape[0]
    H, L = node.H, node.L
    low, high = box.weights[0], box.weights[-1]
    level = -(-L // GROUP) * H * GROUP
    node.slack[V * level : (V + 1) * level] = 0
    for u in range(V - 1, 0, -1):
        at = u * level
        for g in range(0, L, GROUP):
            for i in range(H):
                for j in range(g, g + GROUP):
                    if j < L:
                        apart = node.Z[u, i] - node.Z[u, H + j]
                        most = max(low * apart, high * apart)
                        node.slack[at] = node.slack[at + level] + np.int32(most)
                    else:
                        node.slack[at] = 0
                    at += 1


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _score_children(node, box, row, u, target):
    """Fill the rows from target on: that row of scores and each weight of variable u."""
    width = node.scores.shape[1]
    step, source = box.weights[0], row
    for k in range(box.weights.size):
        if k > 0:
            step, source = box.weights[k] - box.weights[k - 1], target + k - 1
        add_scaled(
            node.scores, source * width, (target + k) * width, node.Z, u * width,
            np.int32(step), width,
        )  # fmt: skip


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
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


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
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


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _cost_of_pairs(node, k, affordable):
    """Least cost of a cut from the pairs of child k; above what is affordable, not sharpened."""
    total = int64(node.totals[k])
    if total == 0 or total > affordable:
        return total
    cost = node.H * node.L
    for j in range(node.L):
        let_in = 0  # those in more pairs
        for i in range(node.L):
            let_in += node.counts[k, i] > node.counts[k, j]
        cost = min(cost, let_in * node.H + node.counts[k, j] * node.L)
    return cost


@njit(nogil=True, cache=True, _nrt=False)
def _expand(node, box, row, u, target, given, place, affordable):
    """Score the children of a row by variable u; ``costs[place]`` are their least costs.

    ``given`` weights of them are known. Where nothing is affordable, a cost of 1 says "some".
    """
    R = box.weights.size
    _score_children(node, box, row, u, target)
    if not node.bounded:
        node.costs[place] = 0
    elif affordable == 0:
        alive = _which_may_separate(node, R, target, given)
        for k in range(R):
            node.costs[place, k] = 1 - int64((alive >> uint32(k)) & uint32(1))
    else:
        _count_pairs(node, R, target, given)
        for k in range(R):
            node.costs[place, k] = _cost_of_pairs(node, k, affordable)


@njit(nogil=True, cache=True, _nrt=False)
def _score_others(node, box, u, target):
    """Fill a row with the scores of the digits, without variable u."""
    width = node.scores.shape[1]
    source = 0
    for v in range(node.order.size):
        weight = np.int32(box.weights[node.digits[v]] * (v != u))
        add_scaled(node.scores, source, target * width, node.Z, v * width, weight, width)
        source = target * width


@njit(nogil=True, cache=True, _nrt=False)
def _climb(node, box):
    """Cost of a good vector: one weight at a time is changed to the best, from random starts."""
    V, R = node.order.size, box.weights.size
    base, target = V * R, (V + 1) * R
    best = node.H * node.L
    for start in range(STARTS):
        for v in range(V):
            node.digits[v] = random_at(uint64(start), v) % uint64(R)
        cost = node.H * node.L + 1
        improved = True
        while improved:
            improved = False
            for u in range(V):
                _score_others(node, box, u, base)
                _expand(node, box, base, u, target, V, V, cost)
                for k in range(R):
                    if node.costs[V, k] < cost:
                        cost, node.digits[u] = node.costs[V, k], k
                        improved = True
        best = min(best, cost)
    return best


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _retain(node, box, b, lane, depth, key, found):
    """Take note of a vector that ties with the best, unless one known is to be retained."""
    size = node.sizes[depth] + box.sizes[b, lane]
    if size > found[LEAST]:
        return
    R = box.weights.size
    index = node.indices[depth]
    number = b * BLOCK + lane
    for u in range(node.order.size - 1, depth - 1, -1):
        index += number % R * node.strides[node.order[u]]
        number //= R
    if _is_better(size, index, key, found[LEAST], found[WINNER]):
        found[LEAST], found[WINNER] = size, index


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
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


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _look_for_cheap(node, box, row, b, depth, key, found):
    """Compare the lanes of a block that may be affordable with the best vectors known."""
    H, L = node.H, node.L
    at = row * node.scores.shape[1]
    block = b * node.table.shape[1] * BLOCK
    lanes = box.used[b]
    if 3 * min(H, L) > found[COST]:
        errors = int64(0)
        for a in range(3):
            for c in range(3 - a):
                errors |= int64(a * L + c * H <= found[COST]) << (3 * a + c)
        lanes &= batch.nearly_separating(node.scores, at, H, L, node.table, block, errors)
    if lanes == 0:
        return
    batch.value(node.scores, at, H, L, node.table, block, node.sums, node.cost, node.area)
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


@njit(nogil=True, cache=True, _nrt=False)
def _look(node, box, row, depth, key, found):
    """Look at all vectors of a whole prefix."""
    for b in range(box.used.size):
        if found[COST] == 0:
            _look_for_separating(node, box, row, b, depth, key, found)
        else:
            _look_for_cheap(node, box, row, b, depth, key, found)


@njit(nogil=True, cache=True, _nrt=False)
def _walk(node, box, key, found):
    """Walk through the prefixes, depth first, but for those that cost more than the best known."""
    R = box.weights.size
    depth = node.order.size - box.suffix.shape[1]
    if depth == 0:
        _look(node, box, 0, 0, key, found)
        return
    u = 0
    node.digits[0] = -1
    _expand(node, box, 0, 0, R, 1, 0, found[COST])
    while u >= 0:
        node.digits[u] += 1
        k = node.digits[u]
        if k == R:
            u -= 1
            continue
        if node.costs[u, k] > found[COST]:
            continue
        row = (u + 1) * R + k
        node.sizes[u + 1] = node.sizes[u] + abs(box.weights[k])
        node.indices[u + 1] = node.indices[u] + k * node.strides[node.order[u]]
        u += 1
        if u < depth:
            node.digits[u] = -1
            _expand(node, box, row, u, (u + 1) * R, u + 1, u, found[COST])
        else:
            _look(node, box, row, depth, key, found)
            u -= 1


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


@njit(nogil=True, cache=True)
def search_small(Z, P, key, box, scratch, coef):
    """Search one node, as `search.search` does under the exact rules; ties are counted only.

    Z (V, n) int32, the P positives first; Fills coef (V,) with the
    retained vector; returns threshold, tp, fp, n_ties.
    """
    V, n = Z.shape
    R = box.weights.size
    bounded = R ** (V - box.suffix.shape[1]) * box.used.size > FEW_BLOCKS
    node = SmallNode(P, n - P, bounded, *scratch[3:])
    found = node.found
    _sort(node, Z)
    _tabulate_blocks(node, box)
    node.sizes[0] = node.indices[0] = 0
    found[COST], found[AREA], found[TIES], found[LEAST] = P * (n - P), -1, 0, LARGE
    if bounded:
        _tabulate_slack(node, box)
        found[COST] = 0
        found[AREA] = 2 * P * (n - P)
    _walk(node, box, key, found)
    if found[TIES] == 0:  # none separates
        found[COST], found[AREA] = _climb(node, box), -1
        node.sizes[0] = node.indices[0] = 0
        _walk(node, box, key, found)
    for v in range(V):
        coef[v] = box.weights[found[WINNER] // node.strides[v] % R]
    threshold, tp, fp = _best_cut(node, coef)
    return threshold, tp, fp, found[TIES]
