"""DeepInsight's placement, step by step and as a whole."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from deepnic.assembly import deepinsight, fit_deepinsight
from deepnic.errors import InputError


@pytest.mark.parametrize("degrees", [0, 20, 45, 77, 130, 359])
def test_turn_upright__recovers_a_turned_rectangle(degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = deepinsight._turn_upright(np.argwhere(np.ones((4, 7))) @ turn + [3, -8])
    assert sorted(np.ptp(upright, axis=0)) == pytest.approx([3, 6])


@pytest.mark.parametrize("seed", range(5))
def test_turn_upright__finds_the_least_area(seed):
    points = np.random.default_rng(seed).normal(size=(9, 2)) * [1, 3]
    angles = np.linspace(0, np.pi / 2, 2000)
    turned = (points @ [np.cos(angles), np.sin(angles)], points @ [-np.sin(angles), np.cos(angles)])
    areas = np.ptp(turned[0], axis=0) * np.ptp(turned[1], axis=0)
    upright = deepinsight._turn_upright(points)
    assert np.ptp(upright, axis=0).prod() == pytest.approx(areas.min(), rel=1e-2)
    np.testing.assert_allclose(cdist(upright, upright), cdist(points, points))


def test_settle__keeps_points_that_lie_on_cells():
    order = np.random.default_rng(0).permutation(16)
    points = np.stack(np.unravel_index(order, (4, 4)), axis=1).astype(float)
    assert deepinsight._settle(points, 4).ravel()[order].tolist() == list(range(16))


def test_settle__gives_the_second_comer_the_next_cell():
    points = np.array([[0.0, 0.1], [0.0, 0.2], [0.0, 0.3]])
    assert deepinsight._settle(points, 2).tolist() == [[0, 1], [2, -1]]


def test_fit_deepinsight__puts_similar_pixels_together(make_table):
    table = make_table(items=20, pixels=36)
    table["value"][:, ::2] += np.float32(3)
    cells = fit_deepinsight(table).cells
    distance = cdist(cells, cells)
    kind = np.arange(36) % 2
    alike = kind[:, None] == kind
    assert distance[alike].mean() < 0.75 * distance[~alike].mean()


def test_fit_deepinsight__repeats_with_its_seed(make_table):
    table = make_table(pixels=20)
    first = fit_deepinsight(table, seed=1).index
    np.testing.assert_array_equal(fit_deepinsight(table, seed=1).index, first)
    assert (fit_deepinsight(table, seed=2).index != first).any()


def test_fit_deepinsight__does_not_look_at_hidden_items(make_table):
    table = make_table(pixels=20)
    altered = table.copy(deep=True)
    altered["value"][table["state"].to_numpy() < 0] = np.nan
    np.testing.assert_array_equal(fit_deepinsight(altered).index, fit_deepinsight(table).index)


@pytest.mark.parametrize("pixels", [4, 5, 10, 31])
def test_fit_deepinsight__takes_few_pixels(make_table, pixels):
    assembly = fit_deepinsight(make_table(pixels=pixels))
    assert sorted(assembly.index[assembly.index >= 0]) == list(range(pixels))


def test_fit_deepinsight__takes_equal_pixels_and_one_item(make_table):
    table = make_table(items=1, pixels=12)
    table["value"][:] = 0.5
    assert (fit_deepinsight(table).index >= 0).sum() == 12


def test_fit_deepinsight__rejects_three_pixels(make_table):
    with pytest.raises(InputError, match="at least 4 pixels, not 3"):
        fit_deepinsight(make_table(pixels=3))
