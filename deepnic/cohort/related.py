"""Observations that look like one patient's, though no group says so."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

RATE = 0.01
"""Share of cohorts of independent patients that raise an alarm of one kind, at most."""

LEAST = 6  # pairs that an arrangement must have: of fewer no P value is small enough

TURNS = "neighbours while the classes take turns"

Pairs = list[tuple[int, int]]


class Related(NamedTuple):
    """Pairs of observations that depend on each other, by their positions."""

    twins: Pairs  # near-duplicates
    rows: Pairs  # neighbours, or first half with second, that pair as a whole
    arrangement: str  # of the rows; "" for none

    @property
    def pairs(self) -> Pairs:
        """Both kinds."""
        return [*self.twins, *self.rows]

    def groups(self, ids: NDArray[np.object_]) -> NDArray[np.object_]:
        """Group of each observation: the id of the first it is tied to, or its own."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        first, second = np.array(self.pairs, int).reshape(-1, 2).T
        ties = coo_array((np.ones(first.size), (first, second)), shape=(ids.size, ids.size))
        _, of = connected_components(ties, directed=False)
        return ids[np.unique(of, return_index=True)[1][of]]


def find_related(cohort: xr.Dataset) -> Related:
    """Find near-duplicates and pairs by order among observations, from their residuals.

    A residual is an expression less the mean of its class, over the gene's standard deviation.
    Two are twins if each is the other's nearest by correlation, and nearer than its second nearest
    by more than chance: in the tail of independent values the k-th spacing, times k, is exponential
    (Rényi 1953), so the second spacings give the scale of the first. Pairs by order must correlate
    beyond the same observations with partners of the pair beside theirs that is the more alike, so
    that a batch, in which all neighbours are alike, is none (Wilcoxon's signed ranks); where the
    file begins with the classes in turn, as of tumour and normal tissue, than with the mean of the
    pairs beside, which finds more and may take batches of such a file for pairs. Both rules are
    ours, each with `RATE` false alarms a cohort of independent patients.
    """
    labels = cohort["label"].values
    near = _correlations(cohort["expression"].values, labels)
    return Related(_twins(near), *_rows(near, labels))


def _correlations(values: NDArray[np.floating], labels: NDArray[np.object_]) -> NDArray[np.float64]:
    """Fisher's z of the correlations of residuals, -inf with oneself."""
    residual = values.astype(np.float64)
    residual = residual[:, ~np.isnan(residual).all(axis=0)]
    residual = np.where(np.isnan(residual), np.nanmean(residual, axis=0), residual)
    for label in set(labels):
        residual[labels == label] -= residual[labels == label].mean(axis=0)
    spread = residual.std(axis=0)
    kept = spread > 1e-9 * spread.max(initial=0)
    residual = residual[:, kept] / spread[kept]
    residual -= residual.mean(axis=1, keepdims=True)
    size = np.linalg.norm(residual, axis=1)
    residual /= np.where(size > 0, size, 1)[:, None]  # a class of one has no residual
    near = np.arctanh(np.clip(residual @ residual.T, -1 + 1e-12, 1 - 1e-12))
    np.fill_diagonal(near, -np.inf)
    return near


def _twins(near: NDArray[np.float64]) -> Pairs:
    if len(near) < 4:
        return []
    third, second, first = np.sort(near, axis=1)[:, -3:].T
    scale = np.median(2 * (second - third)) / np.log(2)
    nearest = near.argmax(axis=1)
    beyond = first - second > scale * np.log(len(near) / RATE)
    return [
        (i, int(j))
        for i, j in enumerate(nearest)
        if i < j and nearest[j] == i and beyond[i] and beyond[j]
    ]


def _rows(near: NDArray[np.float64], labels: NDArray[np.object_]) -> tuple[Pairs, str]:
    """Take the arrangement of least P value, if that is small enough for the number tried."""
    from scipy.stats import wilcoxon

    half = len(near) // 2
    neighbours = [(2 * k, 2 * k + 1) for k in range(half)]
    halves = [(k, k + half) for k in range(half)]
    unlike = [labels[first] != labels[second] for first, second in neighbours]
    run = unlike.index(False) if False in unlike else half  # such as tumour, normal, tumour, ...
    tried = [
        (neighbours, "neighbours"),
        (neighbours[:run], TURNS),
        (halves, "first half and second"),
    ]
    found = []
    for pairs, name in tried:
        if len(pairs) >= LEAST:
            first, second = np.array(pairs).T
            table = near[np.ix_(first, second)]
            own, here = np.diag(table), np.arange(len(pairs))
            left, right = here - 1, (here + 1) % len(pairs)
            beside = [(table[here, k] + table[k, here]) / 2 for k in (left, right)]
            # one pair beside may be of another batch; a file that takes turns is so by design
            other = np.mean(beside, axis=0) if name == TURNS else np.maximum(*beside)
            keep = np.isfinite(other)
            chance = wilcoxon(own[keep], other[keep], alternative="greater").pvalue
            found.append((float(chance), pairs, name))
    least = min(found, default=(1.0, [], ""))
    return least[1:] if least[0] < RATE / len(tried) else ([], "")
