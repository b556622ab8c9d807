"""The transformer does what the functions it is made of do, and keeps labels out of sight."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import deepnic
from deepnic import ROPImageTransformer
from deepnic.pixels import select_pixels

QUICK = {"n_trees": 6, "weight_ranges": [3, 5], "tree_sizes": [3], "subsample": 0.5, "k": 25,
         "parts": 3}  # fmt: skip


@pytest.fixture(scope="module")
def cohort():
    return deepnic.demo_cohort().isel(observation=slice(0, 70), gene=slice(0, 12))


@pytest.fixture(scope="module")
def fitted(cohort):
    X, y = cohort.expression.values, cohort.label.values
    return ROPImageTransformer(**QUICK).fit(X[:60], y[:60])


def by_functions(cohort, part, k):
    """Canvas of all by the pipeline that sees the labels of the other parts of the first 60."""
    hidden = deepnic.hide_labels(cohort, np.r_[part == k, np.full(10, True)])
    forest = deepnic.grow_forest(
        hidden, n_trees=6, weight_ranges=[3, 5], tree_sizes=[3], subsample=0.5
    )
    table = deepnic.filter_pixels(deepnic.observation_images(forest), k=25)
    return deepnic.assemble(table)["image"].values


def test_transform__rows_equal_the_functions(cohort, fitted):
    """Training rows by the pipeline without their part, new ones in the mean over all."""
    X, y = cohort.expression.values, cohort.label.values
    undefined = clone(fitted).set_params(fill=np.nan)
    training = undefined.fit_transform(X[:60], y[:60])
    part = undefined.part_
    assert {*part} == {0, 1, 2}
    images = np.stack([by_functions(cohort, part, k) for k in range(3)])
    np.testing.assert_array_equal(training, images[part, np.arange(60)])
    np.testing.assert_array_equal(undefined.transform(X[60:]), images[:, 60:].mean(axis=0))
    assert np.isnan(images).any()
    np.testing.assert_array_equal(
        fitted.transform(X[60:]), np.nan_to_num(images[:, 60:]).mean(axis=0)
    )


def test_transform__does_not_depend_on_the_other_new_rows(cohort, fitted):
    X = cohort.expression.values[60:]
    together = fitted.transform(X)
    alone = np.concatenate([fitted.transform(X[k : k + 1]) for k in range(3)])
    np.testing.assert_array_equal(alone, together[:3])


def test_fit_transform__alone_shows_rows_without_their_labels(cohort):
    """Trees that know a label show it; a new patient's values may be those of a training one."""
    X, y = cohort.expression.values[:60], cohort.label.values[:60]
    model = ROPImageTransformer(**QUICK, flatten=True)
    training = model.fit_transform(X, y)
    as_new, twin = model.transform(X), model.transform(X[7:8])
    np.testing.assert_array_equal(twin[0], as_new[7])
    assert not np.array_equal(as_new, training)
    changed = np.where(np.arange(60) == 7, "malignant" if y[7] == "benign" else "benign", y)
    own = model.part_[7]
    other = clone(model).set_params(random_state=0).fit(X, y)
    other.y_ = (changed == "malignant").astype(np.int8)
    images = other._images(own, X[:0])
    np.testing.assert_array_equal(
        select_pixels(images, model.tables_[own])["value"].values[7],
        model.tables_[own]["value"].values[7],
    )


def test_groups__stay_in_a_part_and_in_a_bag(cohort):
    X, y, groups = cohort.expression.values, cohort.label.values, np.arange(70) // 2
    model = ROPImageTransformer(**QUICK, fill=np.nan)
    training, part = model.fit_transform(X[:60], y[:60], groups[:60]), model.part_
    assert (part[::2] == part[1::2]).all()
    paired = cohort.assign_coords(group=("observation", groups.astype(object)))
    images = np.stack([by_functions(paired, part, k) for k in range(3)])
    np.testing.assert_array_equal(training, images[part, np.arange(60)])


def test_flatten__columns_are_named_by_rank(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageTransformer(**QUICK, flatten=True).set_output(transform="pandas")
    columns = model.fit_transform(X[:60], y[:60])
    assert list(columns.columns) == [f"pixel {k}" for k in range(25)]
    assert list(columns.index) == list(X.index[:60])
    first = [table["value"].values[:60, 0] for table in model.tables_]
    own = np.choose(model.part_, first)
    np.testing.assert_array_equal(columns["pixel 0"], np.nan_to_num(own))


def test_canvases__have_no_columns(fitted):
    with pytest.raises(AttributeError, match="get_feature_names_out"):
        fitted.get_feature_names_out()
    assert not hasattr(fitted, "set_output")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": "worm"}, "unknown path 'worm'"),
        ({"unit": "cell"}, "unknown unit 'cell'"),
        ({"unit": "tile", "tree_sizes": [9]}, "a tile holds tree sizes 3 to 8"),
        ({"k": 0}, "k is 0; keep"),
        ({"k": 2.5}, "k is 2.5; keep"),
        ({"fdr": 0}, "fdr is 0; it lies above 0"),
        ({"fdr": "none"}, "fdr is 'none'; it lies"),
        ({"fill": None}, "fill None; give"),
        ({"flatten": "yes"}, "flatten is 'yes'"),
        ({"random_state": -1}, "random_state is -1"),
        ({"subsample": 1}, "subsample below 1"),
        ({"n_trees": 0}, "n_trees must lie"),
        ({"weight_ranges": [1]}, "weight_ranges must lie"),
    ],
)
def test_fit__refuses_parameters_before_a_tree_is_grown(cohort, monkeypatch, wrong, words):
    def grown(*_, **__):
        raise AssertionError("something was computed")

    monkeypatch.setattr("deepnic.pixels.blocks.compute", grown)
    with pytest.raises(deepnic.InputError, match=words):
        ROPImageTransformer(**QUICK | wrong).fit(cohort.expression.values, cohort.label.values)


def test_fit__rejects_three_classes():
    with pytest.raises(deepnic.InputError, match="3 classes"):
        ROPImageTransformer().fit(np.zeros((6, 9)), [0, 1, 2, 0, 1, 2])


def test_transformer__works_in_a_pipeline(cohort):
    model = make_pipeline(ROPImageTransformer(**QUICK, flatten=True), LogisticRegression())
    scores = cross_val_score(clone(model), cohort.expression.values, cohort.label.values, cv=3)
    assert scores.mean() > 0.7


def test_transformer__draws_a_forest_from_its_random_state(cohort):
    X, y = cohort.expression.values[:40], cohort.label.values[:40]

    def seed(state):
        return ROPImageTransformer(**QUICK, random_state=state).fit(X, y).seed_

    assert seed(7) == 7
    assert seed(np.random.RandomState(3)) == np.random.RandomState(3).randint(2**31)
    assert seed(None) != seed(None)


CROSS_FITTED = "training rows are cross-fitted by fit_transform alone, as by TargetEncoder"
ONE_GENE = "one gene makes no tree of two, which the error says in its words"
SMALL = {"n_trees": 2, "weight_ranges": [3], "tree_sizes": [2], "subsample": 0.5, "k": 16,
         "parts": 2}  # fmt: skip


@parametrize_with_checks(
    [ROPImageTransformer(**SMALL), ROPImageTransformer(**SMALL, flatten=True)],
    expected_failed_checks=lambda _: {
        "check_fit2d_1feature": ONE_GENE,
        "check_transformer_general": CROSS_FITTED,
        "check_transformer_data_not_an_array": CROSS_FITTED,
    },
)
def test_transformer__is_one_of_scikit_learns(estimator, check):
    check(estimator)
