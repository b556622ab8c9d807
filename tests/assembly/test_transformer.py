"""The transformer does what the functions it is made of do, and keeps labels out of sight."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import deepnic
from deepnic import ROPImageTransformer

QUICK = {"n_trees": 6, "weight_ranges": [3, 5], "tree_sizes": [3], "subsample": 0.5, "k": 25}


@pytest.fixture(scope="module")
def cohort():
    return deepnic.demo_cohort().isel(observation=slice(0, 70), gene=slice(0, 12))


@pytest.fixture(scope="module")
def fitted(cohort):
    X, y = cohort.expression.values, cohort.label.values
    return ROPImageTransformer(**QUICK).fit(X[:60], y[:60])


def test_transform__new_rows_equal_the_functions(cohort, fitted):
    hidden = deepnic.hide_labels(cohort, np.arange(70) >= 60)
    forest = deepnic.grow_forest(
        hidden, n_trees=6, weight_ranges=[3, 5], tree_sizes=[3], subsample=0.5
    )
    table = deepnic.filter_pixels(deepnic.observation_images(forest), k=25)
    images = deepnic.assemble(table)["image"].values
    np.testing.assert_array_equal(fitted.transform(cohort.expression.values), images)


def test_transform__does_not_depend_on_the_other_new_rows(cohort, fitted):
    X = cohort.expression.values[60:]
    together = fitted.transform(X)
    alone = np.concatenate([fitted.transform(X[k : k + 1]) for k in range(3)])
    np.testing.assert_array_equal(alone, together[:3])


def test_transform__shows_training_rows_out_of_bag_only(cohort, fitted):
    """A training row met again must not be voted on by trees that know its label."""
    again = fitted.transform(cohort.expression.values[:60])
    np.testing.assert_array_equal(again, fitted.assembly_.apply(fitted.table_["value"].values))


def test_fit__rejects_three_classes():
    with pytest.raises(deepnic.InputError, match="3 classes"):
        ROPImageTransformer().fit(np.zeros((6, 9)), [0, 1, 2, 0, 1, 2])


def test_transformer__works_in_a_pipeline(cohort):
    flatten = FunctionTransformer(lambda images: np.nan_to_num(images).reshape(len(images), -1))
    model = make_pipeline(ROPImageTransformer(**QUICK), flatten, LogisticRegression())
    scores = cross_val_score(clone(model), cohort.expression.values, cohort.label.values, cv=3)
    assert scores.mean() > 0.7


def test_transformer__draws_a_forest_from_its_random_state(cohort):
    X, y = cohort.expression.values[:40], cohort.label.values[:40]

    def seed(state):
        return ROPImageTransformer(**QUICK, random_state=state).fit(X, y).seed_

    assert seed(7) == 7
    assert seed(np.random.RandomState(3)) == np.random.RandomState(3).randint(2**31)
    assert seed(None) != seed(None)


@parametrize_with_checks(
    [ROPImageTransformer(n_trees=2, weight_ranges=[3], tree_sizes=[2], subsample=0.5, k=16)],
    expected_failed_checks=lambda _: {
        "check_fit2d_1feature": "one gene makes no tree of two, which the error says in its words"
    },
)
def test_transformer__is_one_of_scikit_learns(estimator, check):
    check(estimator)
