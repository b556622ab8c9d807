"""What the data stage asks of every pixel, in one walk over a block (compiled).

Legend: n items, P pixels, j a pixel of a strip. A strip is narrow enough that its sums and its
values stay in the cache. Items are added one by one, so that a result depends on no strip.
"""

import numpy as np
from numba import float32, float64, int64, njit, uint32, uint64, void

STRIP = 2048
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


@njit(uint64(uint64, uint32), inline="always")
def _mix(state, word):
    """Next state of a hash; one to one in either argument."""
    state = (state ^ uint64(word)) * GOLDEN
    return state ^ (state >> HALF)


@njit(
    void(
        float32[:, ::1], int64[::1], float32, int64[::1], float64[::1], float64[::1], uint64[::1],
        uint64[::1],
    ),
    nogil=True,
    cache=True,
    error_model="numpy",
)  # fmt: skip
def describe_columns(value, rows, resolution, defined, mean, variance, exact, near):
    """Describe the items ``rows`` of each pixel of ``value`` (n, P).

    ``defined``, ``mean``, ``variance`` (P,): how many items are defined, and of these. ``exact``,
    ``near`` (P,): 64 bits that are equal where values are, and where they are after rounding to
    multiples of ``resolution``; undefined items equal each other, and so do the two zeros.
    """
    seen = np.empty(STRIP, np.float32)
    rounded = np.empty(STRIP, np.float32)
    seen_bits = seen.view(np.uint32)
    rounded_bits = rounded.view(np.uint32)
    for first in range(0, value.shape[1], STRIP):
        strip = slice(first, min(first + STRIP, value.shape[1]))
        count, middle, spread = defined[strip], mean[strip], variance[strip]
        whole, rough = exact[strip], near[strip]
        count[:], middle[:], spread[:], whole[:], rough[:] = 0, 0, 0, 0, 0
        for i in rows:
            item = value[i, strip]
            for j in range(item.size):
                known = item[j] == item[j]
                count[j] += known
                middle[j] += item[j] if known else float32(0)
                seen[j] = item[j] + float32(0) if known else float32(np.nan)
                rounded[j] = np.rint(item[j] / resolution) + float32(0)
                rounded[j] = rounded[j] if known else float32(np.nan)
            for j in range(item.size):
                whole[j] = _mix(whole[j], seen_bits[j])
                rough[j] = _mix(rough[j], rounded_bits[j])
        for j in range(count.size):
            middle[j] /= max(count[j], 1)
        for i in rows:
            item = value[i, strip]
            for j in range(item.size):
                gap = item[j] - middle[j]
                spread[j] += gap * gap if item[j] == item[j] else 0.0
        for j in range(count.size):
            spread[j] /= max(count[j], 1)
