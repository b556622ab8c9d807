"""The control on permuted labels, against simulated learners that know nothing, and leaks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from deepnic.analysis.control import (
    CHANCE,
    POWER,
    Pool,
    image_units,
    least_found,
    permutation_control,
    pool,
)
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


def arms_with_a_leak(seed, n_permutations=10, sizes=(40, 60), area=0.55):
    """Two cohorts whose labels were permuted so often: five image arms that share a leak of so
    large an area, and the noise of half their scores; a baseline without.
    """
    parts = []
    rng = np.random.default_rng(seed)
    for cohort, n in enumerate(sizes):
        for permutation in range(n_permutations):
            state = rng.permutation(np.arange(n) % 2)
            shared = rng.normal(size=n)
            leak = np.sqrt(2) * stats.norm.ppf(area) * state
            scores = {f"arm {k}": leak + (shared + rng.normal(size=n)) / np.sqrt(2)
                      for k in range(5)} | {"svm": rng.normal(size=n)}  # fmt: skip
            scores = {arm: stats.norm.cdf(z)[None] for arm, z in scores.items()}
            table = study(scores, state, folds=2, cohort=f"c{cohort}", permutation=permutation)
            parts.append(table.assign(path=np.where(table["arm"] == "svm", "", table["arm"])))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("seed", range(3))
def test_pool__finds_a_small_leak_of_all_image_arms_that_none_of_them_shows(seed):
    table = arms_with_a_leak(seed)
    alone = permutation_control([part for _, part in table.groupby(["cohort", "permutation"])])
    assert not alone["off_chance"].any()
    found = pool(image_units(table))
    assert found.off_chance
    assert found.low > 0
    assert found.mean == pytest.approx(0.05, abs=0.03)
    assert (found.n_units, found.n_cohorts, found.n_permutations, found.few) == (20, 2, 10, False)


def test_image_units__are_means_of_areas_within_networks():
    table = arms_with_a_leak(0, n_permutations=2)
    table.loc[table["path"] == "", "path"] = np.nan  # as a file may have it
    units = image_units(table).set_index(["cohort", "permutation"])["excess"]
    assert list(units.index) == [("c0", 0), ("c0", 1), ("c1", 0), ("c1", 1)]
    for place, unit in table[table["arm"] != "svm"].groupby(["cohort", "permutation"]):
        areas = []
        for _, arm in unit.groupby("arm"):
            in_order = pairs = 0
            for _, network in arm.groupby("fold"):
                ones, zeros = (network.loc[network["state"] == k, "score"] for k in (1, 0))
                in_order += stats.mannwhitneyu(ones, zeros).statistic
                pairs += ones.size * zeros.size
            areas.append(in_order / pairs)
        assert units[place] == pytest.approx(np.mean(areas) - 0.5)


def test_image_units__of_no_image_arm_are_none():
    table = arms_with_a_leak(0, n_permutations=1).query("arm == 'svm'")
    assert image_units(table).empty
    assert pool(image_units(table)) is None
    assert pool(image_units(arms_with_a_leak(0, n_permutations=1, sizes=(40,)))) is None


def test_pool__alarms_at_its_rate_where_nothing_leaks():
    """Areas of Mann and Whitney, of cohorts of 22 to 102, each with ten permutations."""
    rng = np.random.default_rng(0)
    alarms = sum(pool(units_of_chance(rng)).off_chance for _ in range(400))
    assert stats.binom.ppf(0.005, 400, 0.05) <= alarms <= stats.binom.ppf(0.995, 400, 0.05)


def units_of_chance(rng, sizes=(22, 25, 62, 102), n_permutations=10, excess=0.0):
    """Units whose five arms rank the patients alike in part."""
    rows = []
    for cohort, n in enumerate(sizes):
        shared, own = rng.normal(size=n), rng.normal(size=(5, n))
        ranks = stats.rankdata(shared + own, axis=1)
        for permutation in range(n_permutations):
            of_ones = ranks[:, rng.permutation(n)[: n // 2]]
            areas = (of_ones.mean(axis=1) - (n // 2 + 1) / 2) / (n - n // 2)
            rows.append((cohort, permutation, areas.mean() - 0.5 + excess))
    return pd.DataFrame(rows, columns=["cohort", "permutation", "excess"])


def test_pool__finds_what_it_says_four_times_in_five():
    """At the excess that the long run of the same study says."""
    rng = np.random.default_rng(1)
    excess = np.mean([pool(units_of_chance(rng)).detectable for _ in range(100)])
    found = sum(pool(units_of_chance(rng, excess=excess)).off_chance for _ in range(400))
    assert stats.binom.ppf(0.005, 400, POWER) <= found <= stats.binom.ppf(0.995, 400, POWER)


@pytest.mark.parametrize("n", [2, 3, 14, 100])
def test_least_found__is_that_of_statsmodels(n):
    effect = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8, alternative="larger")
    assert least_found(n) == pytest.approx(effect * np.sqrt(n), rel=1e-5)


def test_pool__is_students_one_sided_test():
    values = [0.02, -0.01, 0.04, 0.03, np.nan]
    units = pd.DataFrame({"cohort": [*"aabba"], "permutation": [0, 1, 0, 1, 2], "excess": values})
    test = stats.ttest_1samp(values[:4], 0, alternative="greater")
    error = np.std(values[:4], ddof=1) / 2
    expected = Pool(
        mean=pytest.approx(0.02), low=pytest.approx(test.confidence_interval(0.95).low),
        p=pytest.approx(test.pvalue), detectable=pytest.approx(least_found(4) * error),
        n_units=4, n_cohorts=2, n_permutations=2,
    )  # fmt: skip
    assert pool(units) == expected
    assert pool(units).few
    assert not pool(units).off_chance
