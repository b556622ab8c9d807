"""Parts of the training items, and one canvas of what several pipelines show."""

import numpy as np
import pytest
import xarray as xr

from deepnic.assembly import assemble, lay
from deepnic.assembly.canvas import Assembly
from deepnic.assembly.cross_fitted import (
    cut_parts,
    join_canvases,
    split_layout,
    stack_pixels,
    without_part,
)
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.variables import kind_of


def test_cut_parts__classes_in_proportion_and_the_hidden_in_none():
    state = np.array([0] * 20 + [1] * 10 + [-1] * 7)
    part = cut_parts(state, seed=3)
    assert (part[state < 0] == -1).all()
    for k in range(5):
        assert np.bincount(state[part == k], minlength=2).tolist() == [4, 2]
    assert (cut_parts(state, seed=3) == part).all()
    assert (cut_parts(state, seed=4) != part).any()


def test_cut_parts__groups_stay_together():
    state, group = np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    part = cut_parts(state, group)
    assert all(len(np.unique(part[group == one])) == 1 for one in range(10))
    assert {*part} == {*range(5)}


def test_cut_parts__as_many_as_the_rarer_class_allows():
    assert cut_parts([0] * 9 + [1] * 3).max() == 2
    assert cut_parts([0] * 9 + [1] * 9, np.repeat([0, 1, 2], [6, 6, 6])).max() == 1
    with pytest.raises(InputError, match="a class has 1 observation to train on"):
        cut_parts([0] * 9 + [1])
    with pytest.raises(InputError, match="a class has 1 group"):
        cut_parts([0] * 4 + [1] * 4, np.repeat([0, 1], 4))


def test_without_part__hides_the_part_and_what_was_hidden():
    cohort = make_cohort(np.eye(4), list("aabb"), list("wxyz"), list("1234"))
    part = np.int8([0, 1, 0, -1])
    left = without_part(hide_labels(cohort, part < 0), part, 0)
    assert left["state"].values.tolist() == [-1, 0, -1, -1]


def table_of(values, combination):
    table = xr.Dataset({"value": (("item", "pixel"), np.float32(values))})
    return table.assign_coords(
        item=[f"p{k}" for k in range(len(values))], combination=("pixel", combination)
    )


@pytest.fixture
def canvases():
    """Of 3 and of 5 pixels: 2 x 2 and 3 x 3 cells."""
    rng = np.random.default_rng(0)
    labels = [["A", "B", "D", "A and B", "C"][k] for k in range(5)]
    few, many = (table_of(rng.normal(size=(6, n)), labels[:n]) for n in (3, 5))
    return [assemble(few, path="linear"), assemble(many, path="snail")]


def test_join_canvases__training_items_once_others_by_every_pipeline(canvases):
    part, state = np.int8([1, 0, -1, 1, -1, 0]), np.int8([0, 1, -1, 1, -1, 0])
    joined = join_canvases(canvases, part, state)
    assert kind_of(joined) == "cross-fitted canvas"
    expected = [("p0", 1), ("p1", 0), ("p2", 0), ("p2", 1), ("p3", 1), ("p4", 0), ("p4", 1),
                ("p5", 0)]  # fmt: skip
    assert [*zip(joined["item"].values, joined["shown_by"].values, strict=True)] == expected
    assert joined["state"].values.tolist() == [0, 1, -1, -1, 1, -1, -1, 0]
    for image, (item, k) in zip(joined["image"].values, expected, strict=True):
        own = canvases[k]["image"].sel(item=item).values
        np.testing.assert_array_equal(image[: len(own), : len(own)], own)
        assert np.isnan(image[len(own) :]).all()
        assert np.isnan(image[:, len(own) :]).all()


def test_join_canvases__keeps_the_groups_of_items(canvases):
    part, state = np.int8([1, 0, -1, 1, -1, 0]), np.int8([0, 1, -1, 1, -1, 0])
    grouped = [one.assign_coords(group=("item", np.array([*"aabbcc"], object))) for one in canvases]
    joined = join_canvases(grouped, part, state)
    assert joined["group"].values.tolist() == [*"aabbbccc"]
    assert "group" not in join_canvases(canvases, part, state).coords


def test_split_layout__gives_each_pipelines_own_cells_and_pixels(canvases):
    nobody = np.full(6, -1, np.int8)
    layout = join_canvases(canvases, nobody, nobody).drop_dims("item")
    first, second = split_layout(layout)
    np.testing.assert_array_equal(second["index"], canvases[1]["index"])
    np.testing.assert_array_equal(first["index"].values[:2, :2], canvases[0]["index"])
    assert (first["index"].values[2] == -1).all()
    for one, canvas in zip((first, second), canvases, strict=True):
        assert one["combination"].values.tolist() == canvas["combination"].values.tolist()
        inside = one["index"].values >= 0
        assert (one["colour"].values >= 0).tolist() == inside.tolist()
    again = lay(
        table_of(np.arange(5)[None], canvases[1]["combination"].values),
        Assembly(second["index"].values, np.nan, "", "", "", 0),
    )
    np.testing.assert_array_equal(
        again["image"].values[0][inside], second["index"].values[inside].astype(np.float32)
    )


def test_stack_pixels__by_rank():
    tables = [table_of([[1, 2]], ["A", "B"]), table_of([[3]], ["A"])]
    np.testing.assert_array_equal(stack_pixels(tables), [[[1, 2]], [[3, np.nan]]])
