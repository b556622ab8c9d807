"""Companions: with which partners a gene separates, beyond what each does alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from deepnic.errors import InputError
from deepnic.nic.genes import check_forest, choose_genes
from deepnic.rop.draws import gene_trees, tree_members

KEPT = 20
"""Companions of a gene that are listed at most."""


def find_companions(forest: xr.Dataset, genes: Sequence[str]) -> pd.DataFrame:
    """Tell with which companions a gene's trees are perfect more often than expected of the two.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store, of all genes of its cohort.
    genes : sequence of str
        Those whose companions are asked for.

    Returns
    -------
    DataFrame
        A row a pair, by rising ``p``, of each gene the first `KEPT`: ``gene``, ``companion``,
        ``together``, the number of their common trees, ``perfect``, how many of these are,
        ``expected``, how many would be, ``p``, and ``q`` (Benjamini and Hochberg over all pairs
        that met).

    Raises
    ------
    InputError
        A gene that the forest does not have, or a forest of some genes only.

    Notes
    -----
    Ours. Under each condition the log-odds that a common tree is perfect are expected to be those
    of the gene's other trees and those of the companion's other trees, less those of all trees:
    each adds what it does without the other. p is the probability of as many perfect ones or more,
    trees taken as independent (the Poisson binomial law). They share patients: of some twenty
    genes, which meet a hundred times, chance in these patients passes too. Of 100 and 300 genes of
    noise, with five of large effect among them, 1 to 5 % of the pairs that planted none had a p up
    to 0.05. Genes of a chip meet once or twice in a forest, which shows no pair.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=8, weight_ranges=[3], tree_sizes=[3])
    >>> pairs = find_companions(forest, ["worst area"])
    >>> len(pairs), bool((pairs["perfect"] <= pairs["together"]).all())
    (13, True)
    """
    check_forest(forest)
    asked = choose_genes(forest, genes)["gene_position"].values
    if forest.sizes["gene"] != forest.attrs["n_genes"]:
        raise InputError("the forest is of some genes only; companions are asked of one of all")
    met = _meetings(forest, asked)
    p = _at_least(met)
    names = forest["gene"].values.astype(object)
    gene, companion = np.divmod(met.pair, names.size)
    pairs = pd.DataFrame({"gene": names[gene], "companion": names[companion]})
    known = {"together": met.together.sum(axis=1), "perfect": met.perfect.sum(axis=1)}
    expected = (met.together * met.expected).sum(axis=1)
    pairs = pairs.assign(**known, expected=expected, p=p, q=stats.false_discovery_control(p))
    pairs = pairs.sort_values("p", kind="stable")
    return pairs.groupby("gene", sort=False).head(KEPT).reset_index(drop=True)


class _Meetings(NamedTuple):
    """Common trees of pairs under each condition."""

    pair: NDArray[np.int64]  # (pair,): gene x number of genes + companion
    together: NDArray[np.int64]  # (pair, condition)
    perfect: NDArray[np.int64]  # (pair, condition): of these
    expected: NDArray[np.float64]  # (pair, condition): probability that one is


def _meetings(forest: xr.Dataset, asked: NDArray[np.integer]) -> _Meetings:
    """Meetings of each gene asked with every companion, by condition."""
    found, rates = [], []
    for v in range(forest.sizes["tree_size"]):
        for r in range(forest.sizes["weight_range"]):
            one = forest.isel(tree_size=v, weight_range=r)
            is_perfect = one["signature"].values > 0
            found.append(_met(one, asked, is_perfect))
            rates.append(is_perfect.sum(axis=0))
    pair = np.unique(np.concatenate([pairs for pairs, _ in found]))
    counts = np.zeros((2, pair.size, len(found)), np.int64)
    for c, (pairs, are_perfect) in enumerate(found):
        place = np.searchsorted(pair, pairs)
        counts[0, :, c] = np.bincount(place, minlength=pair.size)
        counts[1, :, c] = np.bincount(place[are_perfect], minlength=pair.size)
    together, perfect = counts
    expected = _expected(np.stack(rates, axis=1), pair, together, perfect, forest)
    return _Meetings(pair, together, perfect, expected)


def _met(
    forest: xr.Dataset, asked: NDArray[np.integer], is_perfect: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs that met under one condition, one a tree, and whether that was perfect."""
    drawn = {name: forest.attrs[name] for name in ("n_genes", "seed", "design")}
    drawn |= {name: int(forest[name]) for name in ("weight_range", "tree_size")}
    pairs, perfect = [], []
    for draw, of_genes in enumerate(is_perfect):
        tree, _ = gene_trees(draw=draw, **drawn)
        members = tree_members(draw=draw, **drawn)[tree[asked]].astype(np.int64)
        others = members != asked[:, None]
        if drawn["design"] == "balanced":  # some only fill the last group of a draw
            others &= tree[members] == tree[asked][:, None]
        pairs.append((asked[:, None] * np.int64(drawn["n_genes"]) + members)[others])
        perfect.append(np.broadcast_to(of_genes[asked, None], members.shape)[others])
    return np.concatenate(pairs), np.concatenate(perfect)


def _expected(
    rates: NDArray[np.integer],
    pair: NDArray[np.int64],
    together: NDArray[np.int64],
    perfect: NDArray[np.int64],
    forest: xr.Dataset,
) -> NDArray[np.float64]:
    """Probability (pair, condition) that a common tree is perfect if each only adds its own.

    ``rates`` (gene, condition) count perfect trees; half a tree is added to either side.
    """
    n_genes, n_trees = len(rates), forest.sizes["draw"]
    of_all = (rates.sum(axis=0) + 0.5) / (n_genes * n_trees + 1)
    # a companion's trees are other ones where each gene has trees of its own
    shared = (1, 1 if forest.attrs["design"] == "balanced" else 0)
    alone = [
        (rates[gene] - share * perfect + 0.5) / (n_trees - share * together + 1)
        for gene, share in zip(np.divmod(pair, n_genes), shared, strict=True)
    ]
    return expit(logit(alone[0]) + logit(alone[1]) - logit(of_all))


def _at_least(met: _Meetings) -> NDArray[np.float64]:
    """Probability of as many perfect trees or more, by the law of sums of unlike coins."""
    total, found = met.together.sum(axis=1), met.perfect.sum(axis=1)
    p = np.ones(met.pair.size)
    for n in np.unique(total):  # pairs that met as often
        rows = np.flatnonzero((total == n) & (found > 0))
        each = np.repeat(met.expected[rows].ravel(), met.together[rows].ravel()).reshape(-1, n)
        law = np.zeros((rows.size, n + 1))  # of the number of perfect ones
        law[:, 0] = 1
        for one in each.T[..., None]:
            law[:, 1:] = law[:, 1:] * (1 - one) + law[:, :-1] * one
            law[:, :1] *= 1 - one
        p[rows] = (law * (np.arange(n + 1) >= found[rows, None])).sum(axis=1)
    return np.minimum(p, 1)
