"""Nothing that predicts sees a test label.

Under permuted labels a pooled accuracy is nearly binomial and a pooled AUROC nearly Mann-Whitney's
U, both about 0.5: folds that share training observations make them vary somewhat more. The interval
of chance would else leave out any arm in 1 study of 100 (Bonferroni over arms and both measures);
seeds are fixed. The same interval, and the control that a study itself writes, are shown to catch
what leaks.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, roc_auc_score

from deepnic.analysis.control import permutation_control
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.store import open_forest
from deepnic.study import cohorts, fold, run_study
from deepnic.study.arms import arms_of
from deepnic.study.cohorts import permute
from deepnic.study.fold import lazy_forest
from deepnic.study.work import fit_predict
from tests.study.conftest import TINY, make_fold, make_settings

pytestmark = pytest.mark.slow

FEW = {"paths": ["snail", "pacman"], "strengths": ["none", 64], "unfiltered": 64, "fdr": 1}
ARMS = {arm.name: arm for arm in arms_of(make_settings(arms=FEW))}
OF_IMAGES = {name for name, arm in ARMS.items() if arm.kind not in ("expression", "map")}


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


def off_chance(predictions):
    """Arms that the study's own control finds."""
    control = permutation_control([predictions])
    assert {*control["arm"]} == {*predictions["arm"]}
    return {*control.loc[control["off_chance"], "arm"]}


def predictions_of(cohort, output, **changes):
    """All that is predicted of a cohort whose labels were permuted."""
    run_study(permute(cohort, [7]), output, make_settings(arms=FEW, **changes))
    return pd.read_csv(output / "predictions.csv")


def test_run_study__every_arm_learns_what_there_is(folder):
    predictions = pd.read_csv(folder / "predictions.csv").query("permutation < 0")
    arms = set(predictions["arm"])
    assert arms == set(ARMS)
    assert above_and_below(predictions) == (arms - {"majority"}, set())


def test_run_study__permuted_labels_come_out_at_chance(folder):
    predictions = pd.read_csv(folder / "predictions.csv").query("permutation == 0")
    assert set(predictions["arm"]) == set(ARMS)
    assert (predictions.groupby("arm").size() == 100).all()
    # below it is no leak: what a training fold has too much of, its test fold lacks
    assert above_and_below(predictions)[0] == set()
    assert not off_chance(predictions)
    assert not pd.read_csv(folder / "control.csv")["off_chance"].any()


def test_control__catches_labels_in_the_expression(cohort, tmp_path, monkeypatch):
    """States are hidden, but the permuted labels lie in two genes: every arm finds them."""

    def leak(cohort, test):
        expression = cohort["expression"].copy()
        expression[:, :2] = cohort["state"].values[:, None] + 0.1 * expression[:, :2].values
        return hide_labels(cohort.assign(expression=expression), test)

    monkeypatch.setattr(cohorts, "hide_labels", leak)
    predictions = predictions_of(cohort, tmp_path)
    found = set(ARMS) - {"majority"}
    assert above_and_below(predictions) == (found, set())
    assert off_chance(predictions) == found


def test_control__catches_in_bag_votes(cohort, tmp_path, monkeypatch):
    """Images of trees that saw the observation, of training and of test: the label is in them.

    A perfect tree knows the label of each observation it was grown on, and here that is its vote.
    """
    truth, few = permute(cohort, [7]), {"n_trees": 20, "n_genes": 0}
    leaky = lazy_forest(truth, make_settings(arms=FEW, forest=few)).compute()
    vote = leaky["vote"].where(leaky["vote"] != 0, 2 * truth["state"] - 1).astype(np.int8)

    def read_leaky(path):
        return leaky.assign(vote=vote, state=open_forest(path)["state"])

    monkeypatch.setattr(fold, "read_forest", read_leaky)
    predictions = predictions_of(cohort, tmp_path, forest=few)
    above, below = above_and_below(predictions)
    assert (above, below) == (OF_IMAGES, set())
    assert off_chance(predictions) == OF_IMAGES  # and no arm that had no part in it


def test_control__catches_pixels_chosen_with_test_labels(tmp_path, monkeypatch):
    """The best few of many, by the labels of who is then judged."""
    random = np.random.default_rng(0)
    values, labels = random.normal(size=(60, 100)), np.where(np.arange(60) % 2, "sick", "healthy")
    names = [f"g{k}" for k in range(100)], [f"p{k}" for k in range(60)]
    noise = make_cohort(values, labels, *names)
    truth = noise["state"]
    monkeypatch.setattr(fold, "without_part", lambda cohort, part, k: cohort.assign(state=truth))
    settings = make_settings(
        arms={"paths": ["snail"], "strengths": [8], "fdr": 1}, forest={"n_genes": 0, "n_trees": 12}
    )
    run_study(noise, tmp_path, settings)
    above, _ = above_and_below(pd.read_csv(tmp_path / "predictions.csv"))
    assert "logistic regression, 8 pixels" in above
    assert all("pixels" in name for name in above - {"forest vote"})


def test_fold__nothing_depends_on_test_labels(cohort, tmp_path):
    """Other labels of the test observations: trees, pixels and predictions to the last bit."""
    test = np.arange(100) % 3 == 0
    state = cohort["state"].values
    random = np.random.default_rng(0).integers(0, 2, 100)
    other = cohort.assign(state=("observation", np.where(test, random, state).astype(np.int8)))
    other = other.assign_coords(label=("observation", np.where(other["state"], "sick", "healthy")))
    assert 10 < int((other["state"] != state).sum()) < 24
    settings = make_settings(epochs=2, arms=FEW | {"one_forest": True})
    outcomes, files = [], []
    for name, given in {"true": cohort, "other": other}.items():
        made = make_fold(given, test, settings, tmp_path / name)
        outcomes.append({arm.name: fit_predict(arm, made, 0) for arm in arms_of(settings)})
        stored = [path for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        files.append(
            {path.relative_to(tmp_path / name): path.read_bytes()
             for path in stored if path.suffix != ".json" or ".zarr" in str(path)}
        )  # fmt: skip
    for arm, honest in outcomes[0].items():
        pd.testing.assert_frame_equal(honest.predictions, outcomes[1][arm].predictions,
                                      check_exact=True)  # fmt: skip
        assert honest.history == outcomes[1][arm].history
    assert files[0] == files[1]
    assert any("signature" in path.parts for path in files[0])


def test_run_study__in_bag_votes_cannot_be_asked_for(cohort, tmp_path):
    with pytest.raises(InputError, match="in-bag votes are the label itself"):
        run_study(cohort, tmp_path / "study", make_settings(TINY, forest={"subsample": 1}))
    assert not list(tmp_path.iterdir())
