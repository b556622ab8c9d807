"""Pixels as quotients of sums (compiled).

Legend: R rows, S sets, F functions. All arrays are C-contiguous.
"""

from numba import float32, int64, void

from deepnic.compiled import compiled


@compiled(
    void(float32[:, ::1], float32[:, ::1], int64[::1], int64[::1], float32[:, ::1]),
    nogil=True,
    error_model="numpy",
)
def divide(sums, divisors, above, below, pixels):
    """Fill ``pixels`` (R, F): of each row, the sum (R, S) ``above`` over the divisor ``below``."""
    for r in range(pixels.shape[0]):
        for f in range(pixels.shape[1]):
            pixels[r, f] = sums[r, above[f]] / divisors[r, below[f]]
