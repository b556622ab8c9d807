"""Counting out-of-bag votes by signature (compiled).

Legend: d draws, G genes, T trees, n observations. All arrays are C-contiguous.
"""

import numpy as np
from numba import float32, int8, int32, uint8, void

from deepnic.compiled import compiled


@compiled(
    void(uint8[:, ::1], int32[:, ::1], int8[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1]),
    nogil=True,
)
def count_votes(signature, tree, vote, margin, cast):
    """Add up the votes for the state 1 less those against it, and all that were cast.

    signature (d, G), tree (d, G): of the tree that counts for each gene; vote (d, T, n).
    margin, cast (n, G, 37) are filled. Up to 2**24 votes are exact.
    """
    n, _, signatures = margin.shape
    more = np.empty((signatures, n), np.float32)  # of one gene: they stay in the cache
    most = np.empty((signatures, n), np.float32)
    for g in range(signature.shape[1]):
        more[:] = 0
        most[:] = 0
        for d in range(signature.shape[0]):
            m, c, votes = more[signature[d, g]], most[signature[d, g]], vote[d, tree[d, g]]
            for i in range(n):
                m[i] += float32(votes[i])
                c[i] += float32(votes[i] != 0)
        for i in range(n):
            margin[i, g] = more[:, i]
            cast[i, g] = most[:, i]
