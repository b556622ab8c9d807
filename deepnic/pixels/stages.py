"""Data and relevance stages on one block of pixels, and the merging of blocks.

One pass: a block of images becomes counts, a histogram of p-values and its best pixels, and that
is all that is kept; states of blocks are merged in groups, in any order, with the same result.
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

REASONS = ("undefined", "near-constant", "duplicate", "near-duplicate")
"""Why the data stage drops a pixel; 0 is kept, k is ``REASONS[k - 1]``."""

P_EDGES = 10.0 ** (-np.arange(4000) / 200)
"""Upper edges of the bins of p-values, from 1 down to 1e-20, 1.2 % apart."""

NEXT_TO = 1e-5
"""Relative distance of an F from that of an edge up to which rounding may decide the bin."""

STRIP_VALUES = 2**19
"""Values that are tested at once: the copies that a test makes of them stay in the cache."""


@dataclass(frozen=True)
class Limits:
    """Options of the filter; see `filter_pixels`."""

    max_undefined: float
    min_sd: float
    resolution: float
    k: int


@dataclass(frozen=True)
class Screened:
    """What a block leaves behind: counts, and its c best pixels, best first."""

    removed: NDArray[np.int64]  # (4,): pixels that the data stage dropped, by `REASONS`
    p_counts: NDArray[np.int64]  # (4000,): surviving pixels in each bin of `P_EDGES`
    pixel: NDArray[np.int64]  # (c,): flat index
    relevance: NDArray[np.float64]  # (c,)
    p: NDArray[np.float64]  # (c,)
    identity: NDArray[np.uint64]  # (c,): a hash of the training values
    value: NDArray[np.float32]  # (item, c): on all items


def screen(
    value: NDArray[np.float32],
    pixel: NDArray[np.int64],
    tile: NDArray[np.int64],
    y: NDArray[np.int64] | None,
    train: NDArray[np.bool_],
    limits: Limits,
    copies: NDArray[np.int64] | None = None,
) -> Screened:
    """Filter one block of pixels.

    ``value`` (item, pixel) with classes ``y`` (item,), of which only the training items' are looked
    at; ``pixel`` and ``tile`` (pixel,) are the flat index of each pixel, and of the group in which
    duplicates are looked for. ``copies`` (pixel,) counts those behind it in the group that equal it
    on training items and are left out here.
    """
    value = np.ascontiguousarray(value)
    reason, mean, identity = _data_stage(value, tile, train, limits)
    kept = np.flatnonzero(reason == 0)
    relevance = _relevance(value, kept, mean[kept].astype(np.float32), y, train)
    freedom = None if y is None else _freedom(y[train])
    best = _best_distinct(pixel[kept], relevance, identity[kept], limits.k)
    chosen = kept[best]
    removed = np.bincount(reason, minlength=len(REASONS) + 1)
    if copies is not None:  # each goes as its pixel does, or as a duplicate of it
        np.add.at(removed, np.where((reason == 1) | (reason == 2), reason, 3), copies)
    return Screened(
        removed=removed[1:],
        p_counts=_count_p(relevance, freedom),
        pixel=pixel[chosen],
        relevance=relevance[best],
        p=_p_values(relevance[best], freedom),
        identity=identity[chosen],
        value=value.take(chosen, axis=1),
    )


def merge(parts: list[Screened], k: int) -> Screened:
    """Add up counts and keep the k best distinct pixels; ties go to the lower flat index."""
    pixel = np.concatenate([part.pixel for part in parts])
    relevance = np.concatenate([part.relevance for part in parts])
    identity = np.concatenate([part.identity for part in parts])
    best = _best_distinct(pixel, relevance, identity, k)
    return Screened(
        removed=np.sum([part.removed for part in parts], axis=0),
        p_counts=np.sum([part.p_counts for part in parts], axis=0),
        pixel=pixel[best],
        relevance=relevance[best],
        p=np.concatenate([part.p for part in parts])[best],
        identity=identity[best],
        value=_take([part.value for part in parts], best),
    )


def _best_distinct(
    pixel: NDArray[np.int64], relevance: NDArray[np.float64], identity: NDArray[np.uint64], k: int
) -> NDArray[np.intp]:
    """Positions of the k best distinct pixels; ties go to the lower flat index."""
    many = relevance.size
    some = min(4 * k, many)  # most are repetitions of better ones only where all are
    while True:
        least = np.partition(relevance, many - some)[many - some] if some else np.inf
        among = np.flatnonzero(relevance >= least)
        order = among[np.lexsort((pixel[among], -relevance[among]))]
        best = order[~pd.Series(identity[order]).duplicated().to_numpy()][:k]
        if best.size == k or some == many:
            return best
        some = min(4 * some, many)


def _take(values: list[NDArray[np.float32]], columns: NDArray[np.intp]) -> NDArray[np.float32]:
    """Columns of arrays side by side, which together may be much larger than what is taken."""
    taken = np.empty((len(values[0]), columns.size), np.float32)
    first = 0
    for value in values:
        last = first + value.shape[1]
        here = np.flatnonzero((first <= columns) & (columns < last))
        taken[:, here] = value.take(columns[here] - first, axis=1)
        first = last
    return taken


def benjamini_hochberg(p_counts: NDArray[np.int64], level: float) -> float:
    """Largest p-value that Benjamini-Hochberg control lets through.

    P-values are known by the upper edge of their bin, so the control is never looser than asked.
    """
    up_to = np.cumsum(p_counts[::-1])[::-1]  # pixels with p at most each edge
    passing = P_EDGES * p_counts.sum() <= level * up_to
    return float(P_EDGES[passing].max(initial=0.0))


def fill_undefined(value: NDArray[Real], train: NDArray[np.bool_]) -> NDArray[Real]:
    """Replace NaN by the mean of the training items that are defined; 0 where none is."""
    defined = ~np.isnan(value)
    known = np.where(defined, value, 0)[train]
    mean = known.sum(axis=0, dtype=np.float64) / np.maximum(defined[train].sum(axis=0), 1)
    return np.where(defined, value, mean.astype(value.dtype))


def _data_stage(
    value: NDArray[np.float32], tile: NDArray[np.int64], train: NDArray[np.bool_], limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint64]]:
    """Reason (0 kept; the first that applies), mean and identity of each pixel."""
    from deepnic.pixels.columns_numba import find_moments, identify  # compiled where it runs

    rows = np.flatnonzero(train)
    defined = np.empty(tile.size, np.int64)
    mean, variance = np.empty((2, tile.size))
    find_moments(value, rows, defined, mean, variance)
    undefined = ((rows.size - defined) / rows.size > limits.max_undefined) | (defined == 0)
    reason = np.where(undefined, 1, 2 * (variance <= limits.min_sd**2))
    left = np.flatnonzero(reason == 0)
    exact, near = np.empty((2, left.size), np.uint64)
    identify(value, rows, left, np.float32(max(limits.resolution, 1e-9)), exact, near)
    of_tile = tile[left].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    identity = np.empty(tile.size, np.uint64)
    identity[left] = exact
    for code, alike in ((3, exact), (4, near)):
        there = np.flatnonzero(reason[left] == 0)
        repeated = pd.Series(alike[there] + of_tile[there]).duplicated()
        reason[left[there[repeated]]] = code
    return reason, mean, identity


def _relevance(
    value: NDArray[np.float32],
    kept: NDArray[np.intp],
    mean: NDArray[np.float32],
    y: NDArray[np.int64] | None,
    train: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """F, or without classes the standard deviation, of the columns kept.

    Their ``mean`` (kept,) stands in for what is undefined.
    """
    if y is not None:
        return _analyse_variance(value, np.flatnonzero(train), y[train], kept, mean)
    sd = np.empty(kept.size)
    width = max(STRIP_VALUES // len(value), 1)
    for first in range(0, kept.size, width):
        strip = slice(first, first + width)
        known = value.take(kept[strip], axis=1)[train]
        filled = np.where(np.isnan(known), mean[strip], known).astype(np.float64)
        # and the first again: NumPy adds up a lone column in another order than several
        sd[strip] = np.hstack([filled, filled[:, :1]]).std(axis=0)[:-1]
    return sd


def f_test(
    value: NDArray[np.float32], y: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F and its p-value as scikit-learn has them; inf and 0 without spread, 0 and 1 without gap."""
    items, columns = map(np.arange, value.shape)
    value = np.ascontiguousarray(value)
    F = _analyse_variance(value, items, y, columns, np.zeros(columns.size, np.float32))
    return F, _p_values(F, _freedom(y))


