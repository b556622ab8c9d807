"""Growing trees on more observations than nodes searched in blocks hold (compiled when asked for).

The kernel is that of tree.py, for larger nodes too. It is apart from it since who has few patients
need not wait until it is compiled.
"""

from typing import NamedTuple

from numba import int64, njit

from deepnic.rop.kernels.groups import LargeNode, make_large
from deepnic.rop.kernels.large import MOST_OBSERVED, search_large
from deepnic.rop.kernels.small import FEW_OBSERVED
from deepnic.rop.kernels.tree import (
    SCALE,
    TREES,
    Searcher,
    grow_by,
    make_searcher,
    search_in_blocks,
)


class SearcherOfMany(NamedTuple):
    """What searches nodes of up to ``large_to`` observations as large.py does, and `Searcher`."""

    small: Searcher
    large_to: int
    large: LargeNode


@njit(nogil=True, cache=True)
def overlap(Z, P):
    """Whether in no variable of a node the class means lie a standard deviation apart.

    Z (V, n) int32, the P positives first. Then hardly a prefix can be given up, and of many
    observations large.py is the quicker one, by 2 to 8 times; else small.py is, in boxes of 5
    variables and more.
    """
    V, n = Z.shape
    N = n - P
    for v in range(V):
        apart = int64(0)  # P N times the difference of the means
        for i in range(n):
            apart += Z[v, i] * (N if i < P else -P)
        if abs(apart) >= int64(SCALE) * P * N:
            return False
    return True


@njit(nogil=True, cache=True)
def is_for_large(Z, P, small_to):
    """Whether large.py searches a node, if small.py holds up to ``small_to`` observations."""
    n = Z.shape[1]
    return n > small_to or (n > FEW_OBSERVED and overlap(Z, P))


@njit(nogil=True, cache=True, inline="always")
def _search(s, Z, P, key, coef):
    threshold = tp = fp = ties = int64(0)
    if Z.shape[1] <= s.large_to and is_for_large(Z, P, s.small.small_to):
        threshold, tp, fp, ties = search_large(Z, P, key, s.small.box, s.large, coef)
    if ties == 0:
        threshold, tp, fp, ties = search_in_blocks(s.small, Z, P, key, coef)
    return threshold, tp, fp, ties


@njit(TREES, nogil=True, cache=True)
def grow_trees(
    expression, y, members, in_bag, keys, weights, max_solutions,
    mean, sd, coef, record, signatures,
):  # fmt: skip
    """Grow the trees of one draw; see `deepnic.rop.kernels.grow_trees`."""
    V, n = members.shape[1], y.size
    small = make_searcher(weights[0].copy(), V, n)
    large_to = min(n, MOST_OBSERVED) if small.in_blocks else 0
    searcher = SearcherOfMany(small, large_to, make_large(small.box, V, large_to))
    grow_by(
        _search, searcher, expression, y, members, in_bag, keys, max_solutions,
        mean, sd, coef, record, signatures,
    )  # fmt: skip
