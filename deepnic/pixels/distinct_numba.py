"""Which pixels of a gene are worth a division, and these (compiled).

Legend: n items, G genes, S sets, F functions, K pixels that are left. All arrays are C-contiguous.
"""

import numpy as np
from numba import float32, int64, uint32, uint64, void

from deepnic.compiled import compiled
from deepnic.pixels.columns_numba import mix


@compiled(void(uint32[:, :, ::1], int64, int64[::1], uint64[::1], int64[::1]), nogil=True)
def _group(sums, g, rows, hashes, group):
    """Fill ``group`` (S,): the first set with the sums of each, of a gene and the items ``rows``.

    ``hashes`` (S,) is overwritten: 64 bits that are equal where the sums are.
    """
    hashes[:] = 0
    for i in rows:
        of_item = sums[i, g]
        for s in range(hashes.size):
            hashes[s] = mix(hashes[s], of_item[s])
    for s in range(hashes.size):
        first = 0
        while hashes[first] != hashes[s]:
            first += 1
        group[s] = first


@compiled(
    int64(
        uint32[:, :, ::1],
        uint32[:, :, ::1],
        int64[::1],
        int64[::1],
        int64[::1],
        int64[::1],
        int64[::1],
    ),
    nogil=True,
)
def find_distinct(sums, divisors, rows, above, below, pixel, copies):
    """Return K, and fill the first K of ``pixel``, ``copies`` (G x F,).

    The pixels (gene, function), flat, less those of the sums and divisors of one before, as the
    items ``rows`` have them: of the same gene, if by another function ``above`` over ``below``.
    ``copies`` counts these. ``sums``, ``divisors`` (n, G, S) are float32, taken as bits.
    """
    n_genes, n_sets = sums.shape[1:]
    met = np.full((n_sets, n_sets), -1)  # the pixel that has these sums and divisors
    hashes = np.empty(n_sets, np.uint64)
    over, under = np.empty(n_sets, np.int64), np.empty(n_sets, np.int64)
    found = 0
    for g in range(n_genes):
        _group(sums, g, rows, hashes, over)
        _group(divisors, g, rows, hashes, under)
        before = found
        for f in range(above.size):
            a, b = over[above[f]], under[below[f]]
            if met[a, b] >= before:
                copies[met[a, b]] += 1
                continue
            met[a, b], pixel[found], copies[found] = found, g * above.size + f, 0
            found += 1
    return found


@compiled(
    void(
        float32[:, :, ::1],
        float32[:, :, ::1],
        int64[::1],
        int64[::1],
        int64[::1],
        float32[:, ::1],
    ),
    nogil=True,
    error_model="numpy",
)
def divide_distinct(sums, divisors, above, below, pixel, value):
    """Fill ``value`` (n, K) of the pixels (K,), those of a gene one after the other."""
    over, under = np.empty(above.size, np.int64), np.empty(above.size, np.int64)
    first = 0
    while first < pixel.size:
        g = pixel[first] // above.size
        last = first
        while last < pixel.size and pixel[last] // above.size == g:
            f = pixel[last] - g * above.size
            over[last - first], under[last - first] = above[f], below[f]
            last += 1
        for i in range(len(value)):
            of_sets, by_sets, item = sums[i, g], divisors[i, g], value[i, first:last]
            for k in range(item.size):
                item[k] = of_sets[over[k]] / by_sets[under[k]]
        first = last
