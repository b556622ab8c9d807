"""Is anything better than chance where labels were permuted, so that nothing can be?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from deepnic.analysis.metrics import RESAMPLES, Patients
from deepnic.variables import METRICS

CHANCE = {"balanced_accuracy": 0.5, "auroc": 0.5}
"""Metrics whose value by chance does not depend on the share of the classes."""

ROUNDING = 1e-9
"""No standard error counts as smaller."""


def permutation_control(studies: Sequence[pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """Tell which arms are not at chance though the labels were permuted.

    Each study is the predictions, as in `compare_arms`, of another cohort or another permutation,
    so that they are independent, as two transfers between the same cohorts are not; the more, the
    smaller the leak that is found. Returns
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
