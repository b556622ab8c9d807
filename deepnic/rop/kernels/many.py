"""Growing trees on more observations than nodes searched in blocks hold (compiled when asked for).

The kernel is that of tree.py, for larger nodes too. It is apart from it since who has few patients
need not wait until it is compiled.
"""

from typing import NamedTuple

from numba import int64, njit

from deepnic.rop.kernels.groups import LargeNode, make_large
from deepnic.rop.kernels.large import MOST_OBSERVED, search_large
from deepnic.rop.kernels.tree import TREES, Searcher, grow_by, make_searcher, search_in_blocks


class SearcherOfMany(NamedTuple):
    """What searches nodes of up to ``large_to`` observations, and `Searcher` for all others."""

    small: Searcher
    large_to: int
    large: LargeNode


@njit(nogil=True, cache=True, inline="always")
def _search(s, Z, P, key, coef):
    threshold = tp = fp = ties = int64(0)
    if s.small.small_to < Z.shape[1] <= s.large_to:
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
