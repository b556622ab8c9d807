"""The list of genes: what the trees say of each, and beside it what everybody computes."""

from itertools import product
from typing import NamedTuple

import dask
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from deepnic.cohort.differential import welch
from deepnic.errors import InputError
from deepnic.explain.cohorts import grown_on
from deepnic.explain.criteria import NOWHERE, criteria, direction_of, lead_of_positive
from deepnic.explain.null import Null
from deepnic.nic import count_signatures
from deepnic.nic.families import BASE
from deepnic.nic.genes import check_forest
from deepnic.rop.signatures import N_EVENTS

TOGETHER = 1024  # genes whose criteria are made at a time


def rank_genes(forest: xr.Dataset, cohort: xr.Dataset, null: Null | None = None) -> pd.DataFrame:
    """List the genes of a forest, those first whose trees are perfect most often.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store, of two draws at least.
    cohort : Dataset
        What the forest was grown on; labels that were hidden then may be known here, and are not
        looked at.
    null : Null, optional
        Perfect trees of permuted genes, of `permutation_null`: how sure of each gene.

    Returns
    -------
    DataFrame
        A row a gene, by falling ``score``, or ``nic1`` without a null, and then by rising
        ``welch_p``:

        - ``gene`` and ``symbol``, empty where the cohort has none;
        - ``direction``: "higher" in those at risk where more of the gene's perfect trees have
          positive weights of it alone (criterion 3) than negative ones alone (criterion 4),
          "lower" where fewer, and empty where as many, none included;
        - ``score``, ``p`` and ``q`` where there is a null, see `Null.test`;
        - ``nic1`` to ``nic10``: each criterion as published, the mean over the conditions in which
          it is defined (NaN: in none), and ``nic1_at`` to ``nic10_at``, where it is largest, such
          as "V3 R4": of several the smallest, empty where it is 0 in all;
        - ``smallest``: the first condition, by genes of a tree and then by weight range, in which
          one of its trees is perfect, empty where none is;
        - ``stability``: how far the even draws agree with the odd ones on how often its trees are
          perfect under each condition, from 0 to 1 (the weighted Jaccard index: the sum of the
          smaller rates over that of the larger; NaN where no tree is perfect). Each draw has other
          companions, and below ``subsample=1`` another bag: the halves differ in both;
        - ``t``, ``welch_p``, ``welch_q``: Welch's test on the observations that the forest was
          grown on, and Benjamini and Hochberg's adjusted p; ``fold_change``: the difference of the
          class means, of log2 values the log2 fold change.

    Raises
    ------
    InputError
        The cohort is not what the forest was grown on, the null is of another forest, or there is
        one draw only.

    Notes
    -----
    Criteria: Nguyen et al. 2021, and the published pipeline for 5 and 6. Direction, smallest
    condition and stability: ours.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=8, weight_ranges=[3], tree_sizes=[3])
    >>> genes = rank_genes(forest, cohort)
    >>> genes[["gene", "smallest"]].iloc[0].tolist()
    ['worst concave points', 'V3 R3']
    """
    check_forest(forest)
    if forest.sizes["draw"] < 2:
        raise InputError("a forest of one draw has no halves to compare; grow at least 2 trees")
    if null is not None:
        null.check(forest)
    said, known = _criteria(forest), _differential(forest, cohort)
    genes = pd.DataFrame({"gene": forest["gene"].values.astype(object)})
    symbol = forest["symbol"].values if "symbol" in forest.coords else ""
    genes = genes.assign(symbol=symbol, direction=said.direction)
    if null is not None:
        genes = genes.join(null.test())
    for k, label in enumerate(BASE[:N_EVENTS]):
        name = f"nic{label.partition('|')[0]}"
        genes[name], genes[f"{name}_at"] = said.mean[:, k], said.strongest[:, k]
    genes = genes.assign(smallest=said.smallest, stability=said.stability, **known)
    first = "nic1" if null is None else "score"
    # of several keys, pandas sorts stably
    return genes.sort_values([first, "welch_p"], ascending=[False, True], ignore_index=True)


class _Criteria(NamedTuple):
    """What the trees say of each gene."""

    perfect: NDArray[np.int64]  # (gene, V, R): perfect trees
    mean: NDArray[np.float64]  # (gene, criterion)
    strongest: NDArray[np.object_]  # (gene, criterion)
    smallest: NDArray[np.object_]  # (gene,)
    direction: NDArray[np.object_]  # (gene,)
    stability: NDArray[np.float64]  # (gene,)


def _criteria(forest: xr.Dataset) -> _Criteria:
    """Some genes after the other: the counts of a chip are 150 MB, their criteria far more."""
    halves = _count_halves(forest)
    some = range(0, halves.shape[1], TOGETHER)
    parts = [_criteria_of(halves[:, first : first + TOGETHER]) for first in some]
    perfect, mean, strongest, smallest, lead, stability = map(
        np.concatenate, zip(*parts, strict=True)
    )
    conditions = product(forest["tree_size"].values, forest["weight_range"].values)
    names = np.full(NOWHERE + 1, "", object)
    for k, (V, R) in enumerate(conditions):
        names[k] = f"V{V} R{R}"
    directions = direction_of(lead)
    return _Criteria(perfect, mean, names[strongest], names[smallest], directions, stability)


def _criteria_of(halves: NDArray[np.uint16]) -> tuple[NDArray, ...]:
    """As of `_Criteria`, in numbers, from counts of the halves of the draws (2, gene, V, R, 37)."""
    counts = halves.sum(axis=0, dtype=np.uint16)
    mean, strongest = criteria(counts)
    perfect = counts[..., 1:].sum(axis=-1, dtype=np.int64)
    of_conditions = perfect.reshape(len(perfect), -1) > 0
    smallest = np.where(of_conditions.any(axis=1), of_conditions.argmax(axis=1), NOWHERE)
    rates = 1 - halves[..., 0] / halves.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        stability = rates.min(axis=0).sum(axis=(1, 2)) / rates.max(axis=0).sum(axis=(1, 2))
    return perfect, mean, strongest, smallest, lead_of_positive(counts), stability


def _count_halves(forest: xr.Dataset) -> NDArray[np.uint16]:
    """Counts (2, gene, V, R, 37) of the even and the odd draws, read once."""
    halves = [count_signatures(forest.isel(draw=slice(k, None, 2)))["count"] for k in (0, 1)]
    return np.stack([half.values for half in dask.compute(*halves)])


def _differential(forest: xr.Dataset, cohort: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """What is known of each gene without trees."""
    cohort = grown_on(forest, cohort).sel(gene=forest["gene"].values)
    known = cohort["state"].values >= 0
    expression, state = cohort["expression"].values[known], cohort["state"].values[known]
    t, p = welch(expression, state)
    means = [expression[state == value].mean(axis=0, dtype=np.float64) for value in (1, 0)]
    return {
        "t": t,
        "fold_change": means[0] - means[1],
        "welch_p": p,
        "welch_q": stats.false_discovery_control(p),
    }
