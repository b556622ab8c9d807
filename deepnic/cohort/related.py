"""Observations that look like one patient's, though no group says so."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError

RATE = 0.01
"""About the share of cohorts of independent patients that raise an alarm of one kind, at most."""

MOST = 3000
"""Observations that are compared with each other: of more, time and memory grow as their square."""

LEAST = 9  # pairs of an arrangement: of fewer no P value is below a third of RATE
RIDGE = 0.03  # added to the correlations, which have no inverse where two are the same

Pairs = list[tuple[int, int]]
Table = NDArray[np.float64]


class Related(NamedTuple):
    """Pairs of observations that depend on each other, by their positions."""

    twins: Pairs  # near-duplicates
    rows: Pairs  # neighbours in the file, or its first half with its second, as a whole

    def groups(self, ids: NDArray[np.object_]) -> NDArray[np.object_]:
        """Group of each observation: the id of the first it is tied to, or its own."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        first, second = np.array([*self.twins, *self.rows], int).reshape(-1, 2).T
        ties = coo_array((np.ones(first.size), (first, second)), shape=(ids.size, ids.size))
        _, of = connected_components(ties, directed=False)
        return ids[np.unique(of, return_index=True)[1][of]]


def find_related(cohort: xr.Dataset) -> Related:
    """Find near-duplicates and pairs by order among observations.

    Parameters
    ----------
    cohort : Dataset
        As of `read_cohort`.

    Returns
    -------
    Related

    Notes
    -----
    Observations are compared by the correlation of their residuals, which are expressions less the
    mean of their class in units of the gene's standard deviation, and by the partial correlation,
    with all other observations held fixed, which a batch or a drift hardly raises. The rules are
    ours, each with about `RATE` false alarms a cohort of independent patients at most:

    - Two are near-duplicates if by both measures each is the other's nearest, and nearer than its
      second nearest by more than chance: in the tail of independent values the k-th spacing, times
      k, is exponential (Rényi 1953), so the second spacings give the scale of the first.
    - Pairs by order have larger partial correlations than the steps from the pair before and to
      the pair behind, of which the larger counts (Wilcoxon's signed ranks). Tried are all
      neighbours, those at the beginning of the file as long as their classes differ, and the first
      half with the second.

    A batch that holds two of a class and no others of it is not told from a patient of two. More
    than `MOST` observations are refused.

    Raises
    ------
    InputError
        There are too many.
    """
    if (n := cohort.sizes["observation"]) > MOST:
        raise InputError(
            f"{n:,} observations are too many to be compared with each other, {MOST:,} at most; "
            "name the column of patients by --groups"
        )
    labels = cohort["label"].values
    alike = _correlations(cohort["expression"].values, labels)
    apart = _partial(alike)
    twins = {*_twins(_fisher(alike))} & {*_twins(_fisher(apart))}
    return Related(sorted(twins), _rows(_fisher(apart), labels))


def _correlations(values: NDArray[np.floating], labels: NDArray[np.object_]) -> Table:
    """Correlation of residuals, 0 on average for independent observations of any class."""
    known = ~np.isnan(values)
    residual = np.where(known, values, 0).astype(np.float64)
    same = labels[:, None] == labels
    for label in set(labels):
        rows = labels == label
        residual[rows] -= residual[rows].sum(axis=0) / np.maximum(known[rows].sum(axis=0), 1)
    residual *= known  # a missing value is taken for the mean of its class
    spread = residual.std(axis=0)
    kept = spread > 1e-9 * spread.max()
    residual = residual[:, kept] / spread[kept]
    residual -= residual.sum(axis=1, keepdims=True) / max(kept.sum(), 1)
    size = np.linalg.norm(residual, axis=1)
    share = 1 / same.sum(axis=1)  # of an observation in the mean of its class
    residual *= (np.sqrt(1 - share) / np.where(size > 0, size, 1))[:, None]
    return residual @ residual.T + share * same  # the mean correlates its own by -1 / (n - 1)


def _partial(alike: Table) -> Table:
    """Correlation of each two with all others held fixed."""
    inverse = np.linalg.inv(alike + RIDGE * np.eye(len(alike)))
    size = np.sqrt(np.diag(inverse))
    return -inverse / np.outer(size, size)


def _fisher(alike: Table) -> Table:
    """Fisher's z of correlations, -inf with oneself."""
    near = np.arctanh(np.clip(alike, -1 + 1e-12, 1 - 1e-12))
    np.fill_diagonal(near, -np.inf)
    return near


def _twins(near: Table) -> Pairs:
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


def _rows(near: Table, labels: NDArray[np.object_]) -> Pairs:
    """Take the arrangement of least P value, if that is small enough for the three tried."""
    near = _level(near, labels)
    half = len(near) // 2
    neighbours = [(2 * k, 2 * k + 1) for k in range(half)]
    unlike = [labels[first] != labels[second] for first, second in neighbours]
    run = unlike.index(False) if False in unlike else half  # such as tumour, normal, tumour, ...
    tried = [neighbours, neighbours[:run], [(k, k + half) for k in range(half)]]
    chance, pairs = min((_chance(near, pairs), pairs) for pairs in tried)
    return pairs if chance < RATE / len(tried) else []


def _level(near: Table, labels: NDArray[np.object_]) -> Table:
    """Take off what a pair of classes has in common, as means of classes follow a drift."""
    near = near.copy()
    np.fill_diagonal(near, 0)
    for one in set(labels):
        for other in set(labels):
            block = np.ix_(labels == one, labels == other)
            near[block] -= np.median(near[block])
    return near


def _chance(near: Table, pairs: Pairs) -> float:
    """P value of the pairs being no nearer than the steps from one pair to the next."""
    from scipy.stats import wilcoxon

    if len(pairs) < LEAST:
        return 1.0
    first, second = np.array(pairs).T
    step = np.r_[-np.inf, near[second[:-1], first[1:]], -np.inf]
    beside = np.maximum(step[:-1], step[1:])
    return float(wilcoxon(near[first, second], beside, alternative="greater").pvalue)
