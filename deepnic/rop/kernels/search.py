"""The node search: every integer weight vector of a box, exactly, in one pass (compiled).

Depth first over the variables: a prefix of weights is given up when the least cost of all vectors
that begin so (bounds.py) exceeds the cost of a vector already known. Why that is exact: a
vector is skipped only when its value lies below one that is reached, so no optimum is ever skipped,
and every optimum is counted. And:

- Scores are integers. Subtracting one integer per variable (here its mean at the node) moves all
  scores of a vector together, which changes neither order nor ties.
- With all variables given the bound by pairs is the vector's value, so only vectors that may be
  best are sorted, for their area. Once a vector is known that separates the classes, a rival
  separates them too, and then its value and its area are the largest there are; vectors that begin
  alike and all separate are counted without being looked at.
- Draws do not depend on the order of enumeration: among the vectors of smallest sum of |w| the one
  with the smallest counter-based random number wins.

A bound that bites needs a good vector early: the best of a random sample, climbed from by
coordinate ascent, which is the optimum or close to it.

Legend: V variables, n observations of which the first P are positive and N negative, w weights.
Inside the search, variables are taken in the order of their reach, and the classes are called high,
with H observations, and low, with L (bounds.py). All arrays are C-contiguous.
"""

from typing import NamedTuple

import numpy as np
from numba import boolean, int32, int64, njit, uint64
from numba.types import UniTuple

from deepnic.rop.kernels.bounds import LOWEST, all_separate, least_cost, make_node, whole_lanes
from deepnic.rop.kernels.lanes import LANES, add_scaled

SMALL_BOX = 128  # boxes up to this many vectors are searched without an incumbent
SAMPLE = 16  # random vectors, the best of which is climbed from
CLIMB_EVERY = 50_000  # vectors of a box for which one more climb pays
MOST_CLIMBS = 16

VALUE, AREA, THRESHOLD, TP, FP = range(5)  # of a cut; of the best vector known, the first two
COUNT, SIZE, INDEX = range(3)  # of the vectors that begin alike; see `_rests`


class Judge(NamedTuple):
    """What gives a vector its value: ``Z`` (V, n), the ``P`` positives first, and scratch.

    ``cut`` (5,) int64 is the best cut of the vector judged last.
    """

    Z: np.ndarray
    P: int
    rop8: bool
    scores: np.ndarray
    keys: np.ndarray
    cut: np.ndarray


@njit(uint64(uint64), nogil=True, cache=True, inline="always")
def mix(x):
    """Scramble 64 bits (the finaliser of the splitmix64 generator)."""
    x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB)
    return x ^ (x >> uint64(31))


@njit(uint64(uint64, int64), nogil=True, cache=True)
def random_at(key, index):
    """64 random bits, a function of (key, index) alone."""
    return mix(mix(key) + (uint64(index) + uint64(1)) * uint64(0x9E3779B97F4A7C15))


@njit(nogil=True, cache=True)
def _judge(judge, w):
    """Find the best cut of the weights w (V,)."""
    Z, P, scores, keys, cut = judge.Z, judge.P, judge.scores, judge.keys, judge.cut
    n = scores.size
    N = n - P
    scores[:] = 0
    for v in range(Z.shape[0]):
        for i in range(n):
            scores[i] += w[v] * Z[v, i]
    for i in range(n):
        keys[i] = int64(scores[i]) * 2 + (i < P)
    keys.sort()
    tp = fp = last_tp = last_fp = area = int64(0)
    cut[VALUE] = -P * N - 1
    for i in range(n - 1, -1, -1):
        if keys[i] & 1:
            tp += 1
        else:
            fp += 1
        score = keys[i] >> 1
        if i > 0 and keys[i - 1] >> 1 == score:
            continue  # equal scores are never separated
        if judge.rop8 and i == n - 1:
            continue  # the program never looks at the cut with one observation at risk
        area += (fp - last_fp) * (tp + last_tp)
        last_tp, last_fp = tp, fp
        value = tp * N - fp * P
        if value > cut[VALUE]:
            cut[VALUE], cut[THRESHOLD], cut[TP], cut[FP] = value, score, tp, fp
    cut[AREA] = area


@njit(nogil=True, cache=True)
def _count_ties(judge, w, best, n_ties):
    """How many of the n_ties vectors known are as good as the weights w (V,); -1 if w is worse.

    best (2,) is their VALUE and AREA, and becomes those of w where it is better than all.
    """
    _judge(judge, w)
    value, area = judge.cut[VALUE], judge.cut[AREA]
    if (value, area) < (best[VALUE], best[AREA]):
        return -1
    if (value, area) == (best[VALUE], best[AREA]):
        return n_ties
    best[VALUE], best[AREA] = value, area
    return 0


