"""Images of those who chose them, of those who did not, and of new patients."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from deepnic.cohort import make_cohort
from deepnic.study import run_study
from studies.experiments import optimism
from tests.study.conftest import TINY, make_settings


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Of 60 patients of noise, whose labels choose 16 of many pixels."""
    folder = tmp_path_factory.mktemp("study") / "out"
    values = np.random.default_rng(0).normal(size=(60, 60))
    labels = np.where(np.arange(60) % 2, "sick", "well")
    names = [f"g{k}" for k in range(60)], [f"p{k}" for k in range(60)]
    asked = {"cohorts": {"noise": {"file": "noise.csv"}}, "parts": 3}
    forest = {"n_trees": 8, "n_genes": 20}
    run_study({"noise": make_cohort(values, labels, *names)}, folder,
              make_settings(TINY, forest=forest, **asked))  # fmt: skip
    return folder


def test_measure__only_those_who_chose_look_better_than_new_patients(study):
    table = optimism.measure(study)
    assert table.index.tolist() == [("noise", "vote"), ("noise", "kept pixel")]
    vote, pixel = (row for _, row in table.iterrows())
    assert pixel["who chose"] > 0.75
    assert vote["who chose"] > 0.7
    for row in (vote, pixel):
        assert abs(row["as shown"] - row["test"]) < 0.15
        assert 0.35 < row["test"] < 0.65


def test_measure__of_the_vote_as_the_study_tells_it(study):
    """The study's score of a test patient is the mean over pipelines, put on a curve."""
    told = pd.read_csv(study / "predictions.csv").query("kind == 'forest'")
    folds = [roc_auc_score(part["state"], part["score"]) for _, part in told.groupby("fold")]
    assert abs(optimism.measure(study).loc[("noise", "vote"), "test"] - np.mean(folds)) < 0.15


def test_auroc__of_columns_where_they_are_defined():
    state = np.array([0, 0, 1, 1])
    values = np.array([[1, 4, np.nan], [2, 3, 1], [3, 2, np.nan], [4, 1, np.nan]])
    np.testing.assert_array_equal(optimism.auroc(state, values), [1, 0, np.nan])
