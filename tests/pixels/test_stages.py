"""Data and relevance stages on arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import fdtrc
from scipy.stats import f, f_oneway, false_discovery_control

from deepnic.pixels import stages as screen_module
from deepnic.pixels.stages import (
    P_EDGES,
    REASONS,
    Limits,
    benjamini_hochberg,
    f_test,
    fill_undefined,
    merge,
    screen,
)
from tests.pixels import oracle
from tests.pixels.made import made_values

SEEDS = st.integers(0, 2**32 - 1)
Y = np.array([0, 1, 1, 0, 2, 1, 0, 0, 2, 1, 0, 1, -1, -1, -1])
TRAIN = Y >= 0


def screened(value, *, tile=None, y=Y, k=1000, **limits):
    """All columns of (item, pixel) as one block."""
    limits = {"max_undefined": 0.5, "min_sd": 0.01, "resolution": 0.01} | limits
    pixel = np.arange(value.shape[1])
    tile = np.zeros_like(pixel) if tile is None else tile
    return screen(value, pixel, tile, y, TRAIN, Limits(**limits, k=k))


def two_levels(low, high):
    """A column that tells the classes 0 and 1 of `Y` apart, and leaves 2 with the 1."""
    return np.where(Y == 0, np.float32(low), np.float32(high)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    max_undefined=st.sampled_from([0.0, 1 / 12, 0.25, 0.3, 0.5, 1.0]),
    min_sd=st.sampled_from([0.0, 0.01, 0.5]),
    resolution=st.sampled_from([0.0, 0.01, 0.4]),
)
def test_screen__data_stage_is_that_of_the_oracle(seed, max_undefined, min_sd, resolution):
    value = made_values((15, 20, 2), seed).reshape(15, -1)
    tile = np.tile([0, 1], 20)
    limits = {"max_undefined": max_undefined, "min_sd": min_sd, "resolution": resolution or 1e-9}
    reasons = oracle.data_stage(value[TRAIN], tile, **limits)
    found = screened(value, tile=tile, **limits | {"resolution": resolution})
    assert found.removed.tolist() == [reasons.count(reason) for reason in REASONS]
    kept = [j for j, reason in enumerate(reasons) if reason is None]
    assert found.p_counts.sum() == len(kept)
    distinct = oracle.best_distinct(value[TRAIN][:, kept], np.zeros(len(kept)))
    assert sorted(found.pixel.tolist()) == sorted(kept[j] for j in distinct)


def test_screen__reasons_in_order():
    """A pixel that could go for several reasons goes for the first."""
    first = np.float32([0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 9, 9, 9])
    rarely = np.where(np.arange(15) < 8, np.nan, first)
    columns = [
        first,
        np.where(np.arange(15) < 8, np.nan, np.float32(1)),  # undefined, and constant
        np.full(15, np.nan),
        rarely,
        np.full(15, 0.1),  # near-constant ...
        np.full(15, 0.1),  # ... and a duplicate
        np.where(first == 0, -0.0, first),  # duplicate: the sign of zero does not count
        first + 0.001,
        first + 0.001,  # duplicate of a near-duplicate
        first + 0.02,
    ]
    found = screened(np.stack(columns, 1).astype(np.float32))
    assert dict(zip(REASONS, found.removed.tolist(), strict=True)) == {
        "undefined": 3,
        "near-constant": 2,
        "duplicate": 2,
        "near-duplicate": 1,
    }
    assert sorted(found.pixel) == [0, 9]


@pytest.mark.parametrize("undefined", range(13))
@pytest.mark.parametrize("allowed", range(0, 13, 3))
def test_screen__share_of_undefined_items_is_exact(undefined, allowed):
    column = np.resize(np.float32([0, 1, 1]), 15)
    column[:undefined] = np.nan
    removed = screened(column[:, None], max_undefined=allowed / 12, min_sd=-1).removed
    assert removed[0] == (undefined > allowed or undefined == 12)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_screen__relevance_is_the_f_test(seed):
    random = np.random.default_rng(seed)
    value = random.normal(size=(15, 30)).astype(np.float32)
    value[random.random(value.shape) < 0.2] = np.nan
    found = screened(value)
    F, p = oracle.relevance(value[TRAIN][:, found.pixel], Y[TRAIN])
    np.testing.assert_array_equal(found.relevance, F)
    np.testing.assert_array_equal(found.p, p)
    full = oracle.filled(value[TRAIN][:, found.pixel]).astype(np.float64)
    independent = f_oneway(*(full[Y[TRAIN] == k] for k in range(3)))
    np.testing.assert_allclose(found.relevance, independent.statistic, rtol=1e-6)
    np.testing.assert_allclose(found.p, independent.pvalue, rtol=1e-6)
    assert (np.diff(found.relevance) <= 0).all()
    counts = [np.count_nonzero(value <= P_EDGES) - 1 for value in found.p]
    np.testing.assert_array_equal(found.p_counts, np.bincount(counts, minlength=P_EDGES.size))


@settings(max_examples=50, deadline=None)
@given(
    low=st.floats(-1, 0, width=32),
    high=st.floats(np.float32(0.1), 1, width=32),
    seed=SEEDS,
)
def test_screen__perfect_pixel_comes_first(low, high, seed):
    """However rounding falls: its F is infinite, never a negative number."""
    y = np.where(Y == 2, 1, Y)
    noise = np.random.default_rng(seed).normal(size=(15, 5)).astype(np.float32)
    value = np.hstack([noise, two_levels(low, high)[:, None]])
    found = screened(value, y=y)
    assert found.pixel[0] == 5
    assert (found.relevance[0], found.p[0]) == (np.inf, 0)


def test_screen__pixel_without_difference_comes_last():
    """Classes of equal means: F is 0 and p is 1, whatever the rounding."""
    y = np.resize([0, 1], 15)
    y[~TRAIN] = -1
    value = np.random.default_rng(0).normal(size=(15, 200)).astype(np.float32)
    value[1:12:2] = value[0:12:2]
    found = screened(value, y=y)
    assert found.relevance.min() >= 0
    assert found.relevance.max() < 1e-6
    assert found.p.min() > 0.99


def test_screen__without_classes_ranks_by_standard_deviation():
    value = np.random.default_rng(1).normal(size=(15, 6)).astype(np.float32)
    found = screened(value * np.arange(1, 7, dtype=np.float32), y=None)
    sd, _ = oracle.relevance(value[TRAIN] * np.arange(1, 7, dtype=np.float32), None)
    assert found.pixel.tolist() == np.argsort(-sd).tolist()
    np.testing.assert_array_equal(found.relevance, np.sort(sd)[::-1])
    assert set(found.p) == {1}


@pytest.mark.parametrize("y", [None, np.resize([0, 1, 2], 53)])
def test_screen__lone_pixel_has_the_same_bits(y):
    """NumPy adds up a lone column in another order, and 53 items are enough to see it."""
    value = np.random.default_rng(0).random((53, 40), np.float32)
    pixel, train, limits = np.arange(40), np.ones(53, bool), Limits(0.5, 0.01, 0.01, 40)
    whole = screen(value, pixel, pixel, y, train, limits)
    alone = merge(
        [screen(value[:, [j]], pixel[[j]], pixel[[j]], y, train, limits) for j in pixel], 40
    )
    for name in ("pixel", "relevance", "p"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name), name)


def test_screen__ties_go_to_the_lower_index():
    column = np.float32(np.random.default_rng(2).normal(size=15))
    value = np.stack([column, -column, column, column + 0], 1)
    value[~TRAIN, 1:] = 7  # equal on training items: repeated, whatever the others are
    tile = np.arange(4)
    whole = screened(value, tile=tile)
    assert whole.removed.sum() == 0
    assert whole.p_counts.sum() == 4
    assert whole.pixel.tolist() == [0, 1]
    assert screened(value, tile=tile, k=1).pixel.tolist() == [0]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 9), different=st.integers(1, 60))
def test_screen__looks_as_far_as_repetitions_reach(seed, k, different):
    """However often the best are repeated, in tiles of their own, the next ones are found."""
    random = np.random.default_rng(seed)
    few = random.normal(size=(15, different)).astype(np.float32)
    column = random.permutation(np.concatenate([np.arange(different), np.zeros(120, int)]))
    value = few[:, column]
    found = screened(value, tile=np.arange(column.size), k=k)
    best = oracle.best_distinct(value[TRAIN], oracle.relevance(value[TRAIN], Y[TRAIN])[0])
    assert found.pixel.tolist() == best[:k]


@pytest.mark.parametrize("y", [None, Y])
@pytest.mark.parametrize("at_once", [1, 30, 31, 100, 1000])
def test_screen__does_not_depend_on_what_is_tested_at_once(monkeypatch, y, at_once):
    value = made_values((15, 40), 7)
    whole = screened(value, y=y)
    monkeypatch.setattr(screen_module, "STRIP_VALUES", at_once)
    strips = screened(value, y=y)
    assert whole.pixel.size > 5
    for name in ("removed", "p_counts", "pixel", "relevance", "p", "identity", "value"):
        np.testing.assert_array_equal(getattr(strips, name), getattr(whole, name), name)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 12))
def test_screen__does_not_depend_on_the_order_of_its_pixels(seed, k):
    """Each pixel a tile of its own: of equal ones the lower index stays, wherever it stands."""
    value, pixel, limits = made_values((15, 40), seed), np.arange(40), Limits(0.5, 0.01, 0.01, k)
    shuffled = np.random.default_rng(seed).permutation(pixel)
    whole = screen(value, pixel, pixel, Y, TRAIN, limits)
    other = screen(value[:, shuffled], shuffled, shuffled, Y, TRAIN, limits)
    for name in ("removed", "p_counts", "pixel", "relevance", "p", "identity", "value"):
        np.testing.assert_array_equal(getattr(other, name), getattr(whole, name), name)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 12), cuts=st.sets(st.integers(1, 39), max_size=6))
def test_merge__any_split_in_any_order(seed, k, cuts):
    random = np.random.default_rng(seed)
    value = made_values((15, 40), seed)
    pixel, limits = np.arange(40), Limits(0.5, 0.01, 0.01, k)
    blocks = [
        screen(value[:, part], part, part, Y, TRAIN, limits)  # each pixel a tile of its own
        for part in np.split(pixel, sorted(cuts))
    ]
    while len(blocks) > 1:
        random.shuffle(blocks)
        blocks = [merge(blocks[:3], k), *blocks[3:]]
    whole = screen(value, pixel, pixel, Y, TRAIN, limits)
    for name in ("removed", "p_counts", "pixel", "relevance", "p", "identity", "value"):
        np.testing.assert_array_equal(getattr(blocks[0], name), getattr(whole, name), name)


P_VALUES = st.lists(
    st.one_of(st.floats(0, 1), st.floats(0, 0.01), st.floats(-30, 0).map(lambda x: 10**x)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(p=P_VALUES, level=st.floats(0.001, 1))
def test_benjamini_hochberg__never_looser_and_hardly_tighter(p, level):
    p = np.array(p)
    counts = np.bincount([np.count_nonzero(one <= P_EDGES) - 1 for one in p], minlength=4000)
    adjusted = false_discovery_control(p)
    passing = p <= benjamini_hochberg(counts, level)
    assert (adjusted[passing] <= level * (1 + 1e-12)).all()
    assert passing[adjusted <= level / 1.012].all()


@pytest.mark.parametrize("freedom", [(1, 1), (1, 20), (2, 9), (126, 1), (5, 60), (1, 100_000)])
def test_count_p__is_that_of_every_p_value(freedom):
    """Next to an edge, too, where the F of the edge is not known to the last bit."""
    random = np.random.default_rng(0)
    edges = f.isf(P_EDGES, *freedom)
    F = [random.random(3000) ** 4 * random.choice([1e-3, 1, 10, 1e3, 1e10], 3000), [0, np.inf]]
    for near in (0, 1e-16, 1e-12, 1e-9, 1e-5, 1e-4):
        F += [edges * (1 - near), edges * (1 + near)]
    F = random.permutation(np.concatenate(F))
    p = fdtrc(*freedom, F)
    expected = np.bincount(np.searchsorted(-P_EDGES, -p, side="right") - 1, minlength=4000)
    np.testing.assert_array_equal(screen_module._count_p(F, freedom), expected)


def test_benjamini_hochberg__bins_are_narrow():
    assert (P_EDGES[:-1] / P_EDGES[1:]).max() < 1.0116
    assert P_EDGES[0] == 1
    assert P_EDGES[-1] < 1.02e-20


def test_fill_undefined__mean_of_training_items():
    value = np.float32([[1, np.nan, 5], [2, np.nan, np.nan], [np.nan, 3, 9], [np.nan, 4, 100]])
    full = fill_undefined(value, np.array([True, True, True, False]))
    wanted = np.float32([[1, 3, 5], [2, 3, 7], [1.5, 3, 9], [1.5, 4, 100]])
    np.testing.assert_array_equal(full, wanted)
    assert full.dtype == np.float32


@pytest.mark.parametrize("offset", [0, 1e2, 1e6, 1e8])
def test_f_test__does_not_mind_how_far_from_nought_a_column_lies(offset):
    """A spread of 1e-8 of the mean, which sums of squares about 0 cannot see."""
    y, random = np.arange(20) % 2, np.random.default_rng(0)
    near = random.integers(-4, 5, size=(20, 6)) * max(1e-7 * offset, 1e-3)
    value = (offset + near).astype(np.float32)
    exact = value.astype(np.float64) - float(np.float32(offset))
    expected = [f_oneway(column[y == 0], column[y == 1]) for column in exact.T]
    F, p = f_test(value, y)
    np.testing.assert_allclose(F, [e.statistic for e in expected], rtol=1e-4)
    np.testing.assert_allclose(p, [e.pvalue for e in expected], rtol=1e-4)
