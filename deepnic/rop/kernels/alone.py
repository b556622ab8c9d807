"""A single weight vector of a large node: its best cut and its area (compiled).

Its scores are dropped into buckets, which bound it as those of bounds.py do, but in proportion to
its own spread. If the bound allows, they are taken out bucket by bucket and put in order where they
are not yet; so the longest part of sorting is spared.

Legend: as in large.py.
"""

from math import sqrt

import numpy as np
from numba import int64, njit

from deepnic.rop.kernels.search import AREA, FP, THRESHOLD, TP, VALUE

N_BUCKETS = 256
SPREAD = 7  # standard deviations that the buckets span
FEW_ALIKE = 128  # observations of a bucket that are put in order one by one
HIGH = 1 << 32  # counts of the high ones, above those of the low ones


@njit(nogil=True, cache=True, _nrt=False)
def deviation_of(node):
    """Root mean square of the scores of the weights given."""
    square = 0.0
    for u in range(node.order.size):
        for v in range(node.order.size):
            square += node.given[u] * node.given[v] * node.products[u, v]
    return sqrt(max(square, 0.0))


@njit(nogil=True, cache=True, _nrt=False)
def add_up(node):
    """Fill node.sums with the scores of the weights given."""
    for i in range(node.H + node.L):
        node.sums[i] = 0
    for v in range(node.order.size):
        weight = np.int32(node.given[v])
        for i in range(node.H + node.L):
            node.sums[i] += weight * node.Z[v, i]


@njit(nogil=True, cache=True, _nrt=False)
def put_in_order(node, deviation, affordable):
    """Fill node.keys, in order, with the scores of node.sums: twice each, and 1 for a high one.

    Returns False, without keys, where no cut is affordable.
    """
    n = node.H + node.L
    _drop(node, deviation)
    value, most_alike = _bound_buckets(node)
    if node.H * node.L - value > affordable:
        return False
    for i in range(n):
        k = node.places[i]
        node.keys[node.buckets[k]] = 2 * int64(node.sums[i]) + int64(i < node.H)
        node.buckets[k] += 1
    if most_alike > FEW_ALIKE:
        node.keys[:n].sort()
    else:
        _insert(node.keys, n)
    return True


@njit(nogil=True, cache=True, inline="always")
def _drop(node, deviation):
    shift = int64(0)
    while float(N_BUCKETS << shift) < SPREAD * deviation:
        shift += 1
    node.buckets[:] = 0
    for start, stop, one in ((0, node.H, HIGH), (node.H, node.H + node.L, 1)):
        for i in range(start, stop):
            k = (int64(node.sums[i]) >> shift) + N_BUCKETS // 2
            k = min(max(k, 0), N_BUCKETS - 1)
            node.places[i] = k
            node.buckets[k] += one


@njit(nogil=True, cache=True, inline="always")
def _bound_buckets(node):
    """Most value of a cut, and observations of the fullest bucket; buckets become their ends.

    A bucket's end is where its first key belongs.
    """
    value = most_alike = high = low = int64(0)
    left = node.H + node.L
    for k in range(N_BUCKETS - 1, -1, -1):
        here_high, here_low = node.buckets[k] >> 32, node.buckets[k] & (HIGH - 1)
        high += here_high
        value = max(value, high * node.L - low * node.H)
        low += here_low
        most_alike = max(most_alike, here_high + here_low)
        left -= here_high + here_low
        node.buckets[k] = left
    return value, most_alike


@njit(nogil=True, cache=True, inline="always")
def _insert(keys, n):
    """Put keys in order that nearly are."""
    for i in range(1, n):
        key = keys[i]
        j = i
        while j > 0 and keys[j - 1] > key:
            keys[j] = keys[j - 1]
            j -= 1
        keys[j] = key


@njit(nogil=True, cache=True, _nrt=False)
def best_cut(node):
    """Fill node.cut with the best cut of the keys, of equal ones the highest, and their area."""
    H, L, keys, cut = node.H, node.L, node.keys, node.cut
    area = high = low = last_high = last_low = int64(0)
    cut[VALUE] = -1
    for i in range(H + L - 1, -1, -1):
        high += keys[i] & 1
        low += 1 - (keys[i] & 1)
        if i > 0 and keys[i - 1] >> 1 == keys[i] >> 1:
            continue  # equal scores are never separated
        area += (low - last_low) * (high + last_high)
        last_high, last_low = high, low
        value = high * L - low * H
        if value > cut[VALUE]:
            cut[VALUE], cut[THRESHOLD], cut[TP], cut[FP] = value, keys[i] >> 1, high, low
    cut[AREA] = area
