"""Classifiers that a user brings along, on the same folds by the same rule."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from deepnic.errors import InputError
from deepnic.learn import calibrate
from deepnic.study import run_study
from deepnic.study.arms import arms_of
from deepnic.study.work import fit_predict
from tests.study.conftest import TINY, make_fold, make_settings

OWN = """
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB as bayes

def majority():
    return bayes()

def broken():
    return 1 / 0

def needy(width):
    return bayes()

line = LinearRegression
"""


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """A module in the current folder."""
    (tmp_path / "own_models.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "own_models"
    sys.modules.pop("own_models", None)


def test_own_classifier__is_an_arm_on_expression(own_models, cohort, tmp_path):
    settings = make_settings(TINY, arms={"classifiers": ["own_models:bayes"]})
    (arm,) = (one for one in arms_of(settings) if one.name == "bayes")
    assert (arm.kind, arm.role, arm.family, arm.draws) == ("expression", "baseline", "bayes", False)
    test = np.arange(100) % 4 == 3
    fold = make_fold(cohort, test, settings, tmp_path / "fold")
    X, y, part = cohort["expression"].values.astype(float), fold.state, fold.part
    share = np.empty(100)
    for k in (0, 1, -1):
        fitted = GaussianNB().fit(X[(part >= 0) & (part != k)], y[(part >= 0) & (part != k)])
        n = ((part >= 0) & (part != k)).sum()
        share[part == k] = (n * fitted.predict_proba(X[part == k])[:, 1] + 1) / (n + 2)
    margin = np.log(share / (1 - share))
    rule = calibrate(margin[~test], y[~test], "")
    told = fit_predict(arm, fold, 0).predictions
    np.testing.assert_allclose(told["score"], rule.probability(margin)[test])
    np.testing.assert_array_equal(told["predicted"], rule.predicted(margin)[test])


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["own_models:absent"], "the classifier own_models:absent cannot be imported"),
        (["no_such_models:f"], "No module named 'no_such_models'"),
        (["own_models:broken"], "own_models:broken cannot be made .ZeroDivisionError"),
        (["own_models:needy"], "is called without an argument"),
        (["own_models:line"], "returns a LinearRegression; return a classifier like"),
        (["own_models:majority"], "two classifiers would be called 'majority'"),
        (["own_models:bayes", "own_models:bayes"], "two classifiers would be called 'bayes'"),
    ],
)
def test_own_classifier__is_refused_before_the_study_starts(own_models, cohort, names, sentence):
    settings = make_settings(TINY, arms={"classifiers": names})
    with pytest.raises(InputError, match=sentence):
        run_study(cohort, "new", settings)
    assert not Path("new").exists()


def test_own_network__is_refused_before_the_study_starts(own_models, cohort):
    settings = make_settings(TINY, arms={"networks": ["residual", "own_models:absent"]})
    with pytest.raises(InputError, match="the network own_models:absent cannot be imported"):
        run_study(cohort, "new", settings)
    assert not Path("new").exists()
