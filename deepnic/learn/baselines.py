"""The classifiers that the networks are compared with, all scikit-learn's."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from deepnic.errors import InputError, choose
from deepnic.learn.calibration import Learner
from deepnic.learn.imported import imported

N_GENES_CHOSEN = 100
N_TREES = 500
THRESHOLDS = (6, 5, 4, 3, 2, 1, None)
"""By which centroids are shrunken, in units of their standard errors; of equals the first."""


@dataclass(frozen=True)
class Baseline:
    """A classifier that the networks are compared with; nothing is tuned for a cohort by hand.

    Both classes weigh the same where the classifier knows of weights.
    """

    # states fitted on, number of variables, seed -> estimator
    make: Callable[[NDArray[np.int8], int, int], ClassifierMixin]
    random: bool = False  # its result depends on the seed
    on: tuple[str, ...] = ("expression",)  # what a study fits it on: expression, pixels
    revision: int = 1  # counts up when it changes


def _scaled(*steps: Any) -> ClassifierMixin:
    return make_pipeline(StandardScaler(), *steps)


def _best_genes(n_genes: int) -> SelectKBest:
    return SelectKBest(k=min(N_GENES_CHOSEN, n_genes))


def boosting(
    n_items: int, seed: int, class_weight: str | None = None
) -> HistGradientBoostingClassifier:
    """Gradient boosting that splits few items too: two leaves of 20, the default, need 40."""
    leaf = min(max(n_items // 10, 2), 20)
    return HistGradientBoostingClassifier(
        min_samples_leaf=leaf, class_weight=class_weight, random_state=seed
    )


class _Centroids(NearestCentroid):
    """Centroids whose margin is -1 at the first and 1 at the second, however far they are shrunken.

    Only so are margins comparable of fits that choose another threshold each: as distances those
    of few genes are small beside those of all.
    """

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Margin of each item; 0 where the centroids are one."""
        lead = super().decision_function
        first, second = lead(self.centroids_)
        if second <= first:
            return np.zeros(len(X))
        return np.asarray(2 * lead(X) / (second - first), np.float64)


def _shrunken_centroids(state: NDArray[np.int8]) -> ClassifierMixin:
    """Centroids shrunken towards each other, as much as serves within the items fitted on.

    Tibshirani et al. (2002), who choose the threshold by cross-validation too; by the area under
    the curve, because the threshold of the classes is chosen later, by the rule of all arms.
    """
    centroids = Pipeline([("varying", VarianceThreshold()), ("centroids", _Centroids())])
    if np.bincount(state).min() < 3:
        return centroids  # as they are: two items of a class cannot choose
    return GridSearchCV(
        centroids,
        {"centroids__shrink_threshold": THRESHOLDS},
        scoring="roc_auc",
        cv=StratifiedKFold(3),
    )


BASELINES = {
    "majority": Baseline(lambda state, n, seed: DummyClassifier(strategy="prior")),
    "logistic regression": Baseline(
        lambda state, n, seed: _scaled(
            LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
        ),
        on=("expression", "pixels"),
        revision=2,
    ),
    "linear SVM": Baseline(
        lambda state, n, seed: _scaled(SVC(kernel="linear", C=1.0, class_weight="balanced")),
        revision=2,
    ),
    "random forest": Baseline(
        lambda state, n, seed: RandomForestClassifier(
            N_TREES, class_weight="balanced", random_state=seed
        ),
        random=True,
        revision=2,
    ),
    "gradient boosting": Baseline(
        lambda state, n, seed: make_pipeline(
            _best_genes(n), boosting(len(state), seed, "balanced")
        ),
        revision=3,
    ),
    "3-NN": Baseline(
        lambda state, n, seed: _scaled(_best_genes(n), KNeighborsClassifier(n_neighbors=3))
    ),
    "shrunken centroids": Baseline(lambda state, n, seed: _shrunken_centroids(state), revision=2),
    "multilayer perceptron": Baseline(
        lambda state, n, seed: _scaled(MLPClassifier(max_iter=1000, random_state=seed)),
        random=True,
        on=("pixels",),
    ),
}


