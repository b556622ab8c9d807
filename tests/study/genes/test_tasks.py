"""Questions asked of genes, against tests of SciPy gene by gene; none sees the first half."""

import numpy as np
import pytest
from scipy import stats

from deepnic.cohort import make_cohort
from deepnic.study.genes.fold import permute
from deepnic.study.genes.tasks import FDR, TASKS, halve

N, G = 60, 50


def made(values, state):
    genes, observations = [f"g{k}" for k in range(G)], [f"o{k}" for k in range(N)]
    return make_cohort(values, state.astype(str), genes, observations)


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(2)
    state = rng.permutation(np.arange(N) % 2)
    values = rng.normal(size=(N, G)) + np.linspace(-2, 2, G) * state[:, None]
    values[:, 7] = 1
    return made(values, state)


@pytest.fixture(scope="module")
def other():
    return np.arange(N) % 3 == 0


def welch_of(cohort, half):
    x, state = cohort.expression.values[half].astype(float), cohort.state.values[half]
    keep = np.delete(np.arange(G), 7)
    return stats.ttest_ind(x[state == 1][:, keep], x[state == 0][:, keep], equal_var=False), keep


def test_tasks__truths_are_those_of_the_other_half(cohort, other):
    halves = halve(cohort, other)
    (t, p), keep = welch_of(cohort, other)
    truth = {name: task.of(halves) for name, task in TASKS.items()}
    assert all(np.isnan(one[7]) for one in truth.values())
    passing = stats.false_discovery_control(p) <= FDR
    assert 0 < passing.sum() < len(keep)
    assert (truth["replication"][keep] == passing).all()
    assert stats.spearmanr(truth["strength"][keep], np.abs(t)).statistic == pytest.approx(1)
    assert truth["strength"][keep].mean() == pytest.approx(0.5)
    assert (truth["direction"][keep] == (t > 0)).all()


def test_tasks__the_first_half_is_not_read_but_for_constant_genes(cohort, other):
    values = cohort.expression.values.copy()
    values[~other] = np.random.default_rng(5).normal(size=(np.sum(~other), G))
    values[~other, 7] = 1
    changed = made(values, cohort.state.values)
    for task in TASKS.values():
        before, after = (task.of(halve(one, other)) for one in (cohort, changed))
        np.testing.assert_array_equal(before, after)
    values[~other, 9] = 4
    assert np.isnan(TASKS["strength"].of(halve(made(values, cohort.state.values), other))[9])


def test_permute__the_other_half_alone_and_all_its_states(cohort, other):
    drawn = [permute(cohort, other, seed) for seed in range(20)]
    strength = TASKS["strength"].of(halve(cohort, other))
    asked = ~np.isnan(strength)
    r = []
    for one in drawn:
        assert (one["state"].values[~other] == cohort["state"].values[~other]).all()
        assert one["state"].values[other].sum() == cohort["state"].values[other].sum()
        assert (one["label"].values == one["state"].values.astype(str)).all()
        truth = TASKS["permuted"].of(halve(one, other))
        r.append(stats.spearmanr(strength[asked], truth[asked]).statistic)
    assert abs(np.mean(r)) < 0.15
    assert len({tuple(one["state"].values) for one in drawn}) > 15
    again = permute(cohort, other, 3)
    assert (again["state"].values == drawn[3]["state"].values).all()
