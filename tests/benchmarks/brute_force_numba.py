"""The yardstick of the search: every weight vector of a box, one after the other (compiled).

No vector is skipped and nothing is remembered of earlier ones but the best. It is as fast as plain
Numba made it: an odometer adds to the scores only what a digit that moves changes, and the cuts are
judged by whichever of two ways was measured faster for that many observations. Counting compares
all pairs, which the compiler turns into vector instructions; sorting takes bytes of packed keys (a
radix sort, four times faster than the sort of Numba).

Legend: V variables, n observations of which the first P are positive and N negative. All arrays
are C-contiguous.
"""

import numpy as np
from numba import boolean, int32, int64, njit, void
from numba.types import UniTuple

COUNTED = 200  # observations up to which counting was faster than sorting


@njit(void(int32[::1], int64, int32[::1], int32[::1], int64[::1]), nogil=True, cache=True)
def _judge_by_counting(scores, P, tp, fp, out):
    """Value of the best cut and area, both for scores (n,); tp, fp (n,) are scratch."""
    n = scores.size
    N = n - P
    tp[:] = 0
    fp[:] = 0
    for i in range(P):
        score = scores[i]
        for j in range(n):
            tp[j] += int32(score >= scores[j])
    for i in range(P, n):
        score = scores[i]
        for j in range(n):
            fp[j] += int32(score >= scores[j])
    value = -P * N - 1
    area = int64(0)  # pairs with the positive above, and once more where it is not below
    for j in range(n):
        value = max(value, tp[j] * N - fp[j] * P)
        area += N - fp[j] if j < P else int64(tp[j])
    out[0], out[1] = value, area


@njit(void(int32[::1], int32[::1], int32[::1]), nogil=True, cache=True)
def _sort(keys, scratch, places):
    """Sort keys (n,) by their bytes, lowest first; scratch (n,), places (256,)."""
    least = keys.min()
    span = int64(keys.max()) - least
    shift = 0
    while span >> shift:
        places[:] = 0
        for i in range(keys.size):
            places[(int64(keys[i]) - least >> shift) & 255] += 1
        place = int32(0)
        for byte in range(256):
            count = places[byte]
            places[byte] = place
            place += count
        for i in range(keys.size):
            byte = (int64(keys[i]) - least >> shift) & 255
            scratch[places[byte]] = keys[i]
            places[byte] += 1
        keys[:] = scratch
        shift += 8


@njit(
    void(int32[::1], int64, int32[::1], int32[::1], int32[::1], int64[::1]), nogil=True, cache=True
)
def _judge_by_sorting(scores, P, keys, scratch, places, out):
    """As `_judge_by_counting`: one sweep over the sorted keys, from the highest."""
    n = scores.size
    N = n - P
    for i in range(n):
        keys[i] = scores[i] * int32(2) + int32(i < P)
    _sort(keys, scratch, places)
    tp = fp = last_tp = last_fp = area = int64(0)
    value = -P * N - 1
    for i in range(n - 1, -1, -1):
        if keys[i] & 1:
            tp += 1
        else:
            fp += 1
        if i > 0 and keys[i - 1] >> 1 == keys[i] >> 1:
            continue  # equal scores are never separated
        area += (fp - last_fp) * (tp + last_tp)
        last_tp, last_fp = tp, fp
        value = max(value, tp * N - fp * P)
    out[0], out[1] = value, area


@njit(
    UniTuple(int64, 3)(int32[:, ::1], int64, int64[:, ::1], int64[::1], int64, boolean),
    nogil=True,
    cache=True,
)
def search_all(Z, P, weights, n_weights, n_vectors, by_counting):
    """Best value, its best area and how many of the first vectors of the box reach both.

    Z (V, n) int32 fixed-point values, the P positives first; weights (V, most) the weights of each
    variable, n_weights (V,) how many there are; scores must stay below 2**30.
    """
    V, n = Z.shape
    digits = np.zeros(V, np.int64)
    scores = np.zeros(n, np.int32)
    for v in range(V):
        for i in range(n):
            scores[i] += int32(weights[v, 0]) * Z[v, i]
    first, second = np.empty(n, np.int32), np.empty(n, np.int32)
    places = np.empty(256, np.int32)
    out = np.empty(2, np.int64)
    value, area, n_ties = -P * (n - P) - 1, int64(-1), int64(0)
    for _ in range(n_vectors):
        if by_counting:
            _judge_by_counting(scores, P, first, second, out)
        else:
            _judge_by_sorting(scores, P, first, second, places, out)
        if out[0] > value or (out[0] == value and out[1] > area):
            value, area, n_ties = out[0], out[1], 0
        n_ties += out[0] == value and out[1] == area
        for v in range(V - 1, -1, -1):  # the next vector: digits move from the last
            digit = (digits[v] + 1) % n_weights[v]
            step = int32(weights[v, digit] - weights[v, digits[v]])
            for i in range(n):
                scores[i] += step * Z[v, i]
            digits[v] = digit
            if digit > 0:
                break
    return value, area, n_ties
