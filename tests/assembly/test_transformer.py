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
    X, y = cohort.expression.values, cohort.label.values
    undefined = clone(fitted).set_params(fill=np.nan)
    np.testing.assert_array_equal(undefined.fit_transform(X[:60], y[:60]), images[:60])
    np.testing.assert_array_equal(undefined.transform(X[60:]), images[60:])
    assert np.isnan(images).any()
    np.testing.assert_array_equal(fitted.transform(X[60:]), np.nan_to_num(images[60:]))


def test_transform__does_not_depend_on_the_other_new_rows(cohort, fitted):
    X = cohort.expression.values[60:]
    together = fitted.transform(X)
    alone = np.concatenate([fitted.transform(X[k : k + 1]) for k in range(3)])
    np.testing.assert_array_equal(alone, together[:3])


def test_fit_transform__alone_shows_rows_out_of_bag(cohort):
    """Trees that know a label show it; a new patient's values may be those of a training one."""
    X, y = cohort.expression.values[:60], cohort.label.values[:60]
    model = ROPImageTransformer(**QUICK, flatten=True)
    out_of_bag = model.fit_transform(X, y)
    np.testing.assert_array_equal(out_of_bag, np.nan_to_num(model.table_["value"].values))
    as_new = model.transform(X)
    twin = model.transform(X[7:8])
    np.testing.assert_array_equal(twin[0], as_new[7])
    assert not np.array_equal(as_new, out_of_bag)
    # of two rows with the same values one trains and one is new: neither is taken for the other
    again = ROPImageTransformer(**QUICK, flatten=True).fit(X, y)
    np.testing.assert_array_equal(again.transform(X[7:8]), twin)


def test_flatten__columns_are_named_by_gene_combination_and_condition(cohort):
    X, y = cohort.expression.to_pandas(), cohort.label.values
    model = ROPImageTransformer(**QUICK, flatten=True).set_output(transform="pandas")
    columns = model.fit_transform(X[:60], y[:60])
    names = model.get_feature_names_out()
    assert list(columns.columns) == list(names)
    assert list(columns.index) == list(X.index[:60])
    pixel = model.table_.isel(pixel=3)
    assert names[3] == (
        f"{pixel.gene.item()}|{pixel.combination.item()}|V{pixel.tree_size.item()}"
        f"|R{pixel.weight_range.item()}"
    )
    assert pixel.gene.item() in X.columns
    assert len({*names}) == 25
    np.testing.assert_array_equal(model.transform(X[60:]), model.set_output(
        transform="default").transform(X[60:]))  # fmt: skip
    unnamed = clone(model).fit(X.values[:60], y[:60])
    assert unnamed.get_feature_names_out(X.columns).tolist() == names.tolist()
    assert unnamed.get_feature_names_out()[0].startswith("x")


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


OUT_OF_BAG = "training rows are shown out of bag by fit_transform alone, as by TargetEncoder"
ONE_GENE = "one gene makes no tree of two, which the error says in its words"
SMALL = {"n_trees": 2, "weight_ranges": [3], "tree_sizes": [2], "subsample": 0.5, "k": 16}


@parametrize_with_checks(
    [ROPImageTransformer(**SMALL), ROPImageTransformer(**SMALL, flatten=True)],
    expected_failed_checks=lambda _: {
        "check_fit2d_1feature": ONE_GENE,
        "check_transformer_general": OUT_OF_BAG,
        "check_transformer_data_not_an_array": OUT_OF_BAG,
    },
)
def test_transformer__is_one_of_scikit_learns(estimator, check):
    check(estimator)
