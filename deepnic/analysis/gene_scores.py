"""How well arms rank genes, what they add to simple statistics, and how far they are apart."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

PLACE = ["cohort", "task", "half"]
STATISTICS = "statistics"  # kind of the arms that others are asked what they add to
CONTROL = "permuted"  # the task in which there is nothing to know
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

    Intervals (95 %) are those of `Law.of`: genes are not independent, and no units.
    """
    rows = []
    for (task, arm), group in scores.groupby(["task", "arm"], sort=False):
        for column in columns:
            law = Law.of(group.groupby(["cohort", "half"])[column].mean())
            rows.append((task, arm, column, law.n_cohorts, law.mean, *law.interval()))
    names = ["task", "arm", "column", "n_cohorts", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=names)


class Law(NamedTuple):
    """What is known of a mean: Student's t around it, as wide as the error, NaN if not known."""

    n_cohorts: int
    mean: float
    error: float
    freedom: int

    @classmethod
    def of(cls, values: pd.Series) -> Self:
        """Take values by (cohort, half): cohorts are the units, halves where there is only one.

        Halves of one cohort share patients, so that their variance is enlarged by the ratio of
        those judged on to those learnt from, which is 1 (Nadeau and Bengio 2003).
        """
        known = values.dropna()
        by_cohort = known.groupby("cohort").mean()
        n = len(by_cohort)
        units = by_cohort if n > 1 else known
        error, k = np.nan, len(units)
        if k > 1:
            error = max(float(units.std()) * np.sqrt(1 / k + (n == 1)), 1e-9)
        return cls(n, float(by_cohort.mean()), error, k - 1)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Both ends."""
        half = stats.t.isf((1 - confidence) / 2, self.freedom) * self.error
        return self.mean - half, self.mean + half

    @property
    def p(self) -> float:
        """Two-sided p-value of a mean of 0."""
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    @property
    def detectable(self) -> float:
        """Smallest true mean that such an interval leaves 0 out for, four times in five, about."""
        return float(stats.t.isf([0.025, 0.2], self.freedom).sum() * self.error)

    def below(self, value: float) -> float:
        """Probability that the mean is below a value, under the reference prior."""
        return float(stats.t.cdf((value - self.mean) / self.error, self.freedom))


def differences(scores: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """How far the first arm of each pair is above the other, over cohorts.

    Columns: task, arm, other, n_cohorts, ``difference``, ``low``, ``high`` (95 % interval of
    `Law.of`), ``p`` (corrected by Holm over all pairs of the task) and the posterior probabilities
    ``worse``, ``same`` and ``better`` that it is below -1 point, within one point, or above
    (Benavoli et al. 2017, Journal of Machine Learning Research 18: 1-36); and what is
    ``detectable``, see `Law`.
    """
    rows = []
    for task, group in scores.groupby("task", sort=False):
        table = group.pivot_table("value", ["cohort", "half"], "arm")
        laws = {
            (arm, other): Law.of(table[arm] - table[other])
            for arm, other in pairs
            if {arm, other} <= {*table}
        }
        p = _holm(np.array([law.p for law in laws.values()]))
        for (pair, law), corrected in zip(laws.items(), p, strict=True):
            worse, better = law.below(-ROPE), 1 - law.below(ROPE)
            told = (law.n_cohorts, law.mean, *law.interval(), corrected)
            rows.append((task, *pair, *told, worse, 1 - worse - better, better, law.detectable))
    names = ["task", "arm", "other", "n_cohorts", "difference", "low", "high", "p"]
    return pd.DataFrame(rows, columns=[*names, "worse", "same", "better", "detectable"])


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p values (Holm 1979); NaN stays, and counts for no comparison."""
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.maximum.accumulate(p[order] * factors).clip(max=1) if len(order) else []
    return corrected
