"""The classifiers that the networks are compared with, all scikit-learn's."""

from collections.abc import Callable
from typing import NamedTuple

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

# (number of variables, seed) -> estimator. None is tuned. Logistic regression and perceptron also
# serve for kept pixels.
BASELINES: dict[str, Callable[[int, int], ClassifierMixin]] = {
    "majority": lambda n_variables, seed: DummyClassifier(strategy="prior"),
    "logistic regression": lambda n_variables, seed: make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
    ),
    "linear SVM": lambda n_variables, seed: make_pipeline(
        StandardScaler(), SVC(kernel="linear", C=1.0)
    ),
    "random forest": lambda n_variables, seed: RandomForestClassifier(500, random_state=seed),
    "gradient boosting": lambda n_variables, seed: HistGradientBoostingClassifier(
        random_state=seed
    ),
    "3-NN": lambda n_variables, seed: make_pipeline(
        StandardScaler(),
        SelectKBest(k=min(N_GENES_CHOSEN, n_variables)),
        KNeighborsClassifier(n_neighbors=3),
    ),
    "nearest centroid": lambda n_variables, seed: make_pipeline(
        StandardScaler(), SelectKBest(k=min(N_GENES_CHOSEN, n_variables)), NearestCentroid()
    ),
    "multilayer perceptron": lambda n_variables, seed: make_pipeline(
        StandardScaler(), MLPClassifier(max_iter=1000, random_state=seed)
    ),
}

# Scored by a signed distance: the one has no probability, and that of the other, which takes genes
# for independent, is 0 or 1 of most items and would not rank them.
WITHOUT_PROBABILITY = ("linear SVM", "nearest centroid")


class BaselinePrediction(NamedTuple):
    """Scores of all items, higher = class 1, and the classes that the cut makes of them.

    The score is the probability of class 1 (cut 0.5), or of those in `WITHOUT_PROBABILITY` a signed
    distance (cut 0).
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
    choose("baseline", name, BASELINES)
    y = check_state(state)
    values = np.nan_to_num(np.asarray(X, dtype=np.float64), nan=0.0)
    if values.ndim != 2 or len(values) != len(y):
        raise InputError(f"X has shape {values.shape}; give one row for each of {len(y)} states")
    known = y >= 0
    values = values[:, np.ptp(values[known], axis=0) > 0]
    if values.shape[1] == 0:
        raise InputError("no variable of X varies over the training items; give some that do")

    model = BASELINES[name](values.shape[1], seed)
    with threadpool_limits(1):  # on tables this small threads wait for each other most of the time
        model.fit(values[known], y[known])
        if name in WITHOUT_PROBABILITY:
            score, cut = model.decision_function(values), 0.0
        else:
            score, cut = model.predict_proba(values)[:, 1], 0.5
    return BaselinePrediction(score, (score > cut).astype(np.int8))
