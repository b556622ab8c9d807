"""DeepInsight's placement, step by step and as a whole."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from deepnic.assembly import deepinsight, fit_deepinsight
from deepnic.cohort import hide_labels, make_cohort
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


@pytest.fixture(scope="module")
def two_blocks():
    """60 observations x 40 genes: two blocks of genes that go together; the last 20 hidden."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(60, 2))
    values = np.repeat(hidden, 20, axis=1) + 0.05 * random.normal(size=(60, 40))
    labels = np.where(np.arange(60) % 2, "a", "b")
    cohort = make_cohort(values, labels, [f"g{k}" for k in range(40)], [f"p{k}" for k in range(60)])
    return hide_labels(cohort, np.arange(60) >= 40)


def test_draw_expression__scales_by_the_labelled_and_averages_what_falls_together(
    two_blocks, monkeypatch
):
    places = np.repeat([[0.0, 0.0], [6.0, 3.0]], 20, axis=0)  # two cells of 7 x 7
    monkeypatch.setattr(deepinsight, "_spread", lambda points, side, seed: places)
    canvas = deepinsight.draw_expression(two_blocks)
    values = two_blocks["expression"].values
    low, high = values[:40].min(axis=0), values[:40].max(axis=0)
    scaled = ((values - low) / (high - low)).clip(0, 1)
    image = canvas["image"].values
    assert image.shape == (60, 7, 7)
    np.testing.assert_allclose(image[:, 0, 0], scaled[:, :20].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(image[:, 6, 3], scaled[:, 20:].mean(axis=1), rtol=1e-5)
    assert np.isnan(image).sum() == 60 * 47
    assert canvas["index"].values.max() == 1


def test_draw_expression__genes_that_go_together_lie_together(two_blocks):
    image = deepinsight.draw_expression(two_blocks)["image"].values[:40]
    cells = np.argwhere(~np.isnan(image[0]))
    values = image[:, *cells.T]
    first = two_blocks["expression"].values[:40, :20].mean(axis=1)
    near_first = np.array([abs(np.corrcoef(one, first)[0, 1]) > 0.9 for one in values.T])
    a, b = cells[near_first], cells[~near_first]
    within = max(cdist(a, a).mean(), cdist(b, b).mean())
    assert cdist(a, b).mean() > 1.5 * within


def test_draw_expression__looks_at_no_label_and_at_no_value_to_predict(two_blocks):
    drawn = deepinsight.draw_expression(two_blocks)
    state = two_blocks["state"]
    turned = two_blocks.assign(state=state.where(state < 0, 1 - state))
    np.testing.assert_array_equal(
        deepinsight.draw_expression(turned)["image"].values, drawn["image"].values
    )
    other = two_blocks.copy(deep=True)
    other["expression"][40:] += 5
    moved = deepinsight.draw_expression(other)["image"].values
    np.testing.assert_array_equal(moved[:40], drawn["image"].values[:40])
    assert np.nanmin(moved[40:]) >= 0
    assert np.nanmax(moved[40:]) <= 1


def test_draw_expression__takes_the_genes_of_largest_variance(two_blocks, monkeypatch):
    monkeypatch.setattr(deepinsight, "MOST_GENES", 9)
    scaled = two_blocks.copy(deep=True)
    scaled["expression"][:, 9:] *= 0.01
    other = scaled.copy(deep=True)
    other["expression"][:, 9:] = np.random.default_rng(1).normal(size=(60, 31)) * 0.01
    first, second = (deepinsight.draw_expression(one)["image"].values for one in (scaled, other))
    assert first.shape == (60, 3, 3)
    np.testing.assert_array_equal(first, second)


def test_draw_expression__needs_four_genes_that_vary(two_blocks):
    few = two_blocks.copy(deep=True)
    few["expression"][:, 3:] = 1
    with pytest.raises(InputError, match="takes at least 4 genes that vary, not 3"):
        deepinsight.draw_expression(few)
