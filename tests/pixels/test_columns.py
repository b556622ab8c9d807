"""The walks over a block of pixels, against each pixel alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import f_classif

from deepnic.pixels import columns_numba
from deepnic.pixels.columns_numba import analyse_variance, find_moments, identify
from tests.pixels.made import made_values

SEEDS = st.integers(0, 2**32 - 1)
KINDS = (np.int64, np.float64, np.float64, np.uint64, np.uint64)


def described(value, rows=None, resolution=0.01):
    """What the walks say of every column: defined, mean, variance, exact, near."""
    rows = np.arange(len(value)) if rows is None else rows
    found = [np.full(value.shape[1], 7, kind) for kind in KINDS]  # overwritten, whatever it held
    find_moments(value, rows, *found[:3])
    identify(value, rows, np.arange(value.shape[1]), np.float32(resolution), *found[3:])
    return found


def one_by_one(column):
    """Defined items, mean and variance, added in order in float64."""
    defined = [float(v) for v in column if not np.isnan(v)]
    n, mean, variance = max(len(defined), 1), 0.0, 0.0
    for v in defined:
        mean += v
    mean /= n
    for v in defined:
        variance += (v - mean) * (v - mean)  # a power is rounded otherwise
    return len(defined), mean, variance / n


def partition(labels):
    """Columns that are alike, as sets of positions."""
    groups = {}
    for j, label in enumerate(labels):
        groups.setdefault(label, []).append(j)
    return sorted(groups.values())


def values_of(column):
    """Hashable, the same for equal columns: undefined equals undefined, and -0 is 0."""
    return tuple(None if np.isnan(v) else float(v) + 0.0 for v in column)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, resolution=st.sampled_from([1e-9, 0.01, 0.4, 1.0]))
def test_columns__is_that_of_each_column(seed, resolution):
    value = made_values((15, 60), seed)
    random = np.random.default_rng(seed)
    value *= np.where(value == 0, random.choice([-1, 1], value.shape), 1).astype(np.float32)
    value[np.isnan(value) & (random.random(value.shape) < 0.5)] = -np.nan  # as 0 / 0 is
    rows = np.flatnonzero(random.random(15) < 0.8)
    *moments, exact, near = described(value, rows, resolution)
    expected = [one_by_one(column) for column in value[rows].T]
    for found, wanted in zip(moments, zip(*expected, strict=True), strict=True):
        np.testing.assert_array_equal(found, wanted)
    rounded = np.rint(value[rows] / np.float32(resolution))
    assert partition(exact) == partition(map(values_of, value[rows].T))
    assert partition(near) == partition(map(values_of, rounded.T))


@pytest.mark.parametrize("extra", [-1, 0, 1, 5])
def test_columns__strips_do_not_show(extra):
    """A column has the same bits alone and in any place of a block wider than a strip."""
    value = np.random.default_rng(0).normal(size=(9, 2 * columns_numba.STRIP + extra))
    value = value.astype(np.float32)
    value[np.random.default_rng(1).random(value.shape) < 0.2] = np.nan
    whole = described(value)
    for j in (0, columns_numba.STRIP - 1, columns_numba.STRIP, value.shape[1] - 1):
        alone = described(np.ascontiguousarray(value[:, [j]]))
        assert [one[0] for one in alone] == [one[j] for one in whole]


def test_columns__hash_of_few_levels_has_no_collisions():
    """Shares of few trees have floats whose low bits are all zero: the hardest to tell apart."""
    random = np.random.default_rng(0)
    value = (random.integers(-4, 5, (7, 300_000)) / 4).astype(np.float32)
    exact = described(value)[3]
    assert np.unique(exact).size == np.unique(value, axis=1).shape[1]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, far=st.sampled_from([0.0, 3.0, 1e6]), classes=st.integers(2, 4))
def test_analyse_variance__has_the_bits_of_scikit_learn(seed, far, classes):
    """Of some columns in any order, wider than a strip; the far ones once they are centred."""
    random = np.random.default_rng(seed)
    value = (far + made_values((23, 20, 29), seed).reshape(23, -1)).astype(np.float32)
    rows = np.sort(random.permutation(23)[: random.integers(2 * classes, 24)])
    label = np.resize(np.arange(classes), rows.size)
    random.shuffle(label)
    left = random.permutation(value.shape[1])
    fill = (far + random.random(left.size)).astype(np.float32)
    found = np.full(left.size, np.nan)
    analyse_variance(value, rows, label, left, fill, found)

    full = np.where(np.isnan(value[rows][:, left]), fill, value[rows][:, left]).astype(np.float64)
    mean = full.mean(axis=0)
    full -= np.where(full.var(axis=0) <= 1e-8 * mean**2, mean, 0)
    has_spread = [any(np.ptp(c[label == k]) for k in range(classes)) for c in full.T]
    with np.errstate(all="ignore"):
        F = f_classif(full[:, has_spread], label)[0]
    np.testing.assert_array_equal(found[has_spread], np.fmax(F, 0))
    assert (found[~np.array(has_spread)] == np.inf).all()
    assert far == 1e6 or any(has_spread)


def test_columns__left_are_those_alone():
    value = made_values((15, 60), 3)
    left = np.array([40, 2, 59])
    whole, found = described(value), np.empty((2, 3), np.uint64)
    identify(value, np.arange(15), left, np.float32(0.01), *found)
    np.testing.assert_array_equal(found, [whole[3][left], whole[4][left]])
