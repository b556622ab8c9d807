"""Differential expression: what everybody computes of a gene, without trees or images."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LARGEST = float(np.finfo(np.float32).max)  # t of a gene that is constant in each class


def welch(
    expression: NDArray[np.float32], state: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Welch's t of each gene, above 0 where state 1 is higher, and its p value.

    `expression` is (observation, gene), `state` (observation) 0 or 1. A gene that is constant has
    t = 0 and p = 1. One that is constant in each class, at different values, has p = 0, and as t
    the largest float32 where the formula says infinite: it ranks first and stays a number.

    Examples
    --------
    >>> t, p = welch(np.float32([[1, 2, 0], [1, 3, 0], [1, 6, 5], [1, 7, 5]]), [0, 0, 1, 1])
    >>> t.round(3).tolist(), p.round(3).tolist()
    ([0.0, 5.657, 3.4028234663852886e+38], [1.0, 0.03, 0.0])
    """
    moments: list = []
    for value in (1, 0):
        group = expression[np.asarray(state) == value].astype(np.float64)
        # deviations from one observation: a constant gene has a spread of exactly 0, and SciPy's
        # test of observations, which warns of it, is not needed
        deviation = group - group[0]
        moments += [group[0] + deviation.mean(axis=0), deviation.std(axis=0, ddof=1), len(group)]
    t, p = stats.ttest_ind_from_stats(*moments, equal_var=False)
    return np.nan_to_num(t, posinf=LARGEST, neginf=-LARGEST), np.nan_to_num(p, nan=1.0)


def simple_statistics(expression: NDArray[np.float32], state: ArrayLike) -> pd.DataFrame:
    """Describe each gene without images, a row a gene.

    Columns: ``t`` (`welch`), ``rank_sum`` (Mann and Whitney's U over all pairs, 0 to 1: the area
    under the ROC curve of the gene), ``fold_change`` (difference of the class means; of log2
    values, the log2 fold change), ``mean``, ``standard_deviation`` and ``at_floor``, the share of
    observations at the lowest value of the table.

    Examples
    --------
    >>> values = np.float32([[0, 2], [0, 3], [1, 6], [2, 7]])
    >>> simple_statistics(values, [0, 0, 1, 1]).round(2).T.values[1:].tolist()
    [[1.0, 1.0], [1.5, 4.0], [0.75, 4.5], [0.96, 2.38], [0.5, 0.0]]
    """
    sick = np.asarray(state) == 1
    values = expression.astype(np.float64)
    ranks = stats.rankdata(values, axis=0)
    n_sick, n = int(sick.sum()), len(values)
    above = ranks[sick].sum(axis=0) - n_sick * (n_sick + 1) / 2
    return pd.DataFrame(
        {
            "t": welch(expression, state)[0],
            "rank_sum": above / (n_sick * (n - n_sick)),
            "fold_change": values[sick].mean(axis=0) - values[~sick].mean(axis=0),
            "mean": values.mean(axis=0),
            "standard_deviation": values.std(axis=0, ddof=1),
            "at_floor": (expression == expression.min()).mean(axis=0),
        }
    )
