"""What growing will take, against what it took."""

import dask
import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.rop import grow_forest, kernels
from deepnic.store import write_forest
from deepnic.store.estimate import OVERHEAD_SECONDS, Estimate, estimate_growth, smaller_bags

PARAMETERS = {"n_trees": 6, "tree_sizes": [3, 5], "weight_ranges": [3, 5], "subsample": 0.7}


@pytest.fixture(scope="module")
def cohort():
    random = np.random.default_rng(3)
    expression = random.normal(size=(40, 600)) + (np.arange(40) % 2)[:, None]
    label = [str(k % 2) for k in range(40)]
    genes, observations = [f"g{k}" for k in range(600)], [f"o{k}" for k in range(40)]
    return make_cohort(expression, label, genes, observations)


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_estimate_growth__takes_the_disk_that_it_says(cohort, tmp_path, design):
    parameters = PARAMETERS | {"n_trees": 60, "weight_ranges": [3], "design": design}
    job = estimate_growth(cohort, **parameters)
    write_forest(grow_forest(cohort, **parameters), tmp_path / "f.zarr")
    places = list(tmp_path.rglob("*"))
    kibibytes = [4 if p.is_dir() else 4 * -(-p.stat().st_size // 4096) for p in places]
    size = 1024 * sum(kibibytes)  # on a disk with blocks of 4 KiB
    assert size / 1.5 < job.disk_bytes < 1.5 * size
    assert 5e7 < job.memory(1) <= job.memory(64) < 64e9


@pytest.mark.parametrize(
    ("design", "subsample"), [("balanced", 0.7), ("stratified", 0.7), ("balanced", 1)]
)
def test_estimate_growth__takes_the_time_of_its_trees(cohort, monkeypatch, design, subsample):
    """By a clock that grown trees move: a millisecond for each gene in a tree."""
    now, grow = 0.0, kernels.grow_trees

    def grow_and_tick(expression, state, members, *given):
        nonlocal now
        now += 1e-3 * members.size
        return grow(expression, state, members, *given)

    monkeypatch.setattr(kernels, "grow_trees", grow_and_tick)
    monkeypatch.setattr("deepnic.store.estimate.thread_time", lambda: now)
    parameters = PARAMETERS | {"design": design, "subsample": subsample}
    with dask.config.set(scheduler="sync"):
        job = estimate_growth(cohort, **parameters)
        blocks = grow_forest(cohort, **parameters)["vote"].data.npartitions
        grown, now = now, 0.0
        grow_forest(cohort, **parameters)["vote"].compute()
        grown_in_all = now
        many = estimate_growth(cohort, **parameters | {"n_trees": 6000})
    assert grown > 0
    assert job.core_seconds == pytest.approx(grown_in_all + OVERHEAD_SECONDS * blocks)
    assert many.core_seconds > 1000 * grown_in_all
    assert job.seconds(4) == job.core_seconds / 4
    assert job.core_seconds == sum(job.by_condition.values())
    for (V, R), seconds in job.by_condition.items():
        now = 0.0
        one = grow_forest(cohort, **parameters | {"tree_sizes": [V], "weight_ranges": [R]})
        with dask.config.set(scheduler="sync"):
            one["vote"].compute()
        assert seconds == pytest.approx(now + OVERHEAD_SECONDS * blocks / 4)


def test_estimate_growth__counts_up_from_fewer_observations(monkeypatch):
    """By a clock that trees move with the square of their observations: 0.9 s for all 300."""
    now, grow = 0.0, kernels.grow_trees

    def grow_and_tick(expression, state, members, *given):
        nonlocal now
        now += 1e-5 * len(members) * expression.shape[1] ** 2
        return grow(expression, state, members, *given)

    monkeypatch.setattr(kernels, "grow_trees", grow_and_tick)
    monkeypatch.setattr("deepnic.store.estimate.thread_time", lambda: now)
    expression = np.random.default_rng(3).normal(size=(300, 40))
    names = [f"g{k}" for k in range(40)], [f"o{k}" for k in range(300)]
    cohort = make_cohort(expression, ["0", "1"] * 150, *names)
    with dask.config.set(scheduler="sync"):
        job = estimate_growth(cohort, n_trees=5, tree_sizes=[4], weight_ranges=[3])
    assert job.counted_up == 1
    trees = 5 * 10
    assert job.core_seconds == pytest.approx(0.9 * trees, rel=0.01)
    assert now < 0.9 * 20  # of three samples, the first to compile


def test_estimate_growth__takes_more_disk_for_more_trees(cohort):
    few = estimate_growth(cohort, **PARAMETERS)
    many = estimate_growth(cohort, **PARAMETERS | {"n_trees": 6000})
    assert many.disk_bytes > 20 * few.disk_bytes


def test_estimate_growth__refuses_what_growing_refuses(cohort):
    with pytest.raises(InputError, match=r"n_trees must lie in 1\.\.65,535"):
        estimate_growth(cohort, n_trees=0)


@pytest.mark.parametrize(
    ("asked", "saved"),
    [
        ({}, {"--tree-sizes 3,8": 12 / 14, "--subsample 0.5": 1 - 20 / 28, "--n-trees 3": 0.5}),
        ({"n_trees": 1, "subsample": 0.5}, {"--tree-sizes 3,8": 12 / 14}),
        ({"n_trees": 1, "max_bag": 10}, {"--tree-sizes 3,8": 12 / 14}),
        ({"n_trees": 7, "subsample": 1, "tree_sizes": 5},
         {"--subsample 0.5": 0.5, "--n-trees 3": 4 / 7}),
    ],
)  # fmt: skip
def test_estimate_growth__tells_what_smaller_jobs_save(cohort, monkeypatch, asked, saved):
    """By a clock that moves with the observations in bag, and fast in trees of five genes."""
    now, grow = 0.0, kernels.grow_trees

    def grow_and_tick(expression, state, members, in_bag, *given):
        nonlocal now
        now += members.size * {3: 1.0, 5: 12.0, 8: 1.0}[members.shape[1]] * in_bag[0].sum()
        return grow(expression, state, members, in_bag, *given)

    monkeypatch.setattr(kernels, "grow_trees", grow_and_tick)
    monkeypatch.setattr("deepnic.store.estimate.thread_time", lambda: now)
    parameters = PARAMETERS | {"tree_sizes": [3, 5, 8], "weight_ranges": [3]} | asked
    with dask.config.set(scheduler="sync"):
        job = estimate_growth(cohort, **parameters)
    assert list(job.savings) == list(saved)
    for words, share in saved.items():
        assert job.savings[words] == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("n", "given", "asked"),
    [
        (300, {"subsample": 0.8}, ["--subsample 0.5", "--max-bag 50"]),  # of 120 a class
        (100, {"subsample": 0.8}, ["--subsample 0.5"]),  # of 40 a class
        (300, {"subsample": 0.8, "max_bag": 80}, ["--subsample 0.5", "--max-bag 50"]),  # 75 and 50
        (3000, {"subsample": 0.8, "max_bag": 120}, ["--max-bag 50"]),
        (3000, {"subsample": 0.8, "max_bag": 50}, []),
    ],
)
def testsmaller_bags__are_those_smaller_than_the_given(n, given, asked):
    state = np.resize(np.array([0, 1], np.int8), n)
    assert list(smaller_bags(state, given)) == asked


def test_of_all__adds_up_jobs_of_the_same_conditions():
    jobs = [
        Estimate({(3, 3): 10.0, (4, 3): 30.0}, 5, 2, 100, 1, {"--a": 0.5, "--b": 0.1}),
        Estimate({(3, 3): 20.0, (4, 3): 60.0}, 7, 1, 50, 2, {"--a": 0.2}),
    ]
    job = Estimate.of_all(jobs)
    assert (job.core_seconds, job.process_bytes, job.thread_bytes) == (120, 7, 2)
    assert (job.by_condition, job.disk_bytes) == ({(3, 3): 30, (4, 3): 90}, 150)
    assert (job.counted_up, job.savings) == (2, {"--a": pytest.approx((20 + 16) / 120)})
    assert Estimate.of_all(jobs[1:]) == jobs[1]


def test_estimate_growth__takes_groups_however_few_a_sample_has(cohort):
    """Of 200 observations 64 are tried first, none of those whose patient is another."""
    names = [f"{k}{one}" for k in "abcde" for one in cohort.observation.values]
    many = xr.concat([cohort] * 5, "observation").assign_coords(observation=names)
    patient = many["label"].values.astype(object)
    patient[[2, 3]] = "c", "d"
    job = estimate_growth(many.assign_coords(group=("observation", patient)), **PARAMETERS)
    assert job.core_seconds > 0
