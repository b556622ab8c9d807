import numpy as np
import pytest
from sklearn.feature_selection import f_classif

from deepnic.cohort import hide_labels, make_cohort
from deepnic.study import StudySettings, fold
from deepnic.study.fold import N_BASELINES, preselect_genes, run_fold
from tests.study.conftest import TINY

TEST = np.arange(100) < 30


def test_preselect_genes__largest_f_of_known_observations_in_the_cohorts_order(cohort):
    hidden = hide_labels(cohort, TEST)
    score, _ = f_classif(cohort["expression"].values[~TEST], cohort["state"].values[~TEST])
    expected = cohort["gene"].values[np.sort(np.argsort(score)[-5:])]
    assert preselect_genes(hidden, 5)["gene"].values.tolist() == expected.tolist()


def test_preselect_genes__ignores_hidden_observations(cohort):
    changed = cohort.copy(deep=True)
    changed["expression"][TEST, 8:] += 100 * changed["state"][TEST]  # a giveaway, were it looked at
    chosen, other = (preselect_genes(hide_labels(c, TEST), 5) for c in (cohort, changed))
    assert chosen["gene"].values.tolist() == other["gene"].values.tolist()
    assert preselect_genes(changed, 5)["gene"].values.tolist() != chosen["gene"].values.tolist()


def test_preselect_genes__takes_constant_genes_last():
    """Constant everywhere; constant within the classes, that is perfect; and noise."""
    expression = np.array([[5, 0, 1], [5, 0, 2], [5, 1, 1], [5, 1, 2.5]])
    cohort = make_cohort(expression, list("0011"), ["flat", "perfect", "noise"], list("abcd"))
    assert preselect_genes(cohort, 1)["gene"].values.tolist() == ["perfect"]
    assert preselect_genes(cohort, 2)["gene"].values.tolist() == ["perfect", "noise"]


def test_preselect_genes__rounding_does_not_lose_a_perfect_gene():
    """Without spread in the classes scikit-learn's F can round to less than nothing."""
    y = np.repeat([0, 1], [16, 17])
    perfect = np.where(y, 0.95, -0.5).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=33)
    assert f_classif(perfect[:, None].astype(float), y)[0] < 0
    names = [f"o{k}" for k in range(33)]
    cohort = make_cohort(np.column_stack([noise, perfect]), y, ["noise", "perfect"], names)
    assert preselect_genes(cohort, 1)["gene"].values.tolist() == ["perfect"]


@pytest.mark.parametrize("n_genes", [None, 16, 99])
def test_preselect_genes__takes_all(cohort, n_genes):
    assert preselect_genes(cohort, n_genes).identical(cohort)


def test_run_fold__predicts_the_test_observations_of_every_arm_and_seed(cohort):
    settings = StudySettings(**TINY | {"seeds": 2})
    steps = []
    ran = run_fold(cohort, TEST, settings, lambda: steps.append(1))
    seeds = {}
    for part in ran.predictions:
        (arm,), (seed,) = part["arm"].unique(), part["seed"].unique()
        seeds.setdefault(arm, []).append(int(seed))
        assert part["item"].tolist() == cohort["observation"].values[TEST].tolist()
        assert part["state"].tolist() == cohort["state"].values[TEST].tolist()
        assert set(part["predicted"]) <= {0, 1}
    assert len(seeds) == 1 + N_BASELINES
    two = {"linear", "DeepInsight placement"}  # the networks
    assert seeds == {arm: [0, 1] if arm in two else [0] for arm in seeds}
    assert len(steps) == 2 + (N_BASELINES - 1) + 2 * 2
    assert ran.forest.sizes["gene"] == settings.n_genes
    assert ran.table.sizes["pixel"] <= settings.k
    assert set(ran.seconds) == {"forest", "pixels", "assembly", "network", "baselines"}


def test_calibrated_vote__cut_by_the_known_observations_alone(monkeypatch):
    """0.3 tells the known ones apart; were the hidden ones of state 1, 0.25 would do better."""
    vote = np.array([-0.5, 0.2, 0.3, 0.6, 0.25, 0.25, 0.25, 0.4])
    state = np.array([0, 0, 1, 1, -1, -1, -1, -1], np.int8)
    monkeypatch.setattr(fold, "forest_vote", lambda forest: vote)
    score, predicted = fold._calibrated_vote(None, state)
    assert score is vote
    assert predicted.tolist() == [0, 0, 1, 1, 0, 0, 0, 1]
