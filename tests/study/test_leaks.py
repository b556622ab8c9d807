"""Nothing that predicts sees a test label.

Under permuted labels a pooled accuracy is binomial and a pooled AUROC is Mann-Whitney's U, both
about 0.5. The interval of chance leaves out, by chance alone, any arm in 1 study of 100
(Bonferroni over arms and both measures). The same interval is shown to catch what leaks.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, roc_auc_score

from deepnic.assembly import PATHS
from deepnic.cohort import hide_labels
from deepnic.errors import InputError
from deepnic.learn import BASELINES
from deepnic.study import StudySettings, fold, run_study
from tests.study.conftest import SMALL, TINY

ON_PIXELS = {"logistic regression on pixels", "DeepInsight placement"}
ARMS = {*PATHS, *BASELINES, "forest vote"} | ON_PIXELS


def above_and_below(predictions, alpha=0.01):
    """Arms above, and arms below, the interval of chance in accuracy or AUROC."""
    above, below = set(), set()
    groups = predictions.groupby("arm")
    confidence = 1 - alpha / (2 * groups.ngroups)
    for arm, group in groups:
        ones, n = int(group["state"].sum()), len(group)
        sd = np.sqrt((n + 1) / (12 * ones * (n - ones)))
        judged = [
            (accuracy_score(group["state"], group["predicted"]),
             np.array(stats.binom.interval(confidence, n, 0.5)) / n),
            (roc_auc_score(group["state"], group["score"]),
             stats.norm.interval(confidence, 0.5, sd)),
        ]  # fmt: skip
        if any(value > high for value, (_, high) in judged):
            above.add(arm)
        if any(value < low for value, (low, _) in judged):
            below.add(arm)
    return above, below


def predictions_of(cohort, output, **settings):
    run_study(cohort, output, StudySettings(**SMALL | settings))
    return pd.read_csv(output / "predictions.csv")


def test_run_study__every_arm_learns_what_there_is(folder):
    predictions = pd.read_csv(folder / "predictions.csv")
    assert set(predictions["arm"]) == ARMS
    assert above_and_below(predictions) == (ARMS - {"majority"}, set())


@pytest.mark.parametrize("seed", [0, 1])
def test_run_study__permuted_labels_come_out_at_chance(cohort, tmp_path, seed):
    predictions = predictions_of(cohort, tmp_path, permute=True, seed=seed)
    assert set(predictions["arm"]) == ARMS
    assert (predictions.groupby("arm").size() == 100).all()
    assert above_and_below(predictions) == (set(), set())


def test_run_study__chance_interval_catches_labels_in_the_expression(cohort, tmp_path, monkeypatch):
    """States are hidden, but the permuted labels lie in a gene: every arm finds them."""

    def leak(cohort, test):
        expression = cohort["expression"].copy()
        expression[:, :2] = cohort["state"].values[:, None] + 0.1 * expression[:, :2].values
        return hide_labels(cohort.assign(expression=expression), test)

    monkeypatch.setattr(fold, "hide_labels", leak)
    above, below = above_and_below(predictions_of(cohort, tmp_path, permute=True))
    assert above == ARMS - {"majority"}
    assert not below


def test_run_fold__chance_interval_catches_states_not_hidden(cohort, monkeypatch):
    """What is fitted on the test labels leaves the interval; out-of-bag votes know none anyway."""
    rng = np.random.default_rng(0)
    permuted = cohort.assign(state=("observation", rng.permutation(cohort["state"].values)))
    everyone = np.ones(100, bool)
    predict = fold.Fold.predict

    def predict_all(self, *outcome):
        seen, self.cohort = self.cohort, hide_labels(self.cohort, everyone)
        predict(self, *outcome)
        self.cohort = seen

    monkeypatch.setattr(fold, "hide_labels", lambda cohort, test: cohort)
    monkeypatch.setattr(fold.Fold, "predict", predict_all)
    leaking = fold.run_fold(permuted, everyone, StudySettings(**SMALL))
    above, below = above_and_below(pd.concat(leaking.predictions))
    assert above >= {*PATHS, "random forest", "gradient boosting", "3-NN"} | ON_PIXELS
    assert "forest vote" not in above
    assert not below


def test_run_fold__does_not_depend_on_test_labels(cohort):
    test = np.arange(100) % 3 == 0
    state = cohort["state"].values
    flipped = cohort.assign(state=("observation", np.where(test, 1 - state, state)))
    honest, other = (
        fold.run_fold(given, test, StudySettings(**SMALL | {"epochs": 2}))
        for given in (cohort, flipped)
    )
    mine, theirs = pd.concat(honest.predictions), pd.concat(other.predictions)
    assert set(mine["arm"]) == ARMS
    assert (mine["state"] == 1 - theirs["state"]).all()
    pd.testing.assert_frame_equal(
        mine.drop(columns="state"), theirs.drop(columns="state"), check_exact=True
    )
    assert honest.table.identical(other.table)
    assert honest.forest.identical(other.forest)


def test_run_study__in_bag_votes_cannot_be_asked_for(cohort, tmp_path):
    with pytest.raises(InputError, match="in-bag votes are the label itself"):
        run_study(cohort, tmp_path / "study", StudySettings(**TINY | {"subsample": 1}))
    assert not list(tmp_path.iterdir())
