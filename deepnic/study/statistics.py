"""Accuracies of every arm, with intervals over patients."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from deepnic.variables import METRICS

RESAMPLES = 2000


def score_arms(predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy, balanced accuracy and AUROC of each arm, repeat, fold and seed.

    Parameters
    ----------
    predictions : DataFrame
        Columns arm, kind, repeat, fold, seed, state, score, predicted; one row a test observation.

    Returns
    -------
    DataFrame
        One row for each arm, repeat, fold and seed, with ``n_test`` and the three `METRICS`; the
        last two are NaN where the test fold holds one class only.

    Examples
    --------
    >>> predictions = pd.DataFrame(dict(arm="a", kind="assembly", repeat=0, fold=0, seed=0,
    ...     state=[0, 1, 1], score=[0.2, 0.7, 0.4], predicted=[0, 1, 0]))
    >>> score_arms(predictions)[["n_test", "accuracy", "balanced_accuracy", "auroc"]].values
    array([[3.        , 0.66666667, 0.75      , 1.        ]])
    """
    rows = []
    keys = ["arm", "kind", "repeat", "fold", "seed"]
    for names, group in predictions.groupby(keys, sort=False):
        y, predicted = group["state"].to_numpy(), group["predicted"].to_numpy()
        both = len(np.unique(y)) == 2
        rows.append(
            {
                **dict(zip(keys, names, strict=True)),
                "n_test": len(y),
                "accuracy": accuracy_score(y, predicted),
                "balanced_accuracy": balanced_accuracy_score(y, predicted) if both else np.nan,
                "auroc": roc_auc_score(y, group["score"]) if both else np.nan,
            }
        )
    return pd.DataFrame(rows)


def summarise(predictions: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Mean and interval of every metric and arm, over patients.

    A patient's correctness is the mean over repeats and seeds; AUROC is the share of (positive,
    negative) pairs that were scored in the right order by a network that tested both. Intervals are
    SciPy's percentile bootstrap over patients, within each class: a patient comes with all
    predictions made of it, so repeats and seeds make no patients. They do not cover the choice of
    the training observations.

    Parameters
    ----------
    predictions : DataFrame
        Columns arm, kind, repeat, fold, seed, item, state, score, predicted.
    confidence : float

    Returns
    -------
    DataFrame
        Columns arm, kind, metric, mean, low, high; arms in the order met.

    Examples
    --------
    >>> predictions = pd.DataFrame(dict(arm="a", kind="assembly", repeat=0, fold=0, seed=0,
    ...     item=list("pqrs"), state=[0, 0, 1, 1], score=[0.2, 0.6, 0.7, 0.4],
    ...     predicted=[0, 1, 1, 0]))
    >>> summarise(predictions).values[2].tolist()
    ['a', 'assembly', 'auroc', 0.75, 0.0, 1.0]
    """
    rows = []
    for (arm, kind), group in predictions.groupby(["arm", "kind"], sort=False):
        classes, measures = _measures(group)
        for metric, measure in zip(METRICS, measures, strict=True):
            mean = low = high = np.nan
            if all(len(patients) for patients in classes):
                mean = measure(*classes)
                low, high = stats.bootstrap(
                    classes,
                    measure,
                    vectorized=False,
                    n_resamples=RESAMPLES,
                    confidence_level=confidence,
                    method="percentile",
                    rng=0,
                ).confidence_interval
            rows.append((arm, kind, metric, mean, low, high))
    return pd.DataFrame(rows, columns=["arm", "kind", "metric", "mean", "low", "high"])


def _measures(group: pd.DataFrame) -> tuple[tuple[NDArray, NDArray], tuple[Callable, ...]]:
    """Patients of each class of one arm, and the `METRICS` as functions of patients drawn."""
    patient, items = pd.factorize(group["item"])
    state = np.zeros(len(items), int)
    state[patient] = group["state"]
    right = np.bincount(patient, group["predicted"] == group["state"]) / np.bincount(patient)
    ordered = np.zeros((2, len(items), len(items)))  # pairs in the right order, pairs compared
    for rows in group.groupby(["repeat", "fold", "seed"]).indices.values():
        score, who = group["score"].to_numpy()[rows], patient[rows]
        above = np.sign(score[:, None] - score) / 2 + 0.5
        ordered[:, who[:, None], who] += above, np.ones_like(above)

    def accuracy(positive: NDArray, negative: NDArray) -> float:
        return float(np.concatenate([right[positive], right[negative]]).mean())

    def balanced_accuracy(positive: NDArray, negative: NDArray) -> float:
        return float(right[positive].mean() + right[negative].mean()) / 2

    def auroc(positive: NDArray, negative: NDArray) -> float:
        p, q = (np.bincount(who, minlength=len(items)) for who in (positive, negative))
        right_order, compared = p @ ordered @ q
        return float(right_order / max(compared, 1))

    classes = np.flatnonzero(state == 1), np.flatnonzero(state == 0)
    return classes, (accuracy, balanced_accuracy, auroc)
