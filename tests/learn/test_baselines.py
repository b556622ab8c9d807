import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from deepnic.errors import InputError
from deepnic.learn import BASELINES, baselines, learner_of
from deepnic.learn.calibration import cross_fitted_margins
from deepnic.learn.states import check_state


def fit_predict(name, X, state, seed=0):
    """Margins of all items, and their signs, of a baseline fitted on those of known state."""
    X, state = np.asarray(X, float), np.asarray(state)
    known = state >= 0
    margin = learner_of(name, seed)(X[known], state[known].astype(np.int8))(X)
    return margin, (margin > 0).astype(np.int8)


@pytest.fixture(scope="module")
def easy():
    """60 items of 150 variables, 10 of them informative; the last 20 items hidden."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 150))
    X[:, :10] += 3.0 * y[:, None]
    return X, np.where(np.arange(60) < 40, y, -1), y


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__separates_an_easy_set(name, easy):
    X, state, y = easy
    score, predicted = fit_predict(name, X, state)
    assert score.shape == predicted.shape == (60,)
    accuracy = (predicted == y)[40:].mean()
    assert accuracy == 0.5 if name == "majority" else accuracy >= 0.9


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__hidden_items_do_not_reach_the_fit(name, easy):
    X, state, _ = easy
    other = X.copy()
    other[50:] = 1e3
    np.testing.assert_array_equal(
        fit_predict(name, X, state, seed=3)[0][:50],
        fit_predict(name, other, state, seed=3)[0][:50],
    )


def test_baseline__gradient_boosting_learns_from_few_items(easy):
    """Of 12 items fitted on no leaf can hold 20."""
    X, _, y = easy
    score, predicted = fit_predict("gradient boosting", X, np.r_[y[:12], np.full(48, -1)])
    assert (predicted == y)[12:].mean() >= 0.8
    assert expit(score.min()) < 0.2 < 0.8 < expit(score.max())


def test_baseline__three_neighbours_vote_by_hand(easy):
    X, state, y = easy
    X = X[:, :30]  # fewer than the 100 genes to choose: all are kept
    Z = (X - X[:40].mean(axis=0)) / X[:40].std(axis=0)
    distance = np.linalg.norm(Z[:, None] - Z[None, :40], axis=2)
    votes = y[np.argsort(distance, axis=1)[:, :3]].mean(axis=1)
    as_of_40_items = (40 * votes + 1) / 42  # none of them is 0 or 1
    np.testing.assert_allclose(expit(fit_predict("3-NN", X, state)[0]), as_of_40_items)


@pytest.mark.parametrize(
    ("name", "classifier"),
    [
        ("logistic regression", LogisticRegression(C=0.01, max_iter=1000)),
        ("linear SVM", SVC(kernel="linear")),
        ("random forest", RandomForestClassifier(500, random_state=3)),
        (
            "gradient boosting",
            HistGradientBoostingClassifier(min_samples_leaf=4, random_state=3),
        ),
    ],
)
def test_baseline__both_classes_weigh_the_same(monkeypatch, name, classifier):
    """As if each item counted for n / 2 n_k, of 30 items and of 10."""
    monkeypatch.setattr(baselines, "N_TREES", 500)  # as they are for users
    rng = np.random.default_rng(1)
    y = np.r_[np.arange(40) % 4 == 3, np.zeros(20, bool)].astype(int)
    X = rng.normal(size=(60, 8)) + 0.7 * y[:, None]
    weight = np.where(y[:40] == 1, 40 / 20, 40 / 60)
    Z = (
        X
        if name in ("random forest", "gradient boosting")
        else StandardScaler().fit(X[:40]).transform(X)
    )
    classifier.fit(Z[:40], y[:40], sample_weight=weight)
    margin, _ = fit_predict(name, X, np.where(np.arange(60) < 40, y, -1), seed=3)
    if name == "random forest":
        expected = (40 * classifier.predict_proba(Z)[:, 1] + 1) / 42
        np.testing.assert_allclose(expit(margin), expected)
    else:
        np.testing.assert_allclose(margin, classifier.decision_function(Z), rtol=1e-4, atol=1e-6)


def shrunken(X, y, new, threshold):
    """Lead of the second centroid, by the formulas of Tibshirani et al. (2002)."""
    n_of = np.bincount(y)
    centre = np.stack([X[y == k].mean(axis=0) for k in (0, 1)])
    spread = np.sqrt(((X - centre[y]) ** 2).sum(axis=0) / (len(y) - 2))
    unit = np.sqrt(1 / n_of - 1 / len(y))[:, None] * (spread + np.median(spread))
    lead = (centre - X.mean(axis=0)) / unit
    lead = np.sign(lead) * np.maximum(np.abs(lead) - threshold, 0)
    centre = X.mean(axis=0) + unit * lead
    first, second = ((((new - one) / spread) ** 2).sum(axis=1) for one in centre)
    apart = (((centre[1] - centre[0]) / spread) ** 2).sum()
    return (first - second) / apart if apart > 0 else np.zeros(len(new))


def chosen_threshold(X, y):
    """The largest of those that rank best, within the items."""
    folds = [*StratifiedKFold(3).split(X, y)]
    area = {
        threshold: np.mean(
            [roc_auc_score(y[j], shrunken(X[i], y[i], X[j], threshold)) for i, j in folds]
        )
        for threshold in (6, 5, 4, 3, 2, 1, 0)
    }
    return max(area, key=area.get)


def test_baseline__shrunken_centroids_by_hand():
    rng = np.random.default_rng(4)
    y = (np.arange(50) % 5 < 2).astype(int)
    noise = rng.normal(size=(50, 40)) * rng.uniform(0.5, 2, size=40)
    chosen = set()
    for shift in (0.5, 3.0):
        X = noise + shift * (np.arange(40) < 12) * y[:, None]
        threshold = chosen_threshold(X[:40], y[:40])
        margin, _ = fit_predict("shrunken centroids", X, np.where(np.arange(50) < 40, y, -1))
        np.testing.assert_allclose(margin, shrunken(X[:40], y[:40], X, threshold), 1e-9, 1e-9)
        chosen.add(threshold)
    assert len(chosen) == 2


def test_baseline__shrunken_centroids_of_fits_that_choose_differently_are_comparable():
    """Margins of a part whose fit takes few genes are as large as where it takes all."""
    y, part = np.int8(np.arange(24) % 2), np.int8(np.arange(24) // 2 % 3)
    X = np.random.default_rng(2).normal(size=(24, 300))
    X[:, :6] += 2.5 * y[:, None]
    chosen = {chosen_threshold(X[part != k], y[part != k]) for k in range(3)}
    assert len(chosen) > 1
    margin = np.abs(cross_fitted_margins(learner_of("shrunken centroids"), X[None], part, y))
    sizes = [margin[part == k].mean() for k in range(3)]
    assert max(sizes) < 3 * min(sizes)


def test_baseline__shrunken_centroids_of_two_items_of_a_class():
    """And of genes that are the same within both classes, or in a part."""
    y = np.int8([0] * 8 + [1] * 2)
    X = np.random.default_rng(0).normal(size=(10, 6)) + 3 * y[:, None]
    X[:, 0] = y
    X[:, 1] = np.arange(10) == 4
    margin, predicted = fit_predict("shrunken centroids", X, y)
    assert np.isfinite(margin).all()
    np.testing.assert_array_equal(predicted, y)


@pytest.mark.parametrize("name", ["3-NN", "gradient boosting"])
def test_baseline__of_the_genes_that_differ(name, easy):
    """The F-test takes 100 of 150: what it leaves out does not reach the score."""
    X, state, _ = easy
    kept = SelectKBest(f_classif, k=100).fit(X[:40], state[:40]).get_support()
    other = X.copy()
    other[40:, ~kept] += 100
    first, second = (fit_predict(name, x, state)[0] for x in (X, other))
    np.testing.assert_array_equal(first, second)


def test_baseline__perceptron_learns_what_no_line_separates():
    """Exclusive or, of two variables."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    state = np.where(np.arange(300) < 200, y, -1)
    right = {
        name: (fit_predict(name, X, state)[1] == y)[200:].mean()
        for name in ("multilayer perceptron", "logistic regression")
    }
    assert right["multilayer perceptron"] > 0.9
    assert right["logistic regression"] < 0.7


