"""Several images of a patient: what is the same, and what must not be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

import deepnic
from deepnic.study import run_study
from studies.experiments import augmentation, optimism
from tests.study.conftest import TINY, make_settings


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "out"
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    few = {"cohorts": {"demo": {"file": "wisconsin"}}, "forest": TINY["forest"] | {"n_trees": 8}}
    run_study({"demo": cohort}, folder, make_settings(TINY, **few))
    return folder


@pytest.fixture(scope="module")
def fold(study):
    return next(augmentation.folds(study))


def test_several__one_image_is_the_table_and_its_state_goes_along(fold):
    assert augmentation.several(fold.forest, fold.table, 1) is fold.table
    table = augmentation.several(fold.forest, fold.table, 2)
    assert table.sizes == {"item": 120, "pixel": fold.table.sizes["pixel"]}
    np.testing.assert_array_equal(table["state"], np.tile(fold.table["state"], 2))
    assert len(set(table["item"].values)) == 120


def test_several__images_are_of_other_votes(fold):
    """Without the votes of the draws of one, it is undefined and the other is as it was."""
    before = augmentation.several(fold.forest, fold.table, 2)["value"].values
    silent = fold.forest.copy(deep=True)
    silent["vote"][{"draw": slice(1, None, 2)}] = 0
    first, second = np.split(augmentation.several(silent, fold.table, 2)["value"].values, 2)
    np.testing.assert_array_equal(first, before[:60])
    assert np.isfinite(before[60:]).any()
    assert np.isnan(second).all()


def test_measure__of_one_image_is_what_the_study_found(study, monkeypatch):
    monkeypatch.setattr(augmentation, "PATH", "linear")
    monkeypatch.setattr(augmentation, "SEEDS", [0])
    table = augmentation.measure(study)
    assert table.index.tolist() == [("demo", 1), ("demo", 2), ("demo", 4)]
    told = pd.read_csv(study / "predictions.csv").query("path == 'linear' and permutation < 0")
    assert table.loc[("demo", 1), "balanced accuracy"] == balanced_accuracy_score(
        told["state"], told["predicted"]
    )
    assert table.loc[("demo", 1), "Brier"] == pytest.approx(
        ((told["state"] - told["score"]) ** 2).mean()
    )
    assert table.loc[("demo", 2), "Brier"] != table.loc[("demo", 1), "Brier"]


def test_optimism__is_the_votes_auroc_and_that_of_the_study(study):
    """The study tells the test one, fold by fold."""
    vote, pixel = optimism.measure(study).itertuples()
    assert vote[0] == ("demo", "vote", "f-test")
    told = pd.read_csv(study / "predictions.csv").query("kind == 'forest' and permutation < 0")
    folds = [roc_auc_score(part["state"], part["score"]) for _, part in told.groupby("fold")]
    assert vote[2] == pytest.approx(np.mean(folds))
    assert vote[1] != vote[2]
    assert pixel[0] == ("demo", "kept pixel", "f-test")
    assert min(pixel[1:]) > 0.8  # these classes are far apart


def test_optimism__auroc_of_columns_where_they_are_defined():
    state = np.array([0, 0, 1, 1])
    values = np.array([[1, 4, np.nan], [2, 3, 1], [3, 2, np.nan], [4, 1, np.nan]])
    np.testing.assert_array_equal(optimism.auroc(state, values), [1, 0, 0.5])
