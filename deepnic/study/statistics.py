"""Accuracies of every arm, with intervals that respect cross-validation."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

METRICS = ("accuracy", "balanced_accuracy", "auroc")


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


def summarise(results: pd.DataFrame, n_observations: int, confidence: float = 0.95) -> pd.DataFrame:
    """Mean and interval of every metric and arm.

    The folds of a cross-validation share training observations; the corrected resampled t interval
    (Nadeau and Bengio, Machine Learning 52:239, 2003) allows for it. Seeds are averaged first.

    Parameters
    ----------
    results : DataFrame
        From `score_arms`.
    n_observations : int
        Of the whole cohort.
    confidence : float

    Returns
    -------
    DataFrame
        Columns arm, kind, metric, mean, low, high; arms in the order met.

    Examples
    --------
    >>> results = pd.DataFrame(dict(arm="a", kind="assembly", repeat=0, fold=[0, 1], seed=0,
    ...     n_test=10, accuracy=[0.8, 0.9], balanced_accuracy=0.8, auroc=0.9))
    >>> summarise(results, 20).round(2).values[0].tolist()
    ['a', 'assembly', 'accuracy', 0.85, 0.0, 1.0]
    """
    rows = []
    for (arm, kind), group in results.groupby(["arm", "kind"], sort=False):
        folds = group.groupby(["repeat", "fold"])[["n_test", *METRICS]].mean()
        for metric in METRICS:
            values = folds[metric].dropna()
            low = high = mean = values.mean()
            if len(values) > 1:
                share = folds["n_test"].mean() / n_observations
                variance = values.var(ddof=1) * (1 / len(values) + share / (1 - share))
                half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * np.sqrt(variance)
                low, high = max(mean - half, 0.0), min(mean + half, 1.0)
            rows.append((arm, kind, metric, mean, low, high))
    return pd.DataFrame(rows, columns=["arm", "kind", "metric", "mean", "low", "high"])
