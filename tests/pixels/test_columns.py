"""The walk over a block of pixels, against each pixel alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.pixels import columns_numba
from deepnic.pixels.columns_numba import describe_columns
from tests.pixels.made import made_values

SEEDS = st.integers(0, 2**32 - 1)
KINDS = (np.int64, np.float64, np.float64, np.uint64, np.uint64)


def described(value, rows=None, resolution=0.01):
    """What the walk says of every column: defined, mean, variance, exact, near."""
    rows = np.arange(len(value)) if rows is None else rows
    found = [np.full(value.shape[1], 7, kind) for kind in KINDS]  # overwritten, whatever it held
    describe_columns(value, rows, np.float32(resolution), *found)
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
def test_describe_columns__is_that_of_each_column(seed, resolution):
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
def test_describe_columns__strips_do_not_show(extra):
    """A column has the same bits alone and in any place of a block wider than a strip."""
    value = np.random.default_rng(0).normal(size=(9, 2 * columns_numba.STRIP + extra))
    value = value.astype(np.float32)
    value[np.random.default_rng(1).random(value.shape) < 0.2] = np.nan
    whole = described(value)
    for j in (0, columns_numba.STRIP - 1, columns_numba.STRIP, value.shape[1] - 1):
        alone = described(np.ascontiguousarray(value[:, [j]]))
        assert [one[0] for one in alone] == [one[j] for one in whole]


def test_describe_columns__hash_of_few_levels_has_no_collisions():
    """Shares of few trees have floats whose low bits are all zero: the hardest to tell apart."""
    random = np.random.default_rng(0)
    value = (random.integers(-4, 5, (7, 300_000)) / 4).astype(np.float32)
    exact = described(value)[3]
    assert np.unique(exact).size == np.unique(value, axis=1).shape[1]
