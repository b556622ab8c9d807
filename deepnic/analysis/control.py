"""Is anything better than chance where labels were permuted, so that nothing can be?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from deepnic.analysis.compare import ROUNDING
from deepnic.analysis.interval import power_of
from deepnic.analysis.metrics import RESAMPLES, Patients
from deepnic.columns import METRICS

CHANCE = {"balanced_accuracy": 0.5, "auroc": 0.5}
"""Metrics whose value by chance does not depend on the share of the classes."""

ALPHA, POWER = 0.05, 0.8
"""Of `pool`: false alarms, and how often it finds the leak that it names."""

FEW = 10
"""Permutations below which only large leaks are found."""


@dataclass(frozen=True)
class Pool:
    """All image arms together under permuted labels.

    Attributes
    ----------
    mean, low : float
        How far their AUROC is above 0.5 in the mean over units, and its lower 95 % bound.
    p : float
        One-sided p-value of Student's test that it is not above.
    detectable : float
        The least mean excess that the test would find 4 times in 5.
    n_units, n_cohorts, n_permutations : int
        Units are the permutations of each cohort.
    """

    mean: float
    low: float
    p: float
    detectable: float
    n_units: int
    n_cohorts: int
    n_permutations: int

    @property
    def off_chance(self) -> bool:
        """Whether the image arms know what they cannot know."""
        return self.p < ALPHA

    @property
    def few(self) -> bool:
        """Whether there are fewer permutations than `FEW`."""
        return self.n_permutations < FEW


def image_units(predictions: pd.DataFrame) -> pd.DataFrame:
    """How far the AUROC of the image arms is above 0.5, in their mean, in each permuted study.

    Predictions are as in `compare_arms`, with columns cohort, permutation and path, which is empty
    of an arm without a canvas. Returns columns cohort, permutation and excess.
    """
    of_images = predictions[predictions["path"].fillna("") != ""]
    arms = [
        (*place, patients.measure(patients.state, 1 - patients.state)[[*METRICS].index("auroc")])
        for (*place, _), group in of_images.groupby(["cohort", "permutation", "arm"], sort=False)
        for patients in [Patients.of(group)]
    ]
    table = pd.DataFrame(arms, columns=["cohort", "permutation", "auroc"])
    areas = table.groupby(["cohort", "permutation"], sort=False)["auroc"].mean()
    return (areas - CHANCE["auroc"]).rename("excess").reset_index()


def pool(units: pd.DataFrame) -> Pool | None:
    """Test whether the image arms are better than chance, all together; None for one unit.

    Units are from `image_units`. Student's one-sided test of their mean: what is drawn at random
    averages out over arms and units, and what leaks into all of them does not.
    """
    known = units.dropna(subset="excess")
    excess = known["excess"].to_numpy(float)
    if excess.size < 2:
        return None
    error, df = max(stats.sem(excess), ROUNDING), excess.size - 1
    mean = float(excess.mean())
    return Pool(
        mean=mean,
        low=mean - float(stats.t.isf(ALPHA, df) * error),
        p=float(stats.t.sf(mean / error, df)),
        detectable=least_found(excess.size) * float(error),
        n_units=excess.size,
        n_cohorts=known["cohort"].nunique(),
        n_permutations=known["permutation"].nunique(),
    )


def least_found(n: int) -> float:
    """Least mean of n units, in standard errors, that Student's test finds at the rate `POWER`.

    Examples
    --------
    >>> round(least_found(20), 2)  # 1.64 + 0.84 were the spread known
    2.58
    """
    most = 2 * stats.t.isf(ALPHA, n - 1) + 5
    return float(optimize.brentq(lambda shift: power_of(shift, n, ALPHA) - POWER, 0, most))


def permutation_control(studies: Sequence[pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """Tell which arms are not at chance though the labels were permuted.

    Each study is the predictions, as in `compare_arms`, of another cohort or another permutation,
    so that they are independent, as two transfers between the same cohorts are not; the more, the
    smaller the leak that is found; `pool` finds a smaller one, if all image arms share it. Returns
    columns arm, kind, metric (of `CHANCE`), mean over studies, low, high, p and off_chance: whether
    the interval leaves out 0.5.

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
    patients = Patients.of(group)
    state = patients.state
    labels = np.random.default_rng(0).permuted(np.tile(state, (RESAMPLES, 1)), axis=1)
    places = [list(METRICS).index(metric) for metric in CHANCE]
    folds = group["fold"].nunique()
    shared = 1 + folds / max(folds - 1, 1)  # (1 / J + n_test / n_train) / (1 / J) for J folds
    return {
        "metric": list(CHANCE),
        "value": patients.measure(state, 1 - state)[places],
        "variance": patients.measure(labels, 1 - labels)[places].var(axis=-1) * shared,
    }