@njit(int64[::1](int32[:, ::1]), nogil=True, cache=True)
def _centre(Z):
    """Subtract each variable's mean; returns these means."""
    centre = np.empty(Z.shape[0], np.int64)
    for v in range(Z.shape[0]):
        centre[v] = Z[v].sum() // Z.shape[1]
        Z[v] -= np.int32(centre[v])
    return centre


@njit(nogil=True, cache=True)
def _order(Z, weights, n_weights):
    """Variables by how far their weights can move a score, most first, so that bounds bite."""
    reach = np.empty(Z.shape[0])
    for v in range(Z.shape[0]):
        spread = 0.0
        for i in range(Z.shape[1]):
            spread += abs(float(Z[v, i]))
        reach[v] = -spread * (weights[v, n_weights[v] - 1] - weights[v, 0])
    return np.argsort(reach, kind="mergesort")


@njit(nogil=True, cache=True)
def _high_then_low(Z, P, order):
    """Z in that order of variables, and of observations as bounds.py wants it; and H."""
    V, n = Z.shape
    # the low ones in as few lanes as can be, but not fewer than one vector holds
    H = max(P, n - P) if max(P, n - P) > LANES else min(P, n - P)
    moved = np.zeros((V, whole_lanes(H + whole_lanes(n - H))), np.int32)
    for u in range(V):
        for i in range(n):
            if P == H:
                moved[u, i] = Z[order[u], i]
            else:  # the classes change places, the scores their signs
                moved[u, i - P if i >= P else H + i] = -Z[order[u], i]
    return moved, H


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _move(Z, v, weight, scores, source, target):
    """Row ``target`` of scores: row ``source`` and so much of variable v."""
    n = Z.shape[1]
    add_scaled(scores, source * n, target * n, Z, v * n, np.int32(weight), n)


