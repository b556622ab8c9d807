"""The classifier is one of scikit-learn's, and does what the functions do that it is made of."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import deepnic
from deepnic import ROPImageClassifier, ROPImageTransformer
from deepnic.assembly import lay
from deepnic.learn import fit_predict_baseline

QUICK = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3], "subsample": 0.5, "k": 25}


@pytest.fixture(scope="module")
def cohort():
    return deepnic.demo_cohort().isel(observation=slice(0, 70), gene=slice(0, 12))


def both(cohort, transformer):
    """Pixel tables of the training observations, and of all with the labels of others hidden."""
    hidden = deepnic.hide_labels(cohort, np.arange(70) >= 60)
    forest = deepnic.grow_forest(
        hidden, **{name: QUICK[name] for name in QUICK if name != "k"}, seed=transformer.seed_
    )
    return deepnic.filter_pixels(deepnic.observation_images(forest), k=25)


def test_linear_head__is_the_baseline_on_pixels(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageClassifier(ROPImageTransformer(**QUICK)).fit(X[:60], y[:60])
    table = both(cohort, model.transformer_)
    score = fit_predict_baseline("logistic regression", table.value, table.state).score
    np.testing.assert_allclose(model.predict_proba(X[60:])[:, 1], score[60:], rtol=1e-6)
    assert model.classes_.tolist() == ["benign", "malignant"]


def test_network_head__is_the_network_of_train(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageClassifier(ROPImageTransformer(**QUICK), head="network", epochs=2)
    model.fit(X[:60], y[:60])
    table = both(cohort, model.transformer_)
    canvas = lay(table.isel(item=slice(60)), model.transformer_.assembly_)
    trained = deepnic.train(canvas, epochs=2, seed=model.transformer_.seed_)
    asked = trained.predictor.predict(lay(table.isel(item=slice(60, None)),
                                          model.transformer_.assembly_))  # fmt: skip
    probability = model.predict_proba(X[60:])
    np.testing.assert_array_equal(probability[:, 1], asked["probability of 1"])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X[60:]), probability)


def test_classifier__of_three_classes_takes_each_against_the_rest(cohort):
    X, y = cohort.expression.values, np.arange(70) % 3
    model = ROPImageClassifier(ROPImageTransformer(**QUICK))
    with pytest.raises(deepnic.InputError, match=r"3 classes; give two, or wrap .*OneVsRest"):
        model.fit(X, y)
    several = OneVsRestClassifier(model).fit(X, y)
    own = clone(model).fit(X, (y == 1).astype(int)).predict_proba(X)[:, 1]
    np.testing.assert_array_equal([*several.estimators_][1].predict_proba(X)[:, 1], own)
    assert several.predict(X).shape == (70,)


def test_classifier__is_searched_validated_and_calibrated(cohort):
    X, y = cohort.expression.values, cohort.label.values
    model = ROPImageClassifier(ROPImageTransformer(**QUICK))
    assert cross_val_score(clone(model), X, y, cv=3, scoring="roc_auc").mean() > 0.7
    search = GridSearchCV(model, {"transformer__k": [9, 25]}, cv=2).fit(X, y)
    assert search.best_estimator_.transformer_.k in (9, 25)
    sure = CalibratedClassifierCV(model, cv=2).fit(X, y).predict_proba(X)
    assert np.isfinite(sure).all()


def test_head__is_one_of_two(cohort):
    with pytest.raises(deepnic.InputError, match="unknown head 'forest'; choose from linear"):
        ROPImageClassifier(head="forest").fit(cohort.expression.values, cohort.label.values)


@parametrize_with_checks(
    [
        ROPImageClassifier(
            ROPImageTransformer(
                n_trees=2, weight_ranges=[3], tree_sizes=[2], subsample=0.5, k=16, random_state=0
            )
        )
    ],
    expected_failed_checks=lambda _: {
        "check_fit2d_1feature": "one gene makes no tree of two, which the error says in its words",
    },
)
def test_classifier__is_one_of_scikit_learns(estimator, check):
    check(estimator)