def baseline_of(name: str) -> Baseline:
    """Baseline by its name, or a classifier that is named as module:function.

    The function is called without an argument wherever one is fitted; `InputError` tells of one
    that cannot be imported or called, or makes no classifier.
    """
    if ":" in name:
        return Baseline(lambda state, n, seed: _own(name))
    return BASELINES[choose("baseline", name, BASELINES)]


def check_classifiers(names: Sequence[str]) -> None:
    """Refuse classifiers of a user that cannot be made, or would be called like another.

    Examples
    --------
    >>> check_classifiers(["sklearn.svm:SVC", "sklearn.svm:LinearSVC"])
    >>> check_classifiers(["sklearn.svm:SVR"])
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: sklearn.svm:SVR returns a SVR; return a classifier like ...
    """
    called = [*BASELINES]
    for name in names:
        _own(name)
        function = name.partition(":")[2]
        if function in called:
            raise InputError(
                f"two classifiers would be called {function!r}; name the function of {name} "
                "otherwise"
            )
        called.append(function)


def _own(name: str) -> ClassifierMixin:
    make = imported(name, "classifier")
    try:
        model = make()
    except Exception as error:
        raise InputError(
            f"the classifier {name} cannot be made ({type(error).__name__}: {error}); its function "
            "is called without an argument"
        ) from error
    if not hasattr(model, "fit") or not (
        hasattr(model, "decision_function") or hasattr(model, "predict_proba")
    ):
        raise InputError(
            f"{name} returns a {type(model).__name__}; return a classifier like scikit-learn's, "
            "with fit and decision_function or predict_proba"
        )
    return model


def learner_of(name: str, seed: int = 0) -> Learner:
    """Learner of a baseline, for `cross_fitted_margins`.

    Its margins are those of the classifier's ``decision_function``; where it has none, the logits
    of its probabilities. Variables that are constant over the training items are left out, and
    where none varies every margin is 0; undefined (NaN) values count 0.

    Parameters
    ----------
    name : str
        A key of `BASELINES`, or "module:function" of a classifier; see `baseline_of`.
    seed : int
        Of the forests and the perceptron.

    Raises
    ------
    InputError
        See `baseline_of`.

    Examples
    --------
    >>> fit = learner_of("linear SVM")
    >>> say = fit(np.array([[0.0], [0.1], [0.9], [1.0]]), np.int8([0, 0, 1, 1]))
    >>> (say(np.array([[0.2], [0.8]])) > 0).tolist()
    [False, True]
    """
    baseline = baseline_of(name)

    def fit(values: NDArray[Any], state: NDArray[np.int8]) -> Fitted:
        known = _defined(values)
        varying = np.ptp(known, axis=0) > 0
        if not varying.any():
            return Fitted(None, varying, len(state))
        model = baseline.make(state, int(varying.sum()), seed)
        # on tables this small threads wait for each other
        with threadpool_limits(1), warnings.catch_warnings():
            # of centroids, where a gene is the same within both classes: it counts as it is
            warnings.filterwarnings("ignore", "self.within_class_std_dev_ has")
            model.fit(known[:, varying], state)
        return Fitted(model, varying, len(state))

    return fit


@dataclass(frozen=True)
class Fitted:
    """A classifier that was fitted: called, it says the margins of others' values."""

    model: ClassifierMixin | None  # None where there was nothing to tell the classes by
    varying: NDArray[np.bool_]  # (variable,): which it looks at
    n: int  # items fitted on

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Margin of each item, 0 without a model."""
        if self.model is None:
            return np.zeros(len(values))
        known = _defined(values)[:, self.varying]
        with threadpool_limits(1):
            if hasattr(self.model, "decision_function"):
                return np.asarray(self.model.decision_function(known), np.float64)
            return _logits(self.model.predict_proba(known)[:, 1], self.n)


def _defined(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values as they are fitted and asked: what is undefined counts 0."""
    return np.nan_to_num(values.astype(np.float64), nan=0.0)


def _logits(probability: NDArray[np.floating], n: int) -> NDArray[np.float64]:
    """Finite also of 0 and 1, which are taken for as much as n items can say (Laplace's rule)."""
    return np.asarray(logit((n * probability + 1) / (n + 2)), np.float64)
