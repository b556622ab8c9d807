"""The genes cut into parts to train, validate and test on, those that vary together in one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from deepnic.errors import InputError

SHARES = {"training": 0.5, "validation": 0.15, "test": 0.35}
"""Parts, and the share of the genes that each has (ours)."""

CORRELATIONS = (0.8, 0.85, 0.9, 0.95, 0.99)
"""Genes that are correlated beyond the first of these that is usable are never in two parts."""

LARGEST = 0.1  # share of the genes that may hang together, for a correlation to be usable
ROWS = 512  # genes that are compared with all others at once


class Parts(NamedTuple):
    """Where each gene is."""

    part: NDArray[np.str_]  # (gene,) a name in `SHARES`
    cluster: NDArray[np.intp]  # (gene,) of those that hang together
    correlation: float  # no two genes of different clusters have a larger one, of either sign


def cut_genes(expression: NDArray[np.float32], state: ArrayLike, *, seed: int = 0) -> Parts:
    """Cut genes into parts, so that no gene of one is co-expressed with one of another.

    Two genes hang together if their correlation over all observations, of either sign, is above a
    limit; the mean of each class is taken away first, so that what is tested does not decide where
    a gene is. Genes hang together through others too (connected components, that is clusters by
    single linkage). The limit is the first of `CORRELATIONS` at which no cluster holds more than a
    tenth of the genes. Clusters are drawn whole.

    Parameters
    ----------
    expression : ndarray, shape (observation, gene)
    state : array, shape (observation,)
    seed : int

    Returns
    -------
    Parts

    Raises
    ------
    InputError
        Too few genes, or they all hang together.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort()
    >>> cut = cut_genes(cohort.expression.values, cohort.state.values)
    >>> cut.correlation, len(set(cut.cluster))
    (0.95, 25)
    """
    profile = _profiles(expression, np.asarray(state))
    for correlation in CORRELATIONS:
        cluster = _linked(profile, correlation)
        if cluster is not None:
            return Parts(_draw(cluster, seed), cluster, correlation)
    raise InputError(
        f"more than a tenth of the {len(profile)} genes hang together even at a correlation of "
        f"{CORRELATIONS[-1]}, so no part of them is apart from the others; take a cohort of more "
        "observations or more genes"
    )


def _linked(profile: NDArray[np.float32], correlation: float) -> NDArray[np.intp] | None:
    """Cluster of each gene; none where one of them is too large."""
    n = len(profile)
    cluster = np.arange(n)
    most = int(LARGEST * n)
    for start in range(0, n, ROWS):
        alike = np.abs(profile[start : start + ROWS] @ profile.T) > correlation
        if alike.sum(axis=1).max() > most:
            return None
        one, other = np.nonzero(alike)
        pairs = (np.ones(len(one), np.int8), (cluster[one + start], cluster[other]))
        merged = connected_components(coo_array(pairs, shape=(n, n)), directed=False)[1]
        cluster = merged[cluster]
        if np.bincount(cluster).max() > most:
            return None
    return np.unique(cluster, return_inverse=True)[1]


def _draw(cluster: NDArray[np.intp], seed: int) -> NDArray[np.str_]:
    """Part of each gene: clusters in a random order, until a part has its share."""
    size = np.bincount(cluster)
    order = np.random.default_rng(seed).permutation(len(size))
    middle = (np.cumsum(size[order]) - size[order] / 2) / size.sum()
    part = np.empty(len(size), np.intp)
    part[order] = np.searchsorted(np.cumsum([*SHARES.values()])[:-1], middle, side="right")
    return np.array([*SHARES])[part[cluster]]


def _profiles(expression: NDArray[np.float32], state: NDArray) -> NDArray[np.float32]:
    """Genes over observations, (gene, observation), less the class means, each of length 1.

    Of two of them the scalar product is the correlation; a gene that is constant in each class is
    0, and alike to none.
    """
    values = expression.astype(np.float64)
    for value in np.unique(state):
        values[state == value] -= values[state == value].mean(axis=0)
    length = np.linalg.norm(values, axis=0)
    length[length <= 1e-6 * np.abs(expression).max(axis=0)] = np.inf  # rounding, no variation
    return np.ascontiguousarray((values / length).T, dtype=np.float32)
