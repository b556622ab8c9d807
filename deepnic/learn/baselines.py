"""The classifiers that the networks are compared with, all scikit-learn's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from deepnic.errors import InputError, choose
from deepnic.learn.states import check_state

N_GENES_CHOSEN = 100


@dataclass(frozen=True)
class Baseline:
    """A classifier that the networks are compared with; none is tuned."""

    # (items fitted on, variables), seed -> estimator
    make: Callable[[tuple[int, int], int], ClassifierMixin]
    random: bool = False  # its result depends on the seed
    probability: bool = True  # else it is scored by a signed distance
    on: tuple[str, ...] = ("expression",)  # what a study fits it on: expression, pixels
    revision: int = 1  # counts up when it changes


def _scaled(*steps: Any) -> ClassifierMixin:
    return make_pipeline(StandardScaler(), *steps)


def _best_genes(shape: tuple[int, int]) -> SelectKBest:
    return SelectKBest(k=min(N_GENES_CHOSEN, shape[1]))


def boosting(n_items: int, seed: int) -> HistGradientBoostingClassifier:
    """Gradient boosting that splits few items too: two leaves of 20, the default, need 40."""
    leaf = min(max(n_items // 10, 2), 20)
    return HistGradientBoostingClassifier(min_samples_leaf=leaf, random_state=seed)


BASELINES = {
    "majority": Baseline(lambda shape, seed: DummyClassifier(strategy="prior")),
    "logistic regression": Baseline(
        lambda shape, seed: _scaled(LogisticRegression(C=0.01, max_iter=1000)),
        on=("expression", "pixels"),
    ),
    "linear SVM": Baseline(
        lambda shape, seed: _scaled(SVC(kernel="linear", C=1.0)), probability=False
    ),
    "random forest": Baseline(
        lambda shape, seed: RandomForestClassifier(500, random_state=seed), random=True
    ),
    "gradient boosting": Baseline(
        lambda shape, seed: make_pipeline(_best_genes(shape), boosting(shape[0], seed)), revision=2
    ),
    "3-NN": Baseline(
        lambda shape, seed: _scaled(_best_genes(shape), KNeighborsClassifier(n_neighbors=3))
    ),
    # it takes genes for independent: its probability is 0 or 1 of most items and ranks none
    "nearest centroid": Baseline(
        lambda shape, seed: _scaled(_best_genes(shape), NearestCentroid()), probability=False
    ),
    "multilayer perceptron": Baseline(
        lambda shape, seed: _scaled(MLPClassifier(max_iter=1000, random_state=seed)),
        random=True,
        on=("pixels",),
    ),
}


class BaselinePrediction(NamedTuple):
    """Scores of all items, higher = class 1, and the classes that the cut makes of them.

    The score is the probability of class 1 (cut 0.5), or of baselines without one a signed distance
    (cut 0).
    """

    score: NDArray[np.float64]
    predicted: NDArray[np.int8]


def fit_predict_baseline(
    name: str, X: ArrayLike, state: ArrayLike, seed: int = 0
) -> BaselinePrediction:
    """Fit a baseline on the items of known state and score all items.

    Parameters
    ----------
    name : str
        A key of `BASELINES`.
    X : array (item, variable)
        Expression, or the values of kept pixels; an undefined (NaN) pixel counts as 0. Variables
        that are constant over the training items are left out.
    state : array (item)
        1 or 0 = fitted on, -1 = only scored.
    seed : int
        Of the forests and the perceptron.

    Returns
    -------
    BaselinePrediction
        `score` (item) float64 and `predicted` (item) int8.

    Raises
    ------
    InputError
        An unknown name, X and state that do not fit, a class without training item, or no
        variable that varies over the training items.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.9], [1.0], [0.8]]
    >>> fit_predict_baseline("linear SVM", X, state=[0, 0, 1, 1, -1]).predicted
    array([0, 0, 1, 1, 1], dtype=int8)
    """
    baseline = BASELINES[choose("baseline", name, BASELINES)]
    y = check_state(state)
    values = np.nan_to_num(np.asarray(X, dtype=np.float64), nan=0.0)
    if values.ndim != 2 or len(values) != len(y):
        raise InputError(f"X has shape {values.shape}; give one row for each of {len(y)} states")
    known = y >= 0
    values = values[:, np.ptp(values[known], axis=0) > 0]
    if values.shape[1] == 0:
        raise InputError("no variable of X varies over the training items; give some that do")

    model = baseline.make(values[known].shape, seed)
    with threadpool_limits(1):  # on tables this small threads wait for each other most of the time
        model.fit(values[known], y[known])
        if baseline.probability:
            score, cut = model.predict_proba(values)[:, 1], 0.5
        else:
            score, cut = model.decision_function(values), 0.0
    return BaselinePrediction(score, (score > cut).astype(np.int8))
