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
- By buckets: the sick at their highest and the healthy at their lowest scores, dropped into ordered
  buckets. A threshold in bucket k puts at risk at most the sick of buckets >= k, at least the
  healthy of buckets > k. Looser, but its cost grows with the observations, not with their pairs: in
  large nodes it serves where the pairs would cost more than the few vectors they could spare.

The two classes are interchangeable (reverse all scores), so the one that fills fewer lanes is
called low here, the other high; scores hold the high ones first, then the low ones in whole groups
of 16 lanes, filled up with numbers below all others.

Legend: V variables, H high and L low observations, width the lanes of the low. Arrays are
C-contiguous. What runs once a vector is compiled without reference counts (_nrt=False): it
allocates nothing, and counting references atomically took two thirds of its time.
"""

from typing import NamedTuple

import numpy as np
from numba import int64, njit

from deepnic.rop.kernels.lanes import LANES, count_reached

LOWEST = np.int32(-(2**31))  # score of an empty lane
FEW_PAIRS = 1 << 13  # up to so many (about 180 observations), pairs bound whole vectors too
MOST_PAIRS = 1 << 18  # beyond, they would fill the processor's cache
PAIRS_PAY = 1 << 11  # vectors of a box for which tabulating more than a few pairs pays
N_BUCKETS = 512


class BoundedNode(NamedTuple):
    """A node as the bounds see it.

    ``Z`` (V, H + width) int32; ``weights`` (V, most) and ``n_weights`` (V,) int64. Vectors with at
    most ``pairs_to`` weights given are bounded by pairs: ``most`` and ``least`` (V + 1, H * width)
    int32 are what the variables from v on can put each high observation above each low one. The
    others are bounded by buckets: ``reach`` (V + 1, H + width) is the most that these variables can
    add to a high score, the least to a low one. Rows V, where no variable remains, are zero.
    ``counts`` and ``buckets`` are scratch.
    """

    Z: np.ndarray
    H: int
    L: int
    weights: np.ndarray
    n_weights: np.ndarray
    pairs_to: int
    most: np.ndarray
    least: np.ndarray
    counts: np.ndarray
    reach: np.ndarray
    shift: int
    buckets: np.ndarray


@njit(nogil=True, cache=True)
def whole_lanes(n):
    """The least multiple of the lanes that holds n."""
    return -(-n // LANES) * LANES


@njit(nogil=True, cache=True)
def make_node(Z, H, L, weights, n_weights):
    """Tabulate what the bounds need."""
    V = Z.shape[0]
    if H * L <= FEW_PAIRS:
        pairs_to = V
    elif H * L <= MOST_PAIRS and n_weights.prod() >= PAIRS_PAY:
        pairs_to = V - 2
    else:
        pairs_to = -1
    width = whole_lanes(L) if pairs_to >= 0 else 0
    most, least = _slack_of_pairs(Z, H, width, weights, n_weights)
    counts = np.zeros((2, width), np.int32)
    n_buckets, shift = 0, 0
    reach = most
    if pairs_to < V:
        reach = _slack_of_scores(Z, H, weights, n_weights)
        n_buckets, shift = N_BUCKETS, _shift_of_buckets(Z, H + L, weights, n_weights)
    buckets = np.zeros((2, n_buckets), np.int32)
    return BoundedNode(
        Z, H, L, weights, n_weights, pairs_to, most, least, counts, reach, shift, buckets
    )


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def least_cost(node, scores, row, affordable):
    """Least cost of the vectors whose first ``row`` weights give that row of scores.

    scores (V + 1, H + width) int32. A cost above what is affordable is not sharpened.
    """
    if row > node.pairs_to:
        return _cost_by_buckets(node, scores, row)
    cost = _count_pairs(node, scores, row, node.most)
    # those left out cost L and are in at most L pairs, those let in cost H and are in at most H
    return _cost_of_pairs(node) if 0 < cost <= affordable else cost


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def all_separate(node, scores, row):
    """Whether every vector that begins so puts all high observations above all low ones.

    Only known where pairs bound; otherwise False.
    """
    return row <= node.pairs_to and _count_pairs(node, scores, row, node.least) == 0


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _count_pairs(node, scores, row, slack):
    """Count the pairs whose high one does not get above the low one: each low one's, their sum."""
    width = node.counts.shape[1]
    first = row * scores.shape[1]
    total = 0
    for j in range(0, width, LANES):
        total += count_reached(
            scores, first, node.H,
            slack, row * node.H * width + j, width,
            scores, first + node.H + j,
            node.counts, j,
        )  # fmt: skip
    return total


@njit(nogil=True, cache=True, _nrt=False, forceinline=True)
def _cost_of_pairs(node):
    """Least cost of a cut, from the number of hopeless pairs each low observation is in."""
    counts = node.counts
    width = counts.shape[1]
    zeros = node.most.size - LANES
    for j in range(0, width, LANES):
        # how many low ones are in as many pairs as each of these, or fewer
        count_reached(counts, 0, node.L, node.most, zeros, 0, counts, j, counts, width + j)
    cost = node.H * node.L
    for j in range(width):
        cost = min(cost, (node.L - counts[1, j]) * node.H + counts[0, j] * node.L)
    return cost


@njit(nogil=True, cache=True, _nrt=False)
def _cost_by_buckets(node, scores, row):
    buckets = node.buckets
    buckets[:] = 0
    last = N_BUCKETS - 1
    half = N_BUCKETS // 2
    for i in range(node.H + node.L):
        bucket = (int64(scores[row, i]) + node.reach[row, i] >> node.shift) + half
        buckets[int64(i >= node.H), min(max(bucket, 0), last)] += 1
    cost, missed, let_in = node.H * node.L, 0, node.L
    for bucket in range(N_BUCKETS):  # thresholds from the lowest bucket up
        let_in -= buckets[1, bucket]
        cost = min(cost, missed * node.L + let_in * node.H)
        missed += buckets[0, bucket]
    return cost


@njit(nogil=True, cache=True)
def _slack_of_pairs(Z, H, width, weights, n_weights):
    V = Z.shape[0]
    most = np.zeros((V + 1, H * width), np.int32)
    least = np.zeros((V + 1, H * width), np.int32)
    for v in range(V - 1, -1, -1):
        low, high = weights[v, 0], weights[v, n_weights[v] - 1]
        for i in range(H):
            for j in range(width):
                a = low * (Z[v, i] - Z[v, H + j])
                b = high * (Z[v, i] - Z[v, H + j])
                k = i * width + j
                most[v, k] = most[v + 1, k] + max(a, b)
                least[v, k] = least[v + 1, k] + min(a, b)
    return most, least


@njit(nogil=True, cache=True)
def _slack_of_scores(Z, H, weights, n_weights):
    V, n = Z.shape
    slack = np.zeros((V + 1, n), np.int32)
    for v in range(V - 1, -1, -1):
        low, high = weights[v, 0], weights[v, n_weights[v] - 1]
        for i in range(n):
            a, b = low * Z[v, i], high * Z[v, i]
            slack[v, i] = slack[v + 1, i] + (max(a, b) if i < H else min(a, b))
    return slack


@njit(nogil=True, cache=True)
def _shift_of_buckets(Z, n, weights, n_weights):
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
    while (N_BUCKETS << shift) < 5.0 * np.sqrt(variance):
        shift += 1
    return shift
