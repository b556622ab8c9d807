"""The node search: every integer weight vector of a box, exactly, in one pass (compiled).

Why it is exact. A vector is skipped only when an upper bound of its value lies below the value of a
vector already known, so no optimum is ever skipped, and every optimum is counted:

- Scores are integers. Subtracting one integer per variable (here its mean at the node) moves all
  scores of a vector together, which changes neither order nor ties.
- Bound by buckets: scores are dropped into ordered buckets. A threshold inside bucket k puts at
  risk at most the positives of buckets >= k and at least the negatives of buckets > k.
- Bound by blocks: over all weights of the last variable a positive scores at most, a negative at
  least, what the extreme weights give it; the bucket bound of these scores bounds the whole block.
- Once a vector that separates the classes is known, a rival must separate them too (its lowest
  positive above its highest negative), and then its value and its area are the largest there are.
- Draws do not depend on the order of enumeration: among the vectors of smallest sum of |w| the one
  with the smallest counter-based random number wins.

Legend: V variables, n observations of which the first P are positive and N negative, w weights.
All arrays are C-contiguous.
"""

import numpy as np
from numba import boolean, int32, int64, njit, uint64, void
from numba.types import Tuple, UniTuple

SAMPLE = 48  # random vectors from which the first incumbent is climbed to
LOOK_AHEAD = 2  # a prefix is tested when at most this many variables are left
SMALL_BOX = 1024  # boxes up to this many vectors are searched without an incumbent


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


@njit(void(int32[::1], int64, boolean, int64[::1], int64[::1]), nogil=True, cache=True)
def evaluate(scores, P, rop8, keys, out):
    """Best cut of one vector: out = value, area, threshold, true positives, false positives."""
    n = scores.size
    N = n - P
    for i in range(n):
        keys[i] = int64(scores[i]) * 2 + (i < P)
    keys.sort()
    tp = fp = last_tp = last_fp = area = int64(0)
    out[0] = -P * N - 1
    for i in range(n - 1, -1, -1):
        if keys[i] & 1:
            tp += 1
        else:
            fp += 1
        score = keys[i] >> 1
        if i > 0 and keys[i - 1] >> 1 == score:
            continue  # equal scores are never separated
        if rop8 and i == n - 1:
            continue  # the program never looks at the cut with one observation at risk
        area += (fp - last_fp) * (tp + last_tp)
        last_tp, last_fp = tp, fp
        value = tp * N - fp * P
        if value > out[0]:
            out[0], out[2], out[3], out[4] = value, score, tp, fp
    out[1] = area


@njit(int64(int32[::1], int64, int64, int32[:, ::1]), nogil=True, cache=True)
def bucket_bound(scores, P, shift, counts):
    """Upper bound of the value over all thresholds, without sorting; counts is scratch."""
    n = scores.size
    N = n - P
    counts[:] = 0
    last = counts.shape[1] - 1
    half = counts.shape[1] // 2
    for i in range(P):
        counts[0, min(max((scores[i] >> shift) + half, 0), last)] += 1
    for i in range(P, n):
        counts[1, min(max((scores[i] >> shift) + half, 0), last)] += 1
    tp = fp = best = int64(0)
    for k in range(last, -1, -1):
        tp += counts[0, k]
        best = max(best, tp * N - fp * P)
        fp += counts[1, k]
    return best


@njit(boolean(int32[::1], int64), nogil=True, cache=True)
def separates(scores, P):
    """Whether every positive scores above every negative."""
    low = scores[0]
    for i in range(1, P):
        low = min(low, scores[i])
    high = scores[P]
    for i in range(P + 1, scores.size):
        high = max(high, scores[i])
    return low > high


@njit(int64(int32[:, ::1], int64[:, ::1], int64[::1], int64), nogil=True, cache=True)
def _bucket_shift(Z, weights, n_weights, n_buckets):
    """Right shift that spreads +-2.5 standard deviations of a typical score over the buckets."""
    variance = 0.0
    for v in range(Z.shape[0]):
        square = 0.0
        for k in range(n_weights[v]):
            square += float(weights[v, k]) ** 2 / n_weights[v]
        spread = 0.0
        for i in range(Z.shape[1]):
            spread += float(Z[v, i]) ** 2 / Z.shape[1]
        variance += square * spread
    shift = 0
    while (n_buckets << shift) < 5.0 * np.sqrt(variance):
        shift += 1
    return shift


@njit(void(int32[:, ::1], int64[:, ::1], int64[::1], int32[::1]), nogil=True, cache=True)
def _score(Z, weights, digits, scores):
    scores[:] = 0
    for v in range(Z.shape[0]):
        w = weights[v, digits[v]]
        for i in range(scores.size):
            scores[i] += w * Z[v, i]


