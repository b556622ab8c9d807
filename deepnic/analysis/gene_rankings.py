"""Does the network rank genes better than what is known without it?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from deepnic.errors import InputError

RANKING_METRICS = ("auroc", "average_precision")
"""What rankings are compared by."""


def compare_rankings(
    truth: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Quality of each ranking of genes, and how far the first is ahead of each other one.

    The truth of a gene is 1 or 0; a score is higher for rather 1, may be infinite, not NaN. Returns
    columns ranking, metric (`RANKING_METRICS`), mean, low, high, and the first ranking's lead over
    this one: difference, difference_low, difference_high, NaN in the rows of the first. Means and
    differences are those of the genes as given; intervals are SciPy's percentile bootstrap over
    genes, within each class. A resample is ranked by all scores, so that differences are paired:
    what makes a resample hard is hard for all.
    """
    y = np.asarray(truth)
    if not np.isin(y, (0, 1)).all() or min((y == 0).sum(), (y == 1).sum()) < 2:
        raise InputError(
            f"the truth is 1 for {(y == 1).sum()} of {y.size} genes and 0 for {(y == 0).sum()}; "
            "rankings are compared on genes that are 1 or 0, at least 2 of each"
        )
    levels = [_levels(name, score, len(y)) for name, score in scores.items()]
    if not levels:
        raise InputError("no ranking was given; give at least one name with its scores")

    def measure(positive: NDArray[np.intp], negative: NDArray[np.intp]) -> NDArray[np.float64]:
        values = np.array([_quality(level[positive], level[negative]) for level in levels])
        return np.concatenate([values, values[0] - values], axis=1).ravel()

    classes = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    low, high = stats.bootstrap(
        classes,
        measure,
        vectorized=False,
        n_resamples=n_resamples,
        batch=50,  # resamples held in memory together
        confidence_level=confidence,
        method="percentile",
        rng=0,
    ).confidence_interval
    intervals = np.stack([measure(*classes), low, high], axis=-1)
    # (score, itself or lead, metric, number) to a row for each score and metric
    rows = intervals.reshape(len(levels), 2, 2, 3).swapaxes(1, 2)
    rows[0, :, 1] = np.nan
    columns = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
    index = pd.MultiIndex.from_product([scores, RANKING_METRICS], names=["ranking", "metric"])
    return pd.DataFrame(rows.reshape(-1, 6), index, columns).reset_index()


def _quality(positive: NDArray[np.intp], negative: NDArray[np.intp]) -> tuple[float, float]:
    """AUROC and average precision of genes by level, 0 = best; equal levels are tied."""
    n_levels = 1 + max(positive.max(), negative.max())
    above = np.zeros((2, n_levels + 1), int)  # positives and negatives down to each level
    for row, level in zip(above, (positive, negative), strict=True):
        row[1:] = np.bincount(level, minlength=n_levels).cumsum()
    true, false = above
    auroc = np.trapezoid(true, false) / (len(positive) * len(negative))
    precision = true[1:] / np.maximum(true + false, 1)[1:]
    return float(auroc), float(np.diff(true) @ precision / len(positive))


def _levels(name: str, score: ArrayLike, n_genes: int) -> NDArray[np.intp]:
    """Position of each gene's score among the different scores, from the highest."""
    values = np.asarray(score, np.float64)
    if values.shape != (n_genes,) or np.isnan(values).any():
        raise InputError(
            f"the ranking {name!r} has shape {values.shape} and {np.isnan(values).sum()} undefined "
            f"scores; give each of the {n_genes} genes a number"
        )
    return np.unique(-values, return_inverse=True)[1]
