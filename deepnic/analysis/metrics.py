"""Scores of every arm, with intervals over patients, and their calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from deepnic.analysis.grouped import are_enough, design_effect, number_groups, widened
from deepnic.analysis.interval import Interval
from deepnic.analysis.limits import EDGE, area, mean_share, share
from deepnic.columns import METRICS

METRIC_TITLES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "brier": "Brier score",
}
RESAMPLES = 2000
BINS = np.linspace(0, 1, 6)
"""Of predicted probabilities: five, since cohorts are small."""


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
    Intervals are over patients, one a patient, so repeats and seeds make none: Wilson's of the
    accuracy, put together of both recalls' for the balanced accuracy, Newcombe's of the AUROC (see
    `deepnic.analysis.limits`), a bootstrap of the Brier score. None is of no width where all
    patients are right. They do not cover the choice of the training observations. NaN where a class
    has fewer than two patients, and for the Brier score of an arm without probabilities.

    Where there is a column ``group`` and items share one, such as arrays of a patient, intervals
    are over groups (`deepnic.analysis.grouped`), and there is none where a class has fewer than
    two.
    """
    rows = []
    for (arm, kind), group in predictions.groupby(["arm", "kind"], sort=False):
        found = _intervals(Patients.of(group), confidence)
        rows += [(arm, kind, m, found[m].mean, found[m].low, found[m].high) for m in METRICS]
    return pd.DataFrame(rows, columns=["arm", "kind", "metric", "mean", "low", "high"])


def _intervals(patients: "Patients", confidence: float) -> dict[str, Interval]:
    """Value and interval of one arm in each metric."""
    classes = patients.classes
    if min(map(len, classes)) < 2:
        return dict.fromkeys(METRICS, Interval())
    state, right = patients.state, patients.right
    value = dict(zip(METRICS, map(float, patients.measure(state, 1 - state)), strict=True))
    if not are_enough(patients.group, classes):
        return {metric: Interval(one) for metric, one in value.items()}
    effects = design_effect(patients.measure_left, patients.group, classes)
    effect = dict(zip(METRICS, effects.tolist(), strict=True))
    of_recalls = confidence, effect["balanced_accuracy"]
    recalls = [share(float(right[rows].mean()), rows.size, *of_recalls) for rows in classes]
    losses = [patients.loss[k, rows] for k, rows in enumerate(classes)]
    pairs = patients.compared[np.ix_(*classes)]
    of_area = value["auroc"], pairs, confidence, effect["auroc"]
    auroc = area(*of_area) if pairs.any() else Interval()
    return {
        "accuracy": share(value["accuracy"], state.size, confidence, effect["accuracy"]),
        "balanced_accuracy": mean_share(recalls),
        "auroc": auroc,
        "brier": _mean_loss(losses, value["brier"], confidence, effect["brier"]),
    }


def _mean_loss(
    losses: Sequence[NDArray], mean: float, confidence: float, effect: float
) -> Interval:
    """Interval of a mean loss from 0 to 1, by SciPy's BCa bootstrap within each class.

    Where all patients of a class have the same loss that has nothing to draw: there it is Wilson's,
    wider than that of any losses.
    """
    if np.isnan(mean):
        return Interval()
    if max(map(np.ptp, losses)) < EDGE:
        return share(mean, sum(map(len, losses)), confidence, effect)
    low, high = stats.bootstrap(
        losses,
        lambda *drawn, axis: np.concatenate(drawn, axis=axis).mean(axis=axis),
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="BCa",
        rng=0,
    ).confidence_interval
    return widened(Interval(mean, float(low), float(high)), effect, 0.0, 1.0)


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

    They are if all of an arm's lie in 0..1; those of studies are since their margins are put on a
    curve. Where the prediction is cut, it says nothing of: both classes weigh the same there.
    """
    score = predictions["score"]
    place = [predictions["arm"], predictions["kind"]]
    return score.where(score.between(0, 1).groupby(place).transform("all"))


@dataclass(frozen=True)
class Patients:
    """What one arm says of each patient, means over the repeats and seeds.

    Attributes
    ----------
    state : array (patient,)
        In the order of their ids.
    called : array (patient,)
        Share of the predictions that call a patient positive.
    loss : array (2, patient)
        Squared error of the probability, as a positive and as a negative; NaN without any.
    ordered, compared : array (patient, patient)
        How often the first was scored above the second, a tie half, and how often one network
        tested both.
    group : array (patient,) or None
        Numbers of the groups, if any two share one.
    """

    state: NDArray[np.float64]
    called: NDArray[np.float64]
    loss: NDArray[np.float64]
    ordered: NDArray[np.float64]
    compared: NDArray[np.float64]
    group: NDArray[np.intp] | None

    @classmethod
    def of(cls, group: pd.DataFrame) -> Self:
        """Gather the predictions of one arm."""
        _, first, patient = np.unique(group["item"], return_index=True, return_inverse=True)
        size = np.bincount(patient)
        chance = probability(group)

        def mean(values: pd.Series) -> NDArray[np.float64]:
            return np.bincount(patient, values) / size

        ordered, compared = np.zeros((2, size.size, size.size))
        for rows in group.groupby(["repeat", "fold", "seed"]).indices.values():
            score, who = group["score"].to_numpy()[rows], patient[rows]
            ordered[who[:, None], who] += np.sign(score[:, None] - score) / 2 + 0.5
            compared[who[:, None], who] += 1
        loss = np.stack([mean((1 - chance) ** 2), mean(chance**2)])
        of_groups = number_groups(group["group"].to_numpy()[first]) if "group" in group else None
        called = mean(group["predicted"])
        return cls(mean(group["state"]), called, loss, ordered, compared, of_groups)

    @property
    def right(self) -> NDArray[np.float64]:
        """Share of each patient's predictions that are right."""
        return np.where(self.state == 1, self.called, 1 - self.called)

    @property
    def classes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The positive patients, and the negative ones."""
        return np.flatnonzero(self.state == 1), np.flatnonzero(self.state == 0)

    def measure(self, positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
        """`METRICS` (metric, ...) where patients count so often in each class (..., patient).

        It does not look at their states: draws count each in its own class, permutations in
        another's.
        """
        n_positive, n_negative = positive.sum(axis=-1), negative.sum(axis=-1)
        n = n_positive + n_negative
        true_positive, true_negative = positive @ self.called, negative @ (1 - self.called)
        pairs = ((positive @ self.compared) * negative).sum(axis=-1)
        in_order = ((positive @ self.ordered) * negative).sum(axis=-1)
        without_pair = 0.5 if self.state @ self.compared @ (1 - self.state) else np.nan
        return np.stack(
            [
                (true_positive + true_negative) / n,
                (true_positive / n_positive + true_negative / n_negative) / 2,
                np.where(pairs > 0, in_order / np.maximum(pairs, 1), without_pair),
                (positive @ self.loss[0] + negative @ self.loss[1]) / n,
            ]
        )

    def measure_left(self, left: NDArray[np.float64]) -> NDArray[np.float64]:
        """`METRICS` (metric, ...) of those left (..., patient), each in its own class."""
        return self.measure(left * self.state, left * (1 - self.state))
