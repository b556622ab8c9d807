"""Bounds of the node search: the least that the errors of a cut must cost (compiled).

A cut is wrong where it leaves out somebody sick or lets in somebody who is not; the first costs N,
the second P, and value = P N - cost. Both bounds hold for all vectors that begin alike, whatever
weights the remaining variables are given; with no variable remaining the first is the exact cost.

- By pairs. A pair of a sick and a healthy observation is hopeless when even the remaining weights
  best for this pair do not put the sick one above. Every cut then errs on one of the two. Order the
  healthy by how many hopeless pairs they are in, d_1 >= d_2 >= ...: a cut that lets in k of them
  keeps out one with at least d_(k+1), whose partners are thus left out: the cost is at least the
  least over k of k P + d_(k+1) N. Without remaining variables the pairs are nested, and this bound
  is reached.
- By buckets, for nodes with so many pairs that they would fill the processor's cache: the sick at
  their highest and the healthy at their lowest scores, dropped into ordered buckets. A threshold in
  bucket k puts at risk at most the sick of buckets >= k, at least the healthy of buckets > k.

The two classes are interchangeable (reverse all scores), so the larger is called high here and the
smaller low; scores hold the high ones first, then the low ones in whole groups of 16 lanes, the
last of them filled with numbers below all others.

Legend: V variables, H high and L low observations, width the lanes of the low. Arrays are
C-contiguous.
"""

import numpy as np
from numba import int64, njit

from deepnic.rop.lanes_numba import LANES, count_reached

LOWEST = np.int32(-(2**31))  # score of an empty lane
MOST_PAIRS = 1 << 18


@njit(nogil=True, cache=True)
def slack_of_pairs(Z, H, low, high):
    """Most and least that the variables from v on can put each high observation above each low one.

    Z (V, H + width) int32; low, high (V,) the extreme weights. Returns two (V + 1, H * width) int32
    arrays; their rows V, where no variable remains, are zero.
    """
    V = Z.shape[0]
    width = Z.shape[1] - H
    most = np.zeros((V + 1, H * width), np.int32)
    least = np.zeros((V + 1, H * width), np.int32)
    for v in range(V - 1, -1, -1):
        for i in range(H):
            for j in range(width):
                a = low[v] * (Z[v, i] - Z[v, H + j])
                b = high[v] * (Z[v, i] - Z[v, H + j])
                k = i * width + j
                most[v, k] = most[v + 1, k] + max(a, b)
                least[v, k] = least[v + 1, k] + min(a, b)
    return most, least


@njit(nogil=True, cache=True, _nrt=False)
def count_pairs(scores, row, H, slack, counts):
    """Count the pairs whose high one does not get above the low one, for a row of both arrays.

    scores (rows, H + width), slack (rows, H * width); fills counts[0] of (2, width) with the pairs
    of each low one, and returns their sum.
    """
    width = scores.shape[1] - H
    first = row * scores.shape[1]
    total = 0
    for j in range(0, width, LANES):
        start = row * H * width + j
        total += count_reached(
            scores, first, H, slack, start, width, scores, first + H + j, counts, j
        )
    return total


@njit(nogil=True, cache=True, _nrt=False)
def cost_of_pairs(H, L, counts, zeros, zero):
    """Least cost of a cut; counts[0] of (2, width) says in how many pairs each low one is."""
    width = counts.shape[1]
    for j in range(0, width, LANES):
        # how many low ones are in as many pairs as j, or fewer
        count_reached(counts, 0, L, zeros, zero, 0, counts, j, counts, width + j)
    cost = H * L
    for j in range(width):
        cost = min(cost, (L - counts[1, j]) * H + counts[0, j] * L)
    return cost


@njit(nogil=True, cache=True)
def slack_of_scores(Z, H, low, high):
    """Most that the variables from v on can add to each high score, least to each low one.

    Z (V, H + width) int32; low, high (V,) the extreme weights. Returns (V + 1, H + width) int32.
    """
    V, n = Z.shape
    slack = np.zeros((V + 1, n), np.int32)
    for v in range(V - 1, -1, -1):
        for i in range(n):
            a, b = low[v] * Z[v, i], high[v] * Z[v, i]
            slack[v, i] = slack[v + 1, i] + (max(a, b) if i < H else min(a, b))
    return slack


@njit(nogil=True, cache=True, _nrt=False)
def cost_by_buckets(scores, row, H, L, slack, shift, counts):
    """Bound by buckets for a row of scores (rows, H + width) and the same of slack."""
    counts[:] = 0
    last = counts.shape[1] - 1
    half = counts.shape[1] // 2
    for i in range(H + L):
        bucket = (int64(scores[row, i]) + slack[row, i] >> shift) + half
        counts[int64(i >= H), min(max(bucket, 0), last)] += 1
    cost, missed, let_in = H * L, 0, L
    for bucket in range(last + 1):  # thresholds from the lowest bucket up
        let_in -= counts[1, bucket]
        cost = min(cost, missed * L + let_in * H)
        missed += counts[0, bucket]
    return cost


@njit(nogil=True, cache=True)
def shift_of_buckets(Z, n, weights, n_weights, n_buckets):
    """Right shift that spreads +-2.5 standard deviations of a typical score over the buckets."""
    variance = 0.0
    for v in range(Z.shape[0]):
        square = spread = 0.0
        for k in range(n_weights[v]):
            square += float(weights[v, k]) ** 2 / n_weights[v]
        for i in range(n):
            spread += float(Z[v, i]) ** 2 / n
        variance += square * spread
    shift = 0
    while (n_buckets << shift) < 5.0 * np.sqrt(variance):
        shift += 1
    return shift