@njit(nogil=True, cache=True)
def _climb(node, scores):
    """Digits of a good vector (V,): from the best of a sample, several times, by `_ascend`.

    Costs are what `least_cost` says of whole vectors: exact by pairs, roughly so by buckets.
    """
    V = node.Z.shape[0]
    trial = np.empty(V, np.int64)
    climber = np.zeros(V, np.int64)
    digits = np.zeros(V, np.int64)
    best = node.H * node.L + 1
    for start in range(1 + min(node.n_weights.prod() // CLIMB_EVERY, MOST_CLIMBS)):
        cost = node.H * node.L + 1
        for s in range(SAMPLE):
            for v in range(V):
                random = random_at(np.uint64(start * SAMPLE + s), v)
                trial[v] = random % np.uint64(node.n_weights[v])
                _move(node.Z, v, node.weights[v, trial[v]], scores, v, v + 1)
            trial_cost = least_cost(node, scores, V, cost)
            if trial_cost < cost:
                cost = trial_cost
                climber[:] = trial
        cost = _ascend(node, scores, climber, cost)
        if cost < best:
            best = cost
            digits[:] = climber
        if best == 0:
            break
    return digits


@njit(nogil=True, cache=True, _nrt=False)
def _ascend(node, scores, digits, cost):
    """Change one weight at a time to the best, until none is better; returns the cost reached."""
    V = node.Z.shape[0]
    improved = True
    while improved:
        improved = False
        for u in range(V):
            held = 0
            for v in range(V):
                if v != u:
                    weight = node.weights[v, digits[v]]
                    _move(node.Z, v, weight, scores, held, held + 1)
                    held += 1
            for k in range(node.n_weights[u]):
                _move(node.Z, u, node.weights[u, k], scores, held, V)
                trial_cost = least_cost(node, scores, V, cost)
                if trial_cost < cost:
                    cost = trial_cost
                    digits[u] = k
                    improved = True
    return cost


@njit(nogil=True, cache=True)
def _spell(node, order, digits, coef):
    """Fill coef with the weights of the digits, in the order of variables given."""
    for u in range(order.size):
        coef[order[u]] = node.weights[u, digits[u]]


@njit(nogil=True, cache=True)
def _rests(weights, n_weights, strides):
    """What the variables from v on add to vectors that all tie: (V + 1, 3) int64.

    Their COUNT, and the SIZE (sum of |w|) and INDEX of the one among them that could be retained. A
    count of 0 says that two could be, as two weights share the smallest |w|.
    """
    V = weights.shape[0]
    rests = np.zeros((V + 1, 3), np.int64)
    rests[V, COUNT] = 1
    for v in range(V - 1, -1, -1):
        size = np.abs(weights[v, : n_weights[v]])
        k = size.argmin()
        lone = (size == size[k]).sum() == 1
        rests[v, COUNT] = rests[v + 1, COUNT] * n_weights[v] * lone
        rests[v, SIZE] = rests[v + 1, SIZE] + size[k]
        rests[v, INDEX] = rests[v + 1, INDEX] + k * strides[v]
    return rests


@njit(boolean(int64, int64, uint64, int64, int64), nogil=True, cache=True)
def is_better(size, index, key, least, winner):
    """The rule among tied vectors: smallest sum of |w|, then the smallest random number."""
    if size != least:
        return size < least
    return random_at(key, index) < random_at(key, winner)


@njit(nogil=True, cache=True)
def _walk(node, order, strides, scores, judge, best, key, ties, coef):
    """Walk through all vectors that may be best, depth first; their number, the index retained.

    best (2,) is VALUE and AREA of a vector known; ties receives the first of the best; coef and the
    rows of scores, of vectors whose first v weights are given, are scratch.
    """
    V = order.size
    most = node.H * node.L
    rests = _rests(node.weights, node.n_weights, strides)
    size = np.zeros(V + 1, np.int64)  # as scores: sum of |w|, and index
    index = np.zeros(V + 1, np.int64)
    digits = np.zeros(V, np.int64)
    n_ties = least = winner = int64(0)
    digits[0] = -1
    v = 0
    while v >= 0:
        digits[v] += 1
        if digits[v] == node.n_weights[v]:
            v -= 1
            continue
        w = node.weights[v, digits[v]]
        _move(node.Z, v, w, scores, v, v + 1)
        affordable = most - best[VALUE]
        if least_cost(node, scores, v + 1, affordable) > affordable:
            continue  # nothing that begins so can win
        size[v + 1] = size[v] + abs(w)
        index[v + 1] = index[v] + digits[v] * strides[v]
        count, rest_size, rest_index = rests[v + 1]
        if v < V - 1:
            countable = affordable == 0 and count > 0 and ties.shape[0] == 0
            if not (countable and all_separate(node, scores, v + 1)):
                v += 1
                digits[v] = -1
                continue
        else:
            _spell(node, order, digits, coef)
            if affordable > 0 or node.pairs_to < V:  # else it separates, as the best do
                tied = _count_ties(judge, coef, best, n_ties)
                if tied < 0:
                    continue
                n_ties = tied
            if n_ties < ties.shape[0]:
                ties[n_ties] = coef
        rest_size += size[v + 1]
        rest_index += index[v + 1]
        if n_ties == 0 or is_better(rest_size, rest_index, key, least, winner):
            least, winner = rest_size, rest_index
        n_ties += count
    return n_ties, winner


@njit(
    UniTuple(int64, 4)(
        int32[:, ::1], int64, int64[:, ::1], int64[::1], boolean, uint64, int64[:, ::1], int64[::1]
    ),
    nogil=True,
    cache=True,
)
def search(Z, P, weights, n_weights, rop8, key, ties, coef):
    """Search one node.

    Z (V, n) int32 fixed-point values, the P positives first; weights (V, most) the increasing
    weights of each variable, n_weights (V,) how many there are; ties (capacity, V) receives the
    first tied vectors. Fills coef (V,) with the retained vector; returns threshold, tp, fp, n_ties.
    """
    V, n = Z.shape
    most = P * (n - P)
    Z = Z.copy()
    centre = _centre(Z)
    order = _order(Z, weights, n_weights)
    moved, H = _high_then_low(Z, P, order)
    node = make_node(moved, H, n - H, weights[order], n_weights[order])
    scores = np.zeros((V + 1, moved.shape[1]), np.int32)
    scores[:, n:] = LOWEST
    cut = np.empty(5, np.int64)
    judge = Judge(Z, P, rop8, np.empty(n, np.int32), np.empty(n, np.int64), cut)
    best = np.array([-most - 1, -1])
    if n_weights.prod() > SMALL_BOX:
        _spell(node, order, _climb(node, scores), coef)
        _judge(judge, coef)
        best[VALUE] = cut[VALUE]
        if best[VALUE] == most:
            best[AREA] = 2 * most
    strides = np.ones(V, np.int64)  # a vector's index counts its digits in the order given
    for v in range(V - 2, -1, -1):
        strides[v] = strides[v + 1] * n_weights[v + 1]
    n_ties, winner = _walk(node, order, strides[order], scores, judge, best, key, ties, coef)
    for v in range(V):
        coef[v] = weights[v, winner // strides[v] % n_weights[v]]
    _judge(judge, coef)
    return cut[THRESHOLD] + (coef * centre).sum(), cut[TP], cut[FP], n_ties
