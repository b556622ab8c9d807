"""What the filter asks of every pixel, in walks over a block (compiled).

Legend: n items, P pixels, K pixels that are left, j a pixel of a strip. A strip is narrow enough
that its sums and its values stay in the cache. Items are added one by one, so that a result depends
on no strip.
"""

import numpy as np
from numba import boolean, float32, float64, int64, njit, uint32, uint64, void

from deepnic.compiled import compiled

STRIP = 2048
NARROW = 256  # of pixels whose values are held as float64
NEAR_CONSTANT = 1e-8  # variance over squared mean up to which sums of squares about 0 drown it
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


@compiled(
    void(float32[:, ::1], int64[::1], int64[::1], float64[::1], float64[::1]),
    nogil=True,
    error_model="numpy",
)
def find_moments(value, rows, defined, mean, variance):
    """Fill ``defined``, ``mean``, ``variance`` (P,): how many items are defined, and of these.

    Of the items ``rows`` of each pixel of ``value`` (n, P).
    """
    for first in range(0, value.shape[1], STRIP):
        strip = slice(first, min(first + STRIP, value.shape[1]))
        count, middle, spread = defined[strip], mean[strip], variance[strip]
        count[:], middle[:], spread[:] = 0, 0, 0
        for i in rows:
            item = value[i, strip]
            for j in range(item.size):
                known = item[j] == item[j]
                count[j] += known
                middle[j] += item[j] if known else float32(0)
        for j in range(count.size):
            middle[j] /= max(count[j], 1)
        for i in rows:
            item = value[i, strip]
            for j in range(item.size):
                gap = item[j] - middle[j]
                spread[j] += gap * gap if item[j] == item[j] else 0.0
        for j in range(count.size):
            spread[j] /= max(count[j], 1)


@njit(uint64(uint64, uint32), inline="always")
def mix(state, word):
    """Next state of a hash; one to one in either argument."""
    state = (state ^ uint64(word)) * GOLDEN
    return state ^ (state >> HALF)


@compiled(
    void(float32[:, ::1], int64[::1], int64[::1], float32, uint64[::1], uint64[::1]),
    nogil=True,
    error_model="numpy",
)
def identify(value, rows, left, resolution, exact, near):
    """Fill ``exact``, ``near`` (K,) of the pixels ``left`` of ``value`` (n, P).

    64 bits that are equal where the values of the items ``rows`` are, and where they are after
    rounding to multiples of ``resolution``; undefined items equal each other, and so do the two
    zeros.
    """
    seen = np.empty(STRIP, np.float32)
    rounded = np.empty(STRIP, np.float32)
    seen_bits = seen.view(np.uint32)
    rounded_bits = rounded.view(np.uint32)
    for first in range(0, left.size, STRIP):
        strip = slice(first, min(first + STRIP, left.size))
        columns, whole, rough = left[strip], exact[strip], near[strip]
        whole[:], rough[:] = 0, 0
        for i in rows:
            for j in range(columns.size):
                seen[j] = value[i, columns[j]]
            for j in range(columns.size):
                known = seen[j] == seen[j]
                rounded[j] = np.rint(seen[j] / resolution) + float32(0)
                rounded[j] = rounded[j] if known else float32(np.nan)
                seen[j] = seen[j] + float32(0) if known else float32(np.nan)
            for j in range(columns.size):
                whole[j] = mix(whole[j], seen_bits[j])
                rough[j] = mix(rough[j], rounded_bits[j])


@compiled(void(float64[:, ::1]), nogil=True, error_model="numpy")
def _centre(full):
    """Centre those columns whose small spread sums of squares about 0 would drown."""
    n = len(full)
    mean, variance = np.zeros((2, NARROW))
    for row in full:
        for j in range(NARROW):
            mean[j] += row[j]
    mean /= n
    for row in full:
        for j in range(NARROW):
            gap = row[j] - mean[j]
            variance[j] += gap * gap
    variance /= n
    for far in np.flatnonzero(variance <= NEAR_CONSTANT * (mean * mean)):
        full[:, far] -= mean[far]


@compiled(boolean[::1](float64[:, ::1], int64[::1], int64), nogil=True)
def _has_spread(full, label, classes):
    """Tell of each column whether any class has two values in it."""
    first = np.full(classes, -1)
    found = np.zeros(NARROW, np.bool_)
    for i in range(len(full)):
        k = label[i]
        if first[k] < 0:
            first[k] = i
        row, other = full[i], full[first[k]]
        for j in range(NARROW):
            found[j] |= row[j] != other[j]
    return found


@compiled(
    void(float32[:, ::1], int64[::1], int64[::1], int64[::1], float32[::1], float64[::1]),
    nogil=True,
    error_model="numpy",
)
def analyse_variance(value, rows, label, left, fill, F):
    """Fill ``F`` (K,) of the pixels ``left`` of ``value`` (n, P); ``fill`` (K,) where undefined.

    ``label`` numbers the classes of the items ``rows`` from 0. Infinite where no class has spread,
    0 where rounding leaves no gap between them, else the bits of scikit-learn's ``f_classif``.
    """
    n = rows.size
    size = np.bincount(label)
    full = np.zeros((n, NARROW))
    for first in range(0, left.size, NARROW):
        columns = left[first : first + NARROW]
        instead = fill[first : first + NARROW]
        for i in range(n):
            item, row = value[rows[i]], full[i]
            for j in range(columns.size):
                x = item[columns[j]]
                row[j] = x if x == x else instead[j]
        _centre(full)
        sums, squares = np.zeros((2, size.size, NARROW))
        for i in range(n):
            row, total, square = full[i], sums[label[i]], squares[label[i]]
            for j in range(NARROW):
                total[j] += row[j]
                square[j] += row[j] * row[j]
        has_spread = _has_spread(full, label, size.size)
        for j in range(columns.size):
            whole, about_0, between = 0.0, 0.0, 0.0
            for k in range(size.size):
                whole += sums[k, j]
                about_0 += squares[k, j]
                between += sums[k, j] * sums[k, j] / size[k]
            between -= whole * whole / n
            within = about_0 - whole * whole / n - between
            f = (between / (size.size - 1)) / (within / (n - size.size))
            F[first + j] = (f if f > 0 else 0.0) if has_spread[j] else np.inf
