"""Scores of every arm, with intervals over patients, and their calibration."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from deepnic.variables import METRICS

METRIC_TITLES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "brier": "Brier score",
}
RESAMPLES = 2000
BINS = np.linspace(0, 1, 6)
"""Of predicted probabilities: five, since cohorts are small."""

Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def score_arms(predictions: pd.DataFrame) -> pd.DataFrame:
    """Size and `METRICS` of the test fold of each arm, repeat, fold and seed.

    Predictions have columns arm, kind, repeat, fold, seed, state, score, predicted and a row for
    each test observation. Balanced accuracy and AUROC are NaN where the fold holds one class only,
    the Brier score where the arm gives no probabilities (`probability`).
    """
    keys = ["arm", "kind", "repeat", "fold", "seed"]
    place = [predictions[key] for key in keys]
    state = predictions["state"]
    right = predictions["predicted"] == state
    rank = predictions["score"].groupby(place, sort=False).rank()
    groups = pd.DataFrame(
        {
            "accuracy": right,
            "positive": state,
            "sensitive": right * state,
            "specific": right * (1 - state),
            "rank": rank * state,
            "brier": (probability(predictions) - state) ** 2,
        }
    ).groupby(place, sort=False)
    n, mean = groups.size(), groups.mean()
    positive, negative = mean["positive"], 1 - mean["positive"]
    recalls = mean["sensitive"] / positive + mean["specific"] / negative
    above = mean["rank"] - positive * (n * positive + 1) / 2  # Mann and Whitney's U / n
    auroc = above / (n * positive * negative)
    scores = mean.assign(n_test=n, balanced_accuracy=recalls / 2, auroc=auroc)
    return scores[["n_test", *METRICS]].reset_index()


def summarise(predictions: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Mean, low and high of every arm and metric over patients, arms in the order met.

    A patient's correctness and squared error are means over repeats and seeds; AUROC is the share
    of (positive, negative) pairs that were scored in the right order by a network that tested both.
    Intervals are SciPy's percentile bootstrap over patients, within each class: a patient comes
    with all predictions made of it, so repeats and seeds make no patients. They do not cover the
    choice of the training observations. NaN where a class has fewer than two patients, and for the
    Brier score of an arm without probabilities.
    """
    rows = []
    for (arm, kind), group in predictions.groupby(["arm", "kind"], sort=False):
        state = patient_states(group).to_numpy()
        estimates = bootstrap_patients(measure_of(group), state, confidence)
        rows += [(arm, kind, *row) for row in zip(METRICS, *estimates, strict=True)]
    return pd.DataFrame(rows, columns=["arm", "kind", "metric", "mean", "low", "high"])


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compare the probabilities that each arm gives with the shares that came true.

    Returns columns arm, kind, predicted (mean probability), observed (share of class 1) and n
    (predictions: a patient makes one in each repeat and seed), a row for each of `BINS` that holds
    any. Arms without probabilities have no rows.
    """
    table = predictions.assign(probability=probability(predictions)).dropna(subset="probability")
    table["bin"] = np.searchsorted(BINS[1:-1], table["probability"])  # as calibration_curve's
    arms = [
        group.groupby(["arm", "kind", "bin"]).agg(
            predicted=("probability", "mean"), observed=("state", "mean"), n=("state", "size")
        )
        for _, group in table.groupby(["arm", "kind"], sort=False)
    ]
    columns = ["arm", "kind", "predicted", "observed", "n"]
    return pd.concat(arms).reset_index()[columns] if arms else pd.DataFrame(columns=columns)


def probability(predictions: pd.DataFrame) -> pd.Series:
    """Scores of the arms whose scores are probabilities, NaN for the other arms.

    They are if all of an arm's lie in 0..1 and its predictions are cut at 0.5. A forest's vote and
    a distance from a plane are not.
    """
    score = predictions["score"]
    cut = (score - 0.5) * (predictions["predicted"] - 0.5) >= 0
    place = [predictions["arm"], predictions["kind"]]
    return score.where((cut & score.between(0, 1)).groupby(place).transform("all"))


def patient_states(group: pd.DataFrame) -> pd.Series:
    """State of each patient, by item, in the order in which `measure_of` counts them."""
    return group.groupby("item")["state"].first()


def measure_of(group: pd.DataFrame) -> Statistic:
    """Metrics of one arm, as a function of how often each patient counts in each class.

    The function goes from two arrays (..., patient), how often a patient counts as positive and as
    negative, to the `METRICS` (metric, ...). It knows no states: draws count each patient in its
    own class, permutations in another's.
    """
    patient = np.unique(group["item"], return_inverse=True)[1]
    size = np.bincount(patient)
    chance = probability(group)

    def mean(values: pd.Series) -> NDArray[np.float64]:
        return np.bincount(patient, values) / size

    called = mean(group["predicted"])
    loss = mean((1 - chance) ** 2), mean(chance**2)  # as a positive, as a negative
    ordered, compared = np.zeros((2, size.size, size.size))
    for rows in group.groupby(["repeat", "fold", "seed"]).indices.values():
        score, who = group["score"].to_numpy()[rows], patient[rows]
        ordered[who[:, None], who] += np.sign(score[:, None] - score) / 2 + 0.5
        compared[who[:, None], who] += 1
    state = mean(group["state"])
    without_pair = 0.5 if state @ compared @ (1 - state) else np.nan

    def measure(positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
        n_positive, n_negative = positive.sum(axis=-1), negative.sum(axis=-1)
        n = n_positive + n_negative
        true_positive, true_negative = positive @ called, negative @ (1 - called)
        pairs = ((positive @ compared) * negative).sum(axis=-1)
        in_order = ((positive @ ordered) * negative).sum(axis=-1)
        return np.stack(
            [
                (true_positive + true_negative) / n,
                (true_positive / n_positive + true_negative / n_negative) / 2,
                np.where(pairs > 0, in_order / np.maximum(pairs, 1), without_pair),
                (positive @ loss[0] + negative @ loss[1]) / n,
            ]
        )

    return measure


def bootstrap_patients(
    statistic: Statistic, state: NDArray[np.integer], confidence: float
) -> NDArray[np.float64]:
    """Value, low and high of a statistic, by SciPy's percentile bootstrap within each class.

    The statistic is as `measure_of` returns; the result is (3, ...), NaN where the value is, or a
    class has fewer than two patients.
    """
    classes = np.flatnonzero(state == 1), np.flatnonzero(state == 0)

    def of_draws(positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
        return statistic(_counts(positive, state.size), _counts(negative, state.size))

    everyone = np.ones(state.size)
    found = np.full((3, *statistic(everyone, everyone).shape), np.nan)
    if min(map(len, classes)) < 2:
        return found
    found[0] = of_draws(*classes)
    defined = ~np.isnan(found[0])
    found[1:, defined] = stats.bootstrap(
        classes,
        lambda *drawn, axis: of_draws(*drawn)[defined],
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        rng=0,
    ).confidence_interval
    return found


def _counts(drawn: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """How often each of so many patients was drawn; draws along the last axis."""
    each = drawn.reshape(-1, drawn.shape[-1])
    apart = each + size * np.arange(len(each))[:, None]
    counts = np.bincount(apart.ravel(), minlength=size * len(each))
    return counts.reshape(*drawn.shape[:-1], size).astype(np.float64)
