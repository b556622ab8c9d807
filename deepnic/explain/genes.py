"""The list of genes: what the trees say of each, and beside it what everybody computes."""

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
from deepnic.explain.null import Null
from deepnic.nic import count_signatures
from deepnic.nic.families import BASE, Quotients, evaluate, family
from deepnic.nic.genes import check_forest
from deepnic.rop.signatures import N_EVENTS, event_table

HIGHER, LOWER, UNCLEAR = "higher", "lower", ""
"""Direction of a gene in those at risk."""

_POSITIVE, _NEGATIVE = event_table()[:, 2], event_table()[:, 3]  # criteria 3 and 4


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
          smaller rates over that of the larger; NaN where no tree is perfect);
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
        genes = genes.join(null.test(said.perfect))
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
    """Condition by condition: of a chip, one alone is 200 MB of counts while it is looked at."""
    base = family("base")
    functions = Quotients.of(base.numerator[:N_EVENTS], base.denominator[:N_EVENTS])
    names, n = [""], forest.sizes["gene"]  # none, and each condition
    total, defined = np.zeros((2, n, N_EVENTS))
    largest, strongest = np.zeros((n, N_EVENTS)), np.zeros((n, N_EVENTS), np.intp)
    smallest, sign = np.zeros((2, n), np.intp)
    common, either = np.zeros((2, n))
    perfect = np.zeros((n, forest.sizes["tree_size"], forest.sizes["weight_range"]), int)
    for v, V in enumerate(forest["tree_size"].values.tolist()):
        for r, R in enumerate(forest["weight_range"].values.tolist()):
            names.append(f"V{V} R{R}")
            halves = _count_halves(forest.isel(tree_size=[v], weight_range=[r]))
            counts = halves.sum(axis=0)
            perfect[:, v, r] = counts[:, 1:].sum(axis=1)
            values = evaluate(counts, counts, functions, published=True)
            there = ~np.isnan(values)
            values = np.where(there, values, 0)
            total += values
            defined += there
            better = there & (values > largest)
            strongest[better], largest[better] = len(names) - 1, values[better]
            smallest[(smallest == 0) & (values[:, 0] > 0)] = len(names) - 1
            sign += counts[:, _POSITIVE].sum(axis=1) - counts[:, _NEGATIVE].sum(axis=1)
            rates = 1 - halves[..., 0] / halves.sum(axis=2)
            common += rates.min(axis=0)
            either += rates.max(axis=0)
    with np.errstate(invalid="ignore"):
        mean, stability = total / defined, common / either
    directions, conditions = np.array([UNCLEAR, HIGHER, LOWER], object), np.array(names, object)
    strongest_at, smallest_at = conditions[strongest], conditions[smallest]
    return _Criteria(perfect, mean, strongest_at, smallest_at, directions[np.sign(sign)], stability)


def _count_halves(forest: xr.Dataset) -> NDArray[np.int64]:
    """Counts (2, gene, 37) of the even and the odd draws of one condition, read once."""
    halves = [count_signatures(forest.isel(draw=slice(k, None, 2)))["count"] for k in (0, 1)]
    return np.stack([half.values[:, 0, 0].astype(np.int64) for half in dask.compute(*halves)])


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
