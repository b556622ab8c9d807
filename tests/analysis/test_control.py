"""The control on permuted labels, against simulated learners that know nothing, and leaks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from deepnic.analysis.control import CHANCE, permutation_control
from tests.analysis.test_compare import of, study


def honest(n_arms, seed, repeats=2, n=60):
    """Arms whose scores are noise, alike over repeats, and the permuted labels."""
    rng = np.random.default_rng(seed)
    state = rng.permutation(np.arange(n) % 2)
    noise = rng.random((n_arms, 1, n)) + 0.3 * rng.random((n_arms, repeats, n))
    return {f"arm {k}": one / 1.3 for k, one in enumerate(noise)}, state


@pytest.mark.parametrize("seed", range(5))
def test_permutation_control__names_the_leak_among_forty_honest_arms(seed):
    scores, state = honest(40, seed)
    rng = np.random.default_rng(100 + seed)
    leak = 0.5 + 0.5 * (state - 0.5) + rng.normal(0, 0.2, (2, 60))
    table = permutation_control([study(scores | {"leak": leak}, state, repeats=2, seed=seed)])
    assert len(table) == 41 * len(CHANCE)
    assert table.loc[table["off_chance"], "arm"].tolist() == ["leak", "leak"]
    assert (table["mean"].between(table["low"], table["high"])).all()
    outside = (table["low"] > 0.5) | (table["high"] < 0.5)
    assert (outside == table["off_chance"]).all()


def test_permutation_control__more_studies_find_a_smaller_leak():
    studies = []
    for seed in range(8):
        scores, state = honest(10, seed)
        rng = np.random.default_rng(100 + seed)
        leak = 0.5 + 0.18 * (state - 0.5) + rng.normal(0, 0.2, (2, 60))
        studies.append(study(scores | {"leak": leak}, state, repeats=2, seed=seed))
    one, all_eight = permutation_control(studies[:1]), permutation_control(studies)
    assert not one["off_chance"].any()
    assert set(all_eight.loc[all_eight["off_chance"], "arm"]) == {"leak"}
    width = [(table["high"] - table["low"]).mean() for table in (one, all_eight)]
    assert width[0] / width[1] == pytest.approx(np.sqrt(8), rel=0.05)


def test_permutation_control__spread_is_that_of_mann_and_whitney():
    """One network that tests all: the corrected variance is twice that of U."""
    scores, state = honest(1, 0, repeats=1)
    table = permutation_control([study(scores, state).assign(fold=0)])
    half = (table["high"] - table["low"]) / 2 / stats.norm.isf(0.05 / 2 / 2)
    called = scores["arm 0"][0] > 0.5
    of_mean = called.var() * 60 / 59 / 30 * (1 - 30 / 60)  # 30 of 60, without replacement
    expected = np.sqrt([2 * of_mean, 2 * 61 / (12 * 30 * 30)])
    np.testing.assert_allclose(half, expected, rtol=0.05)


def test_permutation_control__constant_arms_are_at_chance():
    """Always one class: the accuracy is the majority's share, and no leak."""
    state = np.arange(60) % 3 // 2
    constant = {"majority": np.full((2, 60), 0.3), "minority": np.full((2, 60), 0.7)}
    table = permutation_control([study(constant, state, repeats=2)])
    assert (table["mean"] == 0.5).all()
    assert (table["p"] == 1).all()


def test_permutation_control__rounding_is_no_leak():
    """Three of five seeds answer one class and two the other: fifths do not add up to 1."""
    state = np.arange(72) % 3 // 2
    table = study({"constant": np.full((1, 72), 0.3)}, state)
    seeds = [table.assign(seed=seed, predicted=seed // 2 > 0) for seed in range(5)]
    control = permutation_control([pd.concat(seeds, ignore_index=True)])
    assert (control["mean"] != 0.5).any()
    assert not control["off_chance"].any()


def test_permutation_control__labels_the_wrong_way_round_are_off_chance_too():
    state = np.arange(60) % 2
    table = permutation_control([study({"wrong": 0.9 - 0.8 * state[None]}, state)])
    assert (table["mean"] == 0).all()
    assert table["off_chance"].all()


def test_permutation_control__spread_is_enough_for_real_learners():
    """Nearest centroids on one factor of expression: models that share their observations are
    wrong together. Without the correction the mean of z squared is 1.8.
    """
    z = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 1)) * rng.normal(size=20) + 0.3 * rng.normal(size=(60, 20))
        state = rng.permutation(np.arange(60) % 2)
        table = study({"centroids": np.zeros((1, 60))}, state, seed=seed)
        for _, rows in table.groupby("fold"):
            train = np.setdiff1d(np.arange(60), rows["item"])
            means = [X[train][state[train] == k].mean(axis=0) for k in (0, 1)]
            distance = [((X[rows["item"]] - mean) ** 2).sum(axis=1) for mean in means]
            table.loc[rows.index, "score"] = distance[0] / (distance[0] + distance[1])
        table["predicted"] = (table["score"] > 0.5) * 1
        found = of(permutation_control([table]), "balanced_accuracy")
        error = (found["high"] - found["low"]) / 2 / stats.norm.isf(0.05 / 2 / 2)
        z.append((found["mean"] - 0.5) / error)
    assert 0.5 < np.mean(np.square(z)) < stats.chi2.ppf(0.999, 100) / 100