@njit(
    void(int32[:, ::1], int64, int64[:, ::1], int64[::1], boolean, int64[::1], int64[::1]),
    nogil=True,
    cache=True,
)
def _climb(Z, P, weights, n_weights, rop8, keys, best):
    """Value and area of a good vector: the best of a sample, then coordinate ascent."""
    V, n = Z.shape
    scores = np.empty(n, np.int32)
    digits = np.zeros(V, np.int64)
    start = np.zeros(V, np.int64)
    out = np.empty(5, np.int64)
    for s in range(SAMPLE):
        for v in range(V):
            digits[v] = random_at(np.uint64(s), v) % np.uint64(n_weights[v])
        _score(Z, weights, digits, scores)
        evaluate(scores, P, rop8, keys, out)
        if (out[0], out[1]) > (best[0], best[1]):
            best[:2] = out[:2]
            start[:] = digits
    improved = True
    while improved:
        improved = False
        for v in range(V):
            for k in range(n_weights[v]):
                digits[:] = start
                digits[v] = k
                _score(Z, weights, digits, scores)
                evaluate(scores, P, rop8, keys, out)
                if (out[0], out[1]) > (best[0], best[1]):
                    best[:2] = out[:2]
                    start[:] = digits
                    improved = True


@njit(int32[:, ::1](int32[:, ::1], int64, int64[:, ::1], int64[::1]), nogil=True, cache=True)
def _optimistic(Z, P, weights, n_weights):
    """Most that the variables from v on can add to each positive, least to each negative.

    Returns (V + 1, n) int32; row V, where no variable is left, is zero.
    """
    V, n = Z.shape
    ahead = np.zeros((V + 1, n), np.int32)
    for v in range(V - 1, -1, -1):
        low, high = weights[v, 0], weights[v, n_weights[v] - 1]
        for i in range(n):
            a, b = low * Z[v, i], high * Z[v, i]
            ahead[v, i] = ahead[v + 1, i] + (max(a, b) if i < P else min(a, b))
    return ahead


@njit(boolean(int64, int64, uint64, int64, int64), nogil=True, cache=True)
def _is_better(size, index, key, least, winner):
    """The rule among tied vectors: smallest sum of |w|, then the smallest random number."""
    if size != least:
        return size < least
    return random_at(key, index) < random_at(key, winner)


@njit(Tuple((int32[:, ::1], int64[::1]))(int32[:, ::1]), nogil=True, cache=True)
def _centred(Z):
    """Z with each variable's mean subtracted, and these means."""
    centre = np.empty(Z.shape[0], np.int64)
    moved = np.empty_like(Z)
    for v in range(Z.shape[0]):
        centre[v] = Z[v].sum() // Z.shape[1]
        moved[v] = Z[v] - np.int32(centre[v])
    return moved, centre


@njit(boolean(int32[::1], int64, int64, int64, int32[:, ::1]), nogil=True, cache=True)
def _may_reach(scores, P, value, shift, counts):
    """Whether a vector with these scores at best could have this value."""
    if value == P * (scores.size - P):
        return separates(scores, P)
    return bucket_bound(scores, P, shift, counts) >= value


@njit(void(int32[::1], int64, boolean, int64[::1], int64[::1], int64[::1]), nogil=True, cache=True)
def _evaluate_leaf(scores, P, rop8, best, keys, out):
    """As `evaluate`, for a vector that may be best: one that separates needs no sort."""
    most = P * (scores.size - P)
    if best[0] < most:
        evaluate(scores, P, rop8, keys, out)
        return
    out[0], out[1], out[2], out[3], out[4] = most, 2 * most, scores[:P].min(), P, 0


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
    Z, centre = _centred(Z)
    keys = np.empty(n, np.int64)
    out = np.empty(5, np.int64)
    best = np.full(2, -P * (n - P) - 1, np.int64)
    if n_weights.prod() > SMALL_BOX:
        _climb(Z, P, weights, n_weights, rop8, keys, best)
    counts = np.empty((2, min(max(32, 1 << int64(np.ceil(np.log2(n)))), 512)), np.int32)
    shift = _bucket_shift(Z, weights, n_weights, counts.shape[1])
    ahead = _optimistic(Z, P, weights, n_weights)

    # depth first over the variables; partial[v] are the scores from the first v of them
    partial = np.zeros((V + 1, n), np.int32)
    scores = np.empty(n, np.int32)
    digits = np.full(V, -1, np.int64)
    n_ties = least = winner = threshold = tp = fp = int64(0)
    v = 0
    while v >= 0:
        digits[v] += 1
        if digits[v] == n_weights[v]:
            v -= 1
            continue
        w = weights[v, digits[v]]
        for i in range(n):
            partial[v + 1, i] = partial[v, i] + w * Z[v, i]
            scores[i] = partial[v + 1, i] + ahead[v + 1, i]
        if v >= V - 1 - LOOK_AHEAD and not _may_reach(scores, P, best[0], shift, counts):
            continue  # nothing that begins so can win
        if v < V - 1:
            v += 1
            digits[v] = -1
            continue
        _evaluate_leaf(scores, P, rop8, best, keys, out)
        if (out[0], out[1]) < (best[0], best[1]):
            continue
        if (out[0], out[1]) > (best[0], best[1]):
            best[:] = out[:2]
            n_ties = 0
        size = index = int64(0)
        for u in range(V):
            size += abs(weights[u, digits[u]])
            index = index * n_weights[u] + digits[u]
            if n_ties < ties.shape[0]:
                ties[n_ties, u] = weights[u, digits[u]]
        n_ties += 1
        if n_ties == 1 or _is_better(size, index, key, least, winner):
            least, winner = size, index
            threshold, tp, fp = out[2], out[3], out[4]
            for u in range(V):
                coef[u] = weights[u, digits[u]]
                threshold += coef[u] * centre[u]
    return threshold, tp, fp, n_ties
