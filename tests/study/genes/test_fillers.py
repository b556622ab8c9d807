"""Uninformative pixels: each law against the informative ones that they are made of."""

import numpy as np
import pytest

from deepnic.study.genes.fillers import FILLERS, dosed

GENES, PIXELS = 50, 6


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).random((GENES, PIXELS)).astype(np.float32)


def mix(*arguments, **more):
    return dosed(*arguments, **more)[0]


def columns_of(values, mixed):
    """Columns of a mixture that are informative pixels, in its order; and the others."""
    place = [np.flatnonzero((mixed == column[:, None]).all(axis=0)) for column in values.T]
    assert all(len(one) == 1 for one in place)
    found = np.concatenate(place)
    return found, np.delete(mixed, found, axis=1)


@pytest.mark.parametrize("filler", FILLERS)
def test_dosed__informative_pixels_keep_their_values_and_order(values, filler):
    mixed, source = dosed(values, 3, filler, seed=1)
    assert (np.bincount(source) == 4).all()
    if filler == "noise":
        np.testing.assert_array_equal(np.sort(mixed, 0), np.sort(values, 0)[:, source])
    assert mixed.shape == (GENES, 4 * PIXELS)
    found, _ = columns_of(values, mixed)
    assert (np.diff(found) > 0).all()
    assert found.tolist() != [*range(PIXELS)]
    assert (mix(values, 3, filler, seed=1) == mixed).all()
    assert (mix(values, 3, filler, seed=2) != mixed).any()
    assert (mix(values, 0, filler, seed=1) == values).all()


def test_dosed__noise_has_the_margins_and_says_nothing(values):
    _, others = columns_of(values, mix(values, 2, "noise", seed=0))
    margins = {tuple(column) for column in np.sort(values, axis=0).T}
    assert {tuple(column) for column in np.sort(others, axis=0).T} == margins
    rows = {frozenset(row) for row in values.tolist()}
    assert not any(frozenset(row) in rows for row in others.tolist())


def test_dosed__other_genes_stay_whole(values):
    _, others = columns_of(values, mix(values, 1, "other genes", seed=0))
    rows = [set(row) for row in values.tolist()]
    taken = [rows.index(set(row)) for row in others.tolist()]
    assert sorted(taken) == [*range(GENES)]
    assert taken != [*range(GENES)]


def test_dosed__constant_pixels_fill_up_to_a_size(values):
    mixed = mix(values, 1, "noise", seed=0, size=5 * PIXELS)
    assert mixed.shape == (GENES, 5 * PIXELS)
    assert (np.ptp(mixed, axis=0) == 0).sum() == 3 * PIXELS
    assert mix(values, 4, "noise", seed=0, size=5 * PIXELS).shape == mixed.shape
