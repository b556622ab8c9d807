"""How well arms rank genes, what they add to simple statistics, and how far they are apart."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from deepnic.analysis.interval import over_cohorts

PLACE = ["cohort", "task", "half"]
STATISTICS = "statistics"  # kind of the arms that others are asked what they add to
ROPE = 0.01
"""Differences up to one point are taken for none (region of practical equivalence)."""


def quality(truth: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """AUROC of a truth of 0 and 1, Spearman's rank correlation with any other; NaN if constant."""
    if np.ptp(truth) == 0:
        return np.nan
    if np.ptp(score) == 0:  # a ranking of equals
        return 0.5 if is_class(truth) else 0.0
    if is_class(truth):
        return float(roc_auc_score(truth, score))
    return float(stats.spearmanr(truth, score).statistic)


def explained(arm: pd.DataFrame) -> float:
    """Share of the variance of a truth of ranks that a line on the scores explains; else NaN.

    The line is fitted on the validation genes and judged on the test genes, so that it may be
    below 0; scores are taken as ranks, which are not of the same unit in all arms.
    """
    part, truth = arm["part"].to_numpy(), arm["truth"].to_numpy()
    if is_class(truth):
        return np.nan
    x = arm.groupby("part")["score"].rank(pct=True).to_numpy()[:, None]
    fitted, test = part == "validation", part == "test"
    return float(LinearRegression().fit(x[fitted], truth[fitted]).score(x[test], truth[test]))


def is_class(truth: NDArray[np.float64]) -> bool:
    """Tell 0 and 1 from ranks."""
    return bool(np.isin(truth, (0, 1)).all())


def score_genes(predictions: pd.DataFrame) -> pd.DataFrame:
    """Quality of every arm on the test genes, alone and together with simple statistics.

    Predictions have the columns of `PLACE`, arm, kind, seed, item, part (validation or test), truth
    and score. Returns a row for each place, arm and seed: metric (auroc or spearman), n_test,
    ``value``, ``explained`` (see `explained`), and ``added``: how much better the ranking of simple
    statistics becomes with this arm's beside it. Both are put together by least squares of the
    truth on the two ranks, fitted on the validation genes; of the methods on simple statistics the
    one that is best there is taken.
    """
    rows = []
    for place, group in predictions.groupby(PLACE, sort=False):
        arms = {
            key: one.set_index("item") for key, one in group.groupby(["arm", "seed"], sort=False)
        }
        simple = _best_statistics([one for one in arms.values() if is_statistics(one)])
        for (arm, seed), one in arms.items():
            test = one[one["part"] == "test"]
            value = quality(test["truth"].to_numpy(), test["score"].to_numpy())
            metric = "auroc" if is_class(test["truth"].to_numpy()) else "spearman"
            added = np.nan
            if simple is not None and not is_statistics(one):
                added = _together(one, simple) - _on(simple.loc[one.index], "test")
            told = (metric, len(test), value, explained(one), added)
            rows.append((*map(str, place[:2]), place[2], arm, seed, *told))
    columns = [*PLACE, "arm", "seed", "metric", "n_test", "value", "explained", "added"]
    return pd.DataFrame(rows, columns=columns)


def is_statistics(arm: pd.DataFrame) -> bool:
    """Tell whether predictions are of an arm on simple statistics alone."""
    return bool(arm["kind"].iloc[0] == STATISTICS)


def _best_statistics(arms: Sequence[pd.DataFrame]) -> pd.DataFrame | None:
    return max(arms, key=lambda arm: _on(arm, "validation"), default=None)


def _on(arm: pd.DataFrame, part: str) -> float:
    some = arm[arm["part"] == part]
    return quality(some["truth"].to_numpy(), some["score"].to_numpy())


def _together(arm: pd.DataFrame, simple: pd.DataFrame) -> float:
    """Quality of two rankings put together on the validation genes, on the test genes."""
    ranks = {
        part: np.stack(
            [
                stats.rankdata(one["score"].to_numpy()) / len(one)
                for one in (arm[arm["part"] == part], simple.loc[arm.index[arm["part"] == part]])
            ],
            axis=1,
        )
        for part in ("validation", "test")
    }
    truth = {part: arm.loc[arm["part"] == part, "truth"].to_numpy() for part in ranks}
    model = LinearRegression().fit(ranks["validation"], truth["validation"])
    return quality(truth["test"], model.predict(ranks["test"]))


def summarise_genes(
    scores: pd.DataFrame, columns: Iterable[str] = ("value", "explained", "added")
) -> pd.DataFrame:
    """Mean of each arm over cohorts, each the mean of its halves and seeds; a row a task and arm.

    Intervals (95 %) are Student's over cohorts: halves of one cohort share patients, and genes are
    not independent.
    """
    rows = []
    for (task, arm), group in scores.groupby(["task", "arm"], sort=False):
        for column in columns:
            by_cohort = group.groupby("cohort")[column].mean()
            mean = over_cohorts(by_cohort)
            rows.append((task, arm, column, by_cohort.count(), mean.mean, mean.low, mean.high))
    names = ["task", "arm", "column", "n_cohorts", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def differences(scores: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """How far the first arm of each pair is above the other, over cohorts.

    Columns: task, arm, other, n_cohorts, ``difference``, ``low``, ``high`` (Student's 95 % interval
    over cohorts), ``p`` (corrected by Holm over all pairs of the task) and the posterior
    probabilities ``worse``, ``same`` and ``better`` that it is below -1 point, within one point, or
    above: under the reference prior the mean difference is Student's t around the observed one
    (Benavoli et al. 2017, Journal of Machine Learning Research 18: 1-36).
    """
    rows = []
    for task, group in scores.groupby("task", sort=False):
        table = group.pivot_table("value", "cohort", "arm")
        compared = []
        for arm, other in pairs:
            if {arm, other} <= {*table}:
                apart = (table[arm] - table[other]).dropna()
                compared.append((task, arm, other, *_posterior(apart.to_numpy())))
        p = np.array([row[-4] for row in compared])
        for row, corrected in zip(compared, _holm(p), strict=True):
            rows.append((*row[:-4], corrected, *row[-3:]))
    names = ["task", "arm", "other", "n_cohorts", "difference", "low", "high", "p"]
    return pd.DataFrame(rows, columns=[*names, "worse", "same", "better"])


def _posterior(apart: NDArray[np.float64]) -> tuple[float, ...]:
    mean = over_cohorts(apart)
    if apart.size < 2:
        return (apart.size, mean.mean, *[np.nan] * 6)
    error = max(apart.std(ddof=1) / np.sqrt(apart.size), 1e-9)
    law = stats.t(apart.size - 1, mean.mean, error)
    p = 2 * stats.t.sf(abs(mean.mean) / error, apart.size - 1)
    worse, better = law.cdf(-ROPE), law.sf(ROPE)
    return (apart.size, mean.mean, mean.low, mean.high, p, worse, 1 - worse - better, better)


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p values (Holm 1979); NaN stays, and counts for no comparison."""
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.maximum.accumulate(p[order] * factors).clip(max=1) if len(order) else []
    return corrected
