"""Arms compared: with one of them, over cohorts, and with chance where labels were permuted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from deepnic.analysis.metrics import (
    RESAMPLES,
    bootstrap_patients,
    measure_of,
    patient_states,
    score_arms,
)
from deepnic.errors import InputError, choose
from deepnic.variables import METRICS

CHANCE = {"balanced_accuracy": 0.5, "auroc": 0.5}
"""Metrics whose value by chance does not depend on the share of the classes."""

ROUNDING = 1e-9
"""Scores closer than this are equal; no standard error counts as smaller."""


def compare_arms(
    predictions: pd.DataFrame, reference: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Difference of every other arm of a study from a reference arm, in every metric.

    Predictions have columns arm, kind, repeat, fold, seed, item, state, score, predicted. Returns
    columns arm, kind, metric and two paired intervals of the arm's value minus the reference's,
    NaN where undefined. ``difference``, ``low``, ``high``: bootstrap over patients, the same for
    both arms; it takes the trained models as they are. ``t_low``, ``t_high``, ``p``: corrected
    resampled t over folds (`corrected_t`), around the mean difference of folds; it allows for the
    choice of the training observations too, and is as a rule the wider one.
    """
    groups = {str(arm): group for arm, group in predictions.groupby("arm", sort=False)}
    states = patient_states(groups[choose("arm", reference, groups)])
    for arm, group in groups.items():
        if not patient_states(group).equals(states):
            raise InputError(
                f"{arm!r} was tested on other patients than {reference!r}; give the predictions of "
                "one study"
            )
    measures = [measure_of(group) for group in groups.values()]
    zero = list(groups).index(reference)

    def lead(positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
        values = np.stack([measure(positive, negative) for measure in measures])
        return values - values[zero]

    patients = bootstrap_patients(lead, states.to_numpy(), confidence)
    scores = score_arms(predictions)
    folds = scores.pivot_table(list(METRICS), ["repeat", "fold"], "arm", dropna=False)
    n_test = scores["n_test"].mean()
    ratio = n_test / max(len(states) - n_test, 1)
    rows = []
    for a, (arm, group) in enumerate(groups.items()):
        for m, metric in enumerate(METRICS):
            by_t = corrected_t(folds[metric, arm] - folds[metric, reference], ratio, confidence)
            rows.append((arm, group["kind"].iloc[0], metric, *patients[:, a, m], *by_t))
    names = ["arm", "kind", "metric", "difference", "low", "high", "t_low", "t_high", "p"]
    table = pd.DataFrame(rows, columns=names)
    return table[table["arm"] != reference].reset_index(drop=True)


def corrected_t(
    differences: ArrayLike, ratio: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Low, high and p of a mean difference over the folds of all repeats; NaN for fewer than two.

    Folds share training observations, so their variance over the number of folds is too small; it
    is enlarged by the ratio of test to training observations. Corrected resampled t test of Nadeau
    and Bengio (2003), Inference for the generalization error, Machine Learning 52: 239-281.
    """
    known = np.asarray(differences, np.float64)
    known = known[~np.isnan(known)]
    if known.size < 2:
        return np.nan, np.nan, np.nan
    mean, df = known.mean(), known.size - 1
    error = np.sqrt(known.var(ddof=1) * (1 / known.size + ratio))
    half = stats.t.ppf((1 + confidence) / 2, df) * error
    p = 2 * stats.t.sf(abs(mean) / max(error, ROUNDING), df)
    return float(mean - half), float(mean + half), float(p)


def compare_cohorts(summaries: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Compare arms over cohorts by their ranks: Friedman's test, and Nemenyi's of every pair.

    Summaries have columns cohort, arm, metric, mean. Returns a row for each metric, arm and other
    arm, itself included, in the order of mean ranks: metric, arm, rank (mean over cohorts, 1 =
    best), other, other_rank, p (Nemenyi), n_cohorts, critical_difference (ranks further apart
    differ at ``alpha``), friedman (statistic), friedman_p. An arm takes part in a metric if every
    cohort defines it; a metric with fewer than three such arms is left out. As in Demšar (2006),
    Statistical comparisons of classifiers over multiple data sets, Journal of Machine Learning
    Research 7: 1-30.
    """
    if summaries.duplicated(["cohort", "arm", "metric"]).any():
        raise InputError("a cohort has an arm twice; give one summary for each cohort")
    tables = []
    for metric, more_is_better in METRICS.items():
        known = summaries[summaries["metric"] == metric]
        scores = known.pivot_table("mean", "cohort", "arm").dropna(axis="columns")
        if scores.shape[0] >= 2 and scores.shape[1] >= 3:
            tables.append(_compare_ranks(scores, more_is_better, alpha).assign(metric=metric))
    if not tables:
        raise InputError(
            "there are not two cohorts with the same three arms; give the summaries of more studies"
        )
    columns = ["metric", "arm", "rank", "other", "other_rank", "p", "n_cohorts"]
    columns += ["critical_difference", "friedman", "friedman_p"]
    return pd.concat(tables, ignore_index=True)[columns]


def _compare_ranks(scores: pd.DataFrame, more_is_better: bool, alpha: float) -> pd.DataFrame:
    """Pairs of arms in one metric; scores (cohort, arm)."""
    scores = (scores / ROUNDING).round()  # sums of the same numbers in another order are ties
    ranks = scores.rank(axis="columns", ascending=not more_is_better).mean().sort_values()
    n, k = scores.shape
    error = np.sqrt(k * (k + 1) / (12 * n))  # of a difference of mean ranks, over root 2
    apart = np.abs(ranks.to_numpy()[:, None] - ranks.to_numpy()) / error
    p = pd.DataFrame(stats.studentized_range.sf(apart, k, np.inf), ranks.index, ranks.index)
    pairs = p.rename_axis("other").reset_index().melt("other", var_name="arm", value_name="p")
    with np.errstate(invalid="ignore"):  # all tied in every cohort: NaN
        friedman = stats.friedmanchisquare(*scores.to_numpy().T)
    q = stats.studentized_range.ppf(1 - alpha, k, np.inf)
    return pairs.assign(
        rank=pairs["arm"].map(ranks),
        other_rank=pairs["other"].map(ranks),
        n_cohorts=n,
        critical_difference=q * error,
        friedman=friedman.statistic,
        friedman_p=friedman.pvalue,
    )


def permutation_control(studies: Sequence[pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """Tell which arms are not at chance though the labels were permuted.

    Each study is the predictions, as in `compare_arms`, of another cohort or another permutation,
    so that they are independent, as two transfers between the same cohorts are not; the more, the
    smaller the leak that is found. Returns columns arm, kind, metric (of `CHANCE`), mean over
    studies, low, high, p and off_chance: whether the interval leaves out 0.5.

    A study's spread by chance is that of its metric when the labels are permuted once more under
    fixed predictions. That is too narrow for a cross-validation, whose models were fitted on each
    other's test observations; its variance is enlarged by Nadeau and Bengio's factor, as in
    `corrected_t`. Intervals and p-values are Bonferroni's over all arms and metrics, so that
    together they raise a false alarm at the rate ``alpha``.
    """
    arms = [
        pd.DataFrame({"arm": arm, "kind": kind, **_chance_of(group)})
        for predictions in studies
        for (arm, kind), group in predictions.groupby(["arm", "kind"], sort=False)
    ]
    table = (
        pd.concat(arms)
        .groupby(["arm", "kind", "metric"], sort=False)
        .agg(mean=("value", "mean"), variance=("variance", "sum"), n=("value", "size"))
        .reset_index()
    )
    error = np.sqrt(table.pop("variance")) / table.pop("n")
    half = stats.norm.isf(alpha / 2 / len(table)) * error
    away = (table["mean"] - table["metric"].map(CHANCE)).abs()
    p = (2 * len(table) * stats.norm.sf(away / error.clip(lower=ROUNDING))).clip(max=1)
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half, p=p)
    return table.assign(off_chance=p < alpha)


def _chance_of(group: pd.DataFrame) -> dict[str, object]:
    """Value of one arm of one study in each metric of `CHANCE`, and its variance by chance."""
    state = patient_states(group).to_numpy()
    labels = np.random.default_rng(0).permuted(np.tile(state, (RESAMPLES, 1)), axis=1)
    measure = measure_of(group)
    places = [list(METRICS).index(metric) for metric in CHANCE]
    folds = group["fold"].nunique()
    shared = 1 + folds / max(folds - 1, 1)  # (1 / J + n_test / n_train) / (1 / J) for J folds
    return {
        "metric": list(CHANCE),
        "value": measure(state, 1 - state)[places],
        "variance": measure(labels, 1 - labels)[places].var(axis=-1) * shared,
    }