def _analyse_variance(
    value: NDArray[np.float32],
    rows: NDArray[np.intp],
    y: NDArray[np.int64],
    kept: NDArray[np.intp],
    fill: NDArray[np.float32],
) -> NDArray[np.float64]:
    """F of the items ``rows`` of the columns kept; ``fill`` (kept,) where undefined."""
    from deepnic.pixels.columns_numba import analyse_variance  # compiled where it runs

    F = np.empty(kept.size)
    analyse_variance(value, rows, np.unique(y, return_inverse=True)[1], kept, fill, F)
    return F


def _freedom(y: NDArray[np.int64]) -> tuple[int, int]:
    """Degrees of freedom between and within classes."""
    n_classes = np.unique(y).size
    return n_classes - 1, y.size - n_classes


def _p_values(F: NDArray[np.float64], freedom: tuple[int, int] | None) -> NDArray[np.float64]:
    """P-values of F; 1 where there are no classes."""
    from scipy.special import fdtrc

    return np.ones(F.size) if freedom is None else fdtrc(*freedom, F)


def _count_p(F: NDArray[np.float64], freedom: tuple[int, int] | None) -> NDArray[np.int64]:
    """Values of F whose p-value lies in each bin of `P_EDGES`, as `_p_values` has it.

    A p-value takes as long as all else of a pixel: only those are asked for whose F is next to the
    F of an edge.
    """
    if freedom is None:
        return np.bincount(np.zeros(F.size, np.int64), minlength=P_EDGES.size)
    edges, F = _f_edges(*freedom), np.sort(F)
    first, last = (np.searchsorted(F, edges * k) for k in (1 - NEXT_TO, 1 + NEXT_TO))
    up_to = F.size - last  # pixels with p at most each edge
    for k in np.flatnonzero(first < last):
        up_to[k] += np.count_nonzero(_p_values(F[first[k] : last[k]], freedom) <= P_EDGES[k])
    return up_to - np.append(up_to[1:], 0)


@cache
def _f_edges(between: int, within: int) -> NDArray[np.float64]:
    """F at the edges of `P_EDGES`, nearly: from 0 up."""
    from scipy.special import betaincinv

    return within / between * (1 / betaincinv(within / 2, between / 2, P_EDGES) - 1)
