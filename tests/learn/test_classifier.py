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
from deepnic.assembly.cross_fitted import join_canvases
from deepnic.learn import calibrate, cross_fitted_margins, learner_of
from deepnic.learn.cross_fitting import train_cross_fitted

QUICK = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3], "subsample": 0.5, "k": 25,
         "parts": 2}  # fmt: skip


@pytest.fixture(scope="module")
def cohort():
    return deepnic.demo_cohort().isel(observation=slice(0, 70), gene=slice(0, 12))


def pipelines(cohort, transformer):
    """Pixel tables of all by each pipeline; the labels of the last ten are hidden from all."""
    for k in range(2):
        hidden = np.r_[transformer.part_ == k, np.full(10, True)]
        forest = deepnic.grow_forest(
            deepnic.hide_labels(cohort, hidden),
            **{name: QUICK[name] for name in QUICK if name not in ("k", "parts")},
            seed=transformer.seed_,
        )
        yield deepnic.filter_pixels(deepnic.observation_images(forest), k=25)


def test_linear_head__is_the_baseline_on_pixels(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageClassifier(ROPImageTransformer(**QUICK)).fit(X[:60], y[:60])
    part = np.r_[model.transformer_.part_, np.full(10, -1)].astype(np.int8)
    shown = np.stack([table["value"].values for table in pipelines(cohort, model.transformer_)])
    state = np.where(part < 0, -1, cohort.state.values).astype(np.int8)
    margin = cross_fitted_margins(learner_of("logistic regression"), shown, part, state)
    rule = calibrate(margin[:60], state[:60], "")
    probability = model.predict_proba(X[60:])
    np.testing.assert_allclose(probability[:, 1], rule.probability(margin[60:]), rtol=1e-6)
    assert model.classes_.tolist() == ["benign", "malignant"]
    assert (model.predict(X[60:]) == model.classes_[(probability[:, 1] > 0.5).astype(int)]).all()


def test_network_head__is_the_network_of_cross_fitted_training(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageClassifier(ROPImageTransformer(**QUICK), head="network", epochs=2)
    model.fit(X[:60], y[:60])
    part = np.r_[model.transformer_.part_, np.full(10, -1)].astype(np.int8)
    canvases = [deepnic.assemble(table) for table in pipelines(cohort, model.transformer_)]
    state = np.where(part < 0, -1, cohort.state.values)
    canvas = join_canvases(canvases, part, state)
    trained = train_cross_fitted(canvas, epochs=2, seed=model.transformer_.seed_)
    probability = model.predict_proba(X[60:])
    expected = trained.calibration.probability(trained.margin[60:])
    np.testing.assert_allclose(probability[:, 1], expected, rtol=1e-5)
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
                n_trees=2,
                weight_ranges=[3],
                tree_sizes=[2],
                subsample=0.5,
                k=16,
                parts=2,
                random_state=0,
            )
        )
    ],
    expected_failed_checks=lambda _: {
        "check_fit2d_1feature": "one gene makes no tree of two, which the error says in its words",
    },
)
def test_classifier__is_one_of_scikit_learns(estimator, check):
    check(estimator)
