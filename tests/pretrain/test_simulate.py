"""Simulated cohorts: covariance of the source, what is planted, and what is never read."""

import numpy as np
import pytest

from deepnic.cohort import make_cohort
from deepnic.pretrain.settings import PretrainSettings, Prior
from deepnic.pretrain.simulate import draw_cohort, simulate_cohort
from tests.pretrain.conftest import make_source

FILES = {"one": {"file": "one.csv"}}


def simulated(source, seed=0, shown=10, **prior):
    return simulate_cohort(source, Prior(**prior), shown, np.random.default_rng(seed))


@pytest.mark.parametrize("own", [0.3, 0.9])
def test_simulated__have_mean_and_covariance_of_their_source(own):
    source = make_source(0)
    many = {"observations": (20_000, 20_000), "null": 1.0, "own": (own, own), "grouped": 0.0}
    cohort, _ = simulated(source, **many)
    value, theirs = (one["expression"].values.astype(float) for one in (cohort, source))
    spread = theirs.std(axis=0)
    assert np.abs(value.mean(axis=0) - theirs.mean(axis=0)).max() < 0.05 * spread.max()
    wanted = np.cov(theirs, rowvar=False, bias=True)
    error = np.abs(np.cov(value, rowvar=False) - wanted) / np.outer(spread, spread)
    assert error.max() < 0.05


def test_simulated__reads_no_state():
    source = make_source(0, shift=3.0)
    other = source.assign(state=("observation", np.roll(source["state"].values, 1)))
    for seed in range(5):
        first, state = simulated(source, seed)
        again, same = simulated(other, seed)
        assert first.identical(again)
        np.testing.assert_array_equal(state, same)


def test_simulated__differ_by_what_is_planted_in_state_1_alone():
    """The same draw with and without an effect: only patients of state 1 move, in some genes."""
    source = make_source(0, genes=200)
    how = {"observations": (100, 100), "affected": (0.1, 0.1), "penetrance": (1.0, 1.0)}
    with_it, state = simulated(source, effect=(2.0, 2.0), null=0.0, together=0.0, **how)
    twice, _ = simulated(source, effect=(4.0, 4.0), null=0.0, together=0.0, **how)
    moved = twice["expression"].values - with_it["expression"].values
    assert (moved[state == 0] == 0).all()
    changed = np.abs(moved[state == 1]).max(axis=0) > 1e-3
    assert changed.sum() == 20
    spread = source["expression"].values.std(axis=0)
    sizes = (moved[state == 1].mean(axis=0) / spread)[changed]
    assert 1.2 < sizes.std() < 3.0  # 2 standard deviations, of a normal for each gene


def test_simulated__nothing_differs_in_a_null_one():
    how = {"observations": (4000, 4000), "null": 1.0, "grouped": 0.0}
    cohort, state = simulated(make_source(0, shift=3.0), **how)
    value = cohort["expression"].values
    difference = value[state == 1].mean(axis=0) - value[state == 0].mean(axis=0)
    assert np.abs(difference / value.std(axis=0)).max() < 0.2


def test_simulated__patients_are_on_one_side_and_both_have_both_states():
    source = make_source(0)
    for seed in range(40):
        cohort, state = simulated(source, seed, grouped=1.0)
        hidden = cohort["state"].values < 0
        assert hidden.sum() == 10
        assert not {*cohort["group"].values[hidden]} & {*cohort["group"].values[~hidden]}
        for side in (hidden, ~hidden):
            assert min(np.bincount(state[side], minlength=2)) >= 3
        np.testing.assert_array_equal(cohort["state"].values[~hidden], state[~hidden])


def test_drawn__is_the_source_itself_where_it_is_to_be():
    source = make_source(0)
    settings = PretrainSettings(real=1.0, shown=8, cohorts=FILES)
    cohort, state = draw_cohort(source, settings, np.random.default_rng(0))
    np.testing.assert_array_equal(cohort["expression"], source["expression"])
    np.testing.assert_array_equal(state, source["state"])
    assert (cohort["state"].values < 0).sum() == 8


def test_drawn__patients_of_a_source_stay_together():
    source = make_source(0)
    values, names = (
        source["expression"].values,
        (source["gene"].values, source["observation"].values),
    )
    grouped = make_cohort(values, source["state"].values, *names, group=np.arange(30) // 2)
    settings = PretrainSettings(real=1.0, shown=8, cohorts=FILES)
    cohort, _ = draw_cohort(grouped, settings, np.random.default_rng(0))
    hidden = cohort["state"].values < 0
    assert not {*cohort["group"].values[hidden]} & {*cohort["group"].values[~hidden]}