@pytest.mark.parametrize("name", ["random forest", "multilayer perceptron"])
def test_baseline__the_seed_decides(name, easy):
    X, state, _ = easy
    first, again, other = (fit_predict(name, X, state, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_baseline__majority_scores_the_share_of_class_one():
    score, predicted = fit_predict("majority", [[0], [1], [2], [3]], [1, 1, 0, -1])
    np.testing.assert_allclose(expit(score), (2 + 1) / (3 + 2))  # by Laplace's rule
    assert predicted.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__takes_undefined_and_constant_pixels(name, easy):
    X, state, _ = easy
    X = X.copy()
    X[::7, ::3] = np.nan
    X[:, 20:30] = 5.0
    assert np.isfinite(fit_predict(name, X, state)[0]).all()


def test_baseline__rejects_what_it_cannot_fit(easy):
    _X, _state, _ = easy
    with pytest.raises(InputError, match="unknown baseline 'oracle'; choose from"):
        learner_of("oracle")


@pytest.mark.parametrize("name", BASELINES)
def test_learner_of__says_nothing_of_variables_that_are_the_same_for_all(name, easy):
    X, state, _ = easy
    say = learner_of(name)(X[state >= 0] * 0, state[state >= 0])
    assert say(X).tolist() == [0] * len(X)


def test_check_state__asks_for_items_of_every_state():
    with pytest.raises(InputError, match="no training item has state 0"):
        check_state([1, 1, -1])


def test_check_state__refuses_more_classes_than_states_hold():
    with pytest.raises(InputError, match="129 classes were asked for; states hold 128 at most"):
        check_state(np.arange(129), 129)
    assert check_state(np.arange(128), 128).tolist() == [*range(128)]
