"""A single weight vector of a large node: its best cut and its area (compiled).

Its scores are dropped into buckets, which bound it as those of bounds.py do, but in proportion to
its own spread. If the bound allows, they are taken out bucket by bucket and put in order where they
are not yet; so the longest part of sorting is spared.

Legend: as in large.py.
"""

from typing import NamedTuple

import numpy as np
from numba import int64, njit, void

from deepnic.rop.kernels.search import AREA, FP, THRESHOLD, TP, VALUE

N_BUCKETS = 256
SPREAD = 7  # standard deviations that the buckets span
FEW_ALIKE = 128  # observations of a bucket that are put in order one by one
HIGH = 1 << 32  # counts of the high ones, above those of the low ones


class Alone(NamedTuple):
    """Scratch of a single vector: its scores, their buckets, their order, and the cut found.

    ``sums`` (n,) int32; ``places`` and ``keys`` (n,), ``buckets`` (256,) and ``cut`` (5,) int64.
    """

    sums: np.ndarray
    places: np.ndarray
    keys: np.ndarray
    buckets: np.ndarray
    cut: np.ndarray


@njit(nogil=True, cache=True, inline="always")
def make_alone(n):
    return Alone(
        sums=np.zeros(n, np.int32),
        places=np.zeros(n, np.int64),
        keys=np.zeros(n, np.int64),
        buckets=np.zeros(N_BUCKETS, np.int64),
        cut=np.zeros(5, np.int64),
    )


@njit(void(int64[::1]), nogil=True, cache=True)
def _sort(keys):
    """Sort; Numba cannot compile its own sort where no array may be made, as in `cut_of_sums`."""
    keys.sort()


@njit(nogil=True, cache=True, _nrt=False)
def cut_of_sums(alone, H, L, deviation, affordable):
    """Find the best cut of alone.sums, of equal ones the highest, and the area: in alone.cut.

    The first H are high. Returns False, and no cut, where none is affordable.
    """
    sums, places, keys, buckets, cut = alone
    _drop(sums, places, buckets, H, H + L, deviation)
    value, most_alike = _bound_buckets(buckets, H, L)
    if H * L - value > affordable:
        return False
    for i in range(H + L):
        k = places[i]
        keys[buckets[k]] = 2 * int64(sums[i]) + int64(i < H)
        buckets[k] += 1
    if most_alike > FEW_ALIKE:
        _sort(keys[: H + L])
    else:
        _insert(keys, H + L)
    _best_cut(keys, H, L, cut)
    return True


@njit(nogil=True, cache=True, inline="always")
def _drop(sums, places, buckets, H, n, deviation):
    shift = int64(0)
    while float(N_BUCKETS << shift) < SPREAD * deviation:
        shift += 1
    buckets[:] = 0
    for i in range(n):
        k = (int64(sums[i]) >> shift) + N_BUCKETS // 2
        k = min(max(k, 0), N_BUCKETS - 1)
        places[i] = k
        buckets[k] += HIGH if i < H else 1


@njit(nogil=True, cache=True, inline="always")
def _bound_buckets(buckets, H, L):
    """Most value of a cut, and observations of the fullest bucket.

    What is in a bucket then becomes the place of its first key.
    """
    value = most_alike = high = low = int64(0)
    left = H + L
    for k in range(N_BUCKETS - 1, -1, -1):
        here_high, here_low = buckets[k] >> 32, buckets[k] & (HIGH - 1)
        high += here_high
        value = max(value, high * L - low * H)
        low += here_low
        most_alike = max(most_alike, here_high + here_low)
        left -= here_high + here_low
        buckets[k] = left
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


@njit(nogil=True, cache=True, inline="always")
def _best_cut(keys, H, L, cut):
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
