"""Counting out-of-bag votes by signature (compiled).

Legend: d draws, G genes, T trees, n observations. All arrays are C-contiguous.
"""

from numba import int8, int32, njit, uint8, uint16, void


@njit(
    void(uint8[:, ::1], int32[:, ::1], int8[:, :, ::1], uint16[:, :, :, ::1]),
    nogil=True,
    cache=True,
)
def count_votes(signature, tree, vote, counts):
    """Add up votes for (0) and against (1) the state 1.

    signature (d, G), tree (d, G): of the tree that counts for each gene; vote (d, T, n);
    counts (n, G, 2, 37) is added to.
    """
    for d in range(signature.shape[0]):
        for g in range(signature.shape[1]):
            s = signature[d, g]
            t = tree[d, g]
            for i in range(vote.shape[2]):
                if vote[d, t, i] > 0:
                    counts[i, g, 0, s] += 1
                elif vote[d, t, i] < 0:
                    counts[i, g, 1, s] += 1
