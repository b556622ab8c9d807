import numpy as np
import pytest
from scipy.special import expit
from sklearn.feature_selection import f_classif

from deepnic.errors import InputError
from deepnic.learn import BASELINES, learner_of
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
    np.testing.assert_allclose(expit(fit_predict("3-NN", X, state)[0]), votes, atol=1e-12)


def test_baseline__nearest_centroid_by_hand(easy):
    """Distances in units of the spread within the classes, as in nearest shrunken centroids."""
    X, state, y = easy
    X = X[:, :30]
    centres = np.stack([X[:40][y[:40] == k].mean(axis=0) for k in (0, 1)])
    spread = np.sqrt(((X[:40] - centres[y[:40]]) ** 2).sum(axis=0) / 38)
    to_first, to_second = ((((X - centre) / spread) ** 2).sum(axis=1) for centre in centres)
    score, predicted = fit_predict("nearest centroid", X, state)
    np.testing.assert_allclose(score, to_first - to_second)
    assert predicted.tolist() == (to_second < to_first).tolist()


def test_baseline__centroids_of_the_genes_that_differ(easy):
    """The F-test takes 100 of 150: what it leaves out does not reach the score."""
    X, state, _ = easy
    F, _ = f_classif(X[:40], state[:40])
    left_out = np.argsort(F)[:50]
    other = X.copy()
    other[40:, left_out] += 100
    first, second = (fit_predict("nearest centroid", x, state)[0] for x in (X, other))
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
    np.testing.assert_allclose(expit(score), 2 / 3)
    assert predicted.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__takes_undefined_and_constant_pixels(name, easy):
    X, state, _ = easy
    X = X.copy()
    X[::7, ::3] = np.nan
    X[:, 20:30] = 5.0
    assert np.isfinite(fit_predict(name, X, state)[0]).all()


def test_baseline__rejects_what_it_cannot_fit(easy):
    X, state, _ = easy
    with pytest.raises(InputError, match="unknown baseline 'oracle'; choose from"):
        learner_of("oracle")
    with pytest.raises(InputError, match="no variable of X varies"):
        fit_predict("majority", X * 0, state)


def test_check_state__asks_for_items_of_every_state():
    with pytest.raises(InputError, match="no training item has state 0"):
        check_state([1, 1, -1])


def test_check_state__refuses_more_classes_than_states_hold():
    with pytest.raises(InputError, match="129 classes were asked for; states hold 128 at most"):
        check_state(np.arange(129), 129)
    assert check_state(np.arange(128), 128).tolist() == [*range(128)]
