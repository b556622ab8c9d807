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
    """Tell how far every other arm of a study is from a reference, in every metric.

    Two intervals, both paired. The bootstrap is over patients, the same for both arms; it takes
    the trained models as they are. The corrected resampled t is over folds (`corrected_t`); it
    allows for the choice of the training observations too, and is as a rule the wider one.

    Parameters
    ----------
    predictions : DataFrame
        Columns arm, kind, repeat, fold, seed, item, state, score, predicted, of one study.
    reference : str
        An arm.
    confidence : float

    Returns
    -------
    DataFrame
        Columns arm, kind, metric; difference (the arm's value minus the reference's), low, high by
        the bootstrap; t_low, t_high, p by the corrected t, around the mean difference of folds.
        NaN where undefined.

    Raises
    ------
    InputError
        No arm is called like the reference, or an arm was tested on other patients.

    Examples
    --------
    >>> first = pd.DataFrame(dict(arm="net", kind="assembly", repeat=0, fold=[0, 0, 1, 1], seed=0,
    ...     item=list("pqrs"), state=[0, 1, 0, 1], score=[0.1, 0.9, 0.2, 0.8],
    ...     predicted=[0, 1, 0, 1]))
    >>> other = first.assign(arm="svm", kind="baseline", predicted=[0, 1, 0, 0])
    >>> table = compare_arms(pd.concat([first, other]), "svm")
    >>> table.query("metric == 'accuracy'").round(2).values.tolist()
    [['net', 'assembly', 'accuracy', 0.25, 0.0, 0.5, -5.25, 5.75, 0.67]]
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
    results = score_arms(predictions)
    folds = results.pivot_table(list(METRICS), ["repeat", "fold"], "arm", dropna=False)
    n_test = results["n_test"].mean()
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
    """Interval and p-value of a mean difference over folds, by the corrected resampled t test.

    Folds share training observations, so their variance over the number of folds is too small; it
    is enlarged by the ratio of test to training observations.

    Parameters
    ----------
    differences : array (fold)
        Of all repeats; NaN where undefined.
    ratio : float
        Test observations of a fold / its training observations.
    confidence : float

    Returns
    -------
    low, high, p : float
        NaN for fewer than two folds.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52: 239-281.

    Examples
    --------
    >>> low, high, p = corrected_t([0.1, 0.0, 0.2, 0.1], ratio=1 / 3)
    >>> round(low, 3), round(high, 3), round(p, 3)
    (-0.098, 0.298, 0.207)
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

    Parameters
    ----------
    summaries : DataFrame
        Columns cohort, arm, metric, mean: the summaries of several studies, one under another.
    alpha : float
        Level of the critical difference.

    Returns
    -------
    DataFrame
        A row for each metric, arm and other arm, itself included, in the order of mean ranks:
        metric, arm, rank (mean over cohorts, 1 = best), other, other_rank, p (Nemenyi), n_cohorts,
        critical_difference (ranks further apart differ at ``alpha``), friedman (statistic),
        friedman_p. An arm takes part in a metric if every cohort defines it; a metric with fewer
        than three such arms is left out.

    Raises
    ------
    InputError
        A cohort has an arm twice, or there are not two cohorts with three arms in common.

    References
    ----------
    Demšar (2006), Statistical comparisons of classifiers over multiple data sets, Journal of
    Machine Learning Research 7: 1-30.

    Examples
    --------
    >>> rows = [(cohort, arm, "auroc", mean) for cohort in "xyz"
    ...     for arm, mean in [("a", 0.7), ("b", 0.9), ("c", 0.8)]]
    >>> table = compare_cohorts(pd.DataFrame(rows, columns=["cohort", "arm", "metric", "mean"]))
    >>> table.query("arm == 'b'")[["other", "other_rank", "p"]].round(3).values.tolist()
    [['b', 1.0, 1.0], ['c', 2.0, 0.438], ['a', 3.0, 0.038]]
    >>> table[["friedman", "critical_difference"]].round(2).values[0].tolist()
    [6.0, 1.91]
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

    A study's spread by chance is that of its metric when the labels are permuted once more under
    fixed predictions. That is too narrow for a cross-validation, whose models were fitted on each
    other's test observations; its variance is enlarged by Nadeau and Bengio's factor, as in
    `corrected_t`. Intervals and p-values are Bonferroni's over all arms and metrics, so that
    together they raise a false alarm at the rate ``alpha``.

    Parameters
    ----------
    studies : sequence of DataFrame
        Predictions of each study of permuted labels, with columns arm, kind, repeat, fold, seed,
        item, state, score, predicted. Each is of another cohort or another permutation, so that
        they are independent, as two transfers between the same cohorts are not; the more, the
        smaller the leak that is found.
    alpha : float

    Returns
    -------
    DataFrame
        Columns arm, kind, metric (balanced accuracy and AUROC), mean over studies, low, high, p
        and off_chance: whether the interval leaves out 0.5.

    Examples
    --------
    >>> state = np.arange(60) % 2
    >>> honest = pd.DataFrame(dict(arm="honest", kind="assembly", repeat=0, fold=np.arange(60) % 5,
    ...     seed=0, item=range(60), state=state, score=np.random.default_rng(0).random(60)))
    >>> leak = honest.assign(arm="leak", score=0.1 + 0.8 * state)
    >>> study = pd.concat([honest, leak]).eval("predicted = score > 0.5")
    >>> permutation_control([study]).query("off_chance")[["arm", "metric"]].values.tolist()
    [['leak', 'balanced_accuracy'], ['leak', 'auroc']]
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
