"""The classifiers that the networks are compared with, all scikit-learn's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
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
from deepnic.learn.calibration import Learner

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


def learner_of(name: str, seed: int = 0) -> Learner:
    """Learner of a baseline, for `cross_fitted_margins`: its margins are logits, or distances.

    Variables that are constant over the training items are left out; undefined (NaN) ones count 0.

    Parameters
    ----------
    name : str
        A key of `BASELINES`.
    seed : int
        Of the forests and the perceptron.

    Raises
    ------
    InputError
        An unknown name; when it is fitted, no variable that varies.

    Examples
    --------
    >>> fit = learner_of("linear SVM")
    >>> say = fit(np.array([[0.0], [0.1], [0.9], [1.0]]), np.int8([0, 0, 1, 1]))
    >>> (say(np.array([[0.2], [0.8]])) > 0).tolist()
    [False, True]
    """
    baseline = BASELINES[choose("baseline", name, BASELINES)]

    def fit(values: NDArray[Any], state: NDArray[np.int8]) -> Callable[[NDArray[Any]], NDArray]:
        known = np.nan_to_num(values.astype(np.float64), nan=0.0)
        varying = np.ptp(known, axis=0) > 0
        if not varying.any():
            raise InputError("no variable of X varies over the training items; give some that do")
        model = baseline.make((len(known), int(varying.sum())), seed)
        with threadpool_limits(1):  # on tables this small threads wait for each other
            model.fit(known[:, varying], state)

        def say(new: NDArray[Any]) -> NDArray[np.float64]:
            values = np.nan_to_num(new.astype(np.float64), nan=0.0)[:, varying]
            with threadpool_limits(1):
                if baseline.probability:
                    return _logits(model.predict_proba(values)[:, 1])
                return np.asarray(model.decision_function(values), np.float64)

        return say

    return fit


def _logits(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Finite also of 0 and 1."""
    tiny = np.finfo(np.float64).eps
    return np.asarray(logit(np.clip(probability, tiny, 1 - tiny)), np.float64)
