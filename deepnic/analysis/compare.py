"""Arms compared: with one of them, and over cohorts."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from deepnic.analysis.grouped import are_enough, design_effect, widened
from deepnic.analysis.interval import Interval
from deepnic.analysis.limits import mean_lead
from deepnic.analysis.metrics import RESAMPLES, Patients, score_arms
from deepnic.columns import METRICS
from deepnic.errors import InputError, choose

ROUNDING = 1e-9
"""Scores closer than this are equal; no standard error counts as smaller."""

BY_BOOTSTRAP = {"auroc", "brier"}


def compare_arms(
    predictions: pd.DataFrame, reference: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Difference of every other arm of a study from a reference arm, in every metric.

    Predictions have columns arm, kind, repeat, fold, seed, item, state, score, predicted. Returns
    columns arm, kind, metric and two paired intervals of the arm's value minus the reference's,
    NaN where undefined. ``difference``, ``low``, ``high``: over patients, the same for both arms
    (`deepnic.analysis.limits.mean_lead` of accuracies; bootstrap of the AUROC and the Brier score,
    NaN where the arms do not differ on any draw); it takes the trained models as they are.
    ``t_low``, ``t_high``, ``p``: corrected resampled t over folds (`corrected_t`), around the mean
    difference of folds; it allows for the choice of the training observations too, and is as a rule
    the wider one.
    """
    groups = {str(arm): group for arm, group in predictions.groupby("arm", sort=False)}
    states = _states(groups[choose("arm", reference, groups)])
    for arm, group in groups.items():
        if not _states(group).equals(states):
            raise InputError(
                f"{arm!r} was tested on other patients than {reference!r}; give the predictions of "
                "one study"
            )
    arms = {arm: Patients.of(group) for arm, group in groups.items()}
    scores = score_arms(predictions)
    folds = scores.pivot_table(list(METRICS), ["repeat", "fold"], "arm", dropna=False)
    n_test = scores["n_test"].mean()
    ratio = n_test / max(len(states) - n_test, 1)
    rows = []
    for arm in (arm for arm in groups if arm != reference):
        patients = _over_patients(arms[arm], arms[reference], confidence)
        for metric in METRICS:
            by_t = corrected_t(folds[metric, arm] - folds[metric, reference], ratio, confidence)
            one = patients[metric]
            kind = groups[arm]["kind"].iloc[0]
            rows.append((arm, kind, metric, one.mean, one.low, one.high, *by_t))
    names = ["arm", "kind", "metric", "difference", "low", "high", "t_low", "t_high", "p"]
    return pd.DataFrame(rows, columns=names)


def _states(group: pd.DataFrame) -> pd.Series:
    """State of each patient, by item."""
    return group.groupby("item")["state"].first()


def _over_patients(arm: Patients, other: Patients, confidence: float) -> dict[str, Interval]:
    """Lead of an arm over another one by metric, with paired intervals over patients.

    The bootstrap is SciPy's percentile one within each class. Where patients are in groups the
    intervals are over these, as those of `deepnic.analysis.metrics.summarise`.
    """
    classes, sizes = arm.classes, np.array([rows.size for rows in arm.classes])
    if sizes.min() < 2:
        return dict.fromkeys(METRICS, Interval())
    state = arm.state
    value = arm.measure(state, 1 - state) - other.measure(state, 1 - state)
    if not are_enough(arm.group, classes):
        return dict(zip(METRICS, map(Interval, value.tolist()), strict=True))
    effects = design_effect(
        lambda left: arm.measure_left(left) - other.measure_left(left), arm.group, classes
    )
    effect = dict(zip(METRICS, effects.tolist(), strict=True))
    drawn = [metric in BY_BOOTSTRAP for metric in METRICS] & ~np.isnan(value)

    def lead(*rows: NDArray[np.integer], axis: int) -> NDArray[np.float64]:
        counts = [_counts(each, state.size) for each in rows]
        return (arm.measure(*counts) - other.measure(*counts))[drawn]

    limits = np.full((2, len(METRICS)), np.nan)
    if drawn.any():
        limits[:, drawn] = stats.bootstrap(
            classes, lead, vectorized=True, n_resamples=RESAMPLES, confidence_level=confidence,
            method="percentile", rng=0,
        ).confidence_interval  # fmt: skip
    limits[:, limits[1] - limits[0] < ROUNDING] = np.nan  # no draw can tell how much they differ
    leads = [(arm.right - other.right)[rows] for rows in classes]
    return {
        metric: widened(Interval(float(mean), float(low), float(high)), effect[metric], -1.0, 1.0)
        for metric, mean, low, high in zip(METRICS, value, *limits, strict=True)
    } | {
        metric: mean_lead(leads, weights, confidence, effect[metric])
        for metric, weights in (
            ("accuracy", sizes / sizes.sum()), ("balanced_accuracy", (0.5, 0.5)),
        )
    }  # fmt: skip


def _counts(drawn: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """How often each of so many patients was drawn; draws along the last axis."""
    each = drawn.reshape(-1, drawn.shape[-1])
    apart = each + size * np.arange(len(each))[:, None]
    counts = np.bincount(apart.ravel(), minlength=size * len(each))
    return counts.reshape(*drawn.shape[:-1], size).astype(np.float64)


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
