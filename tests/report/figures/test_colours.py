"""Colours against values written out by hand."""

import numpy as np
import pytest
import xarray as xr

from deepnic.errors import InputError
from deepnic.report import render, tile_sheet
from deepnic.report.figures.colours import BACKGROUND, COLOURS, UNDEFINED

FULL = {"grey": (255, 255, 255), "blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}


@pytest.mark.parametrize("colour", COLOURS)
def test_render__gives_the_full_channel_at_1_and_black_at_0(colour):
    rgb = render([[0, 1, np.nan]], colour)
    assert rgb.dtype == np.uint8
    assert rgb.tolist() == [[[0, 0, 0], list(FULL[colour]), list(UNDEFINED)]]


def test_render__signed_diverges_from_white():
    rgb = render([-1, 0, 1, np.nan], "signed")
    assert rgb.tolist() == [[33, 102, 172], [255, 255, 255], [178, 24, 43], list(UNDEFINED)]


def test_render__keeps_the_scale_of_a_pale_image():
    assert render([0.0, 0.1], "red")[:, 0].tolist() == [0, 26]  # 25.5, to even


@pytest.mark.parametrize("colour", [*COLOURS, "signed"])
def test_render__gives_undefined_a_colour_of_its_own(colour):
    values = np.linspace(-1 if colour == "signed" else 0, 1, 10_001)
    assert not (render(values, colour) == UNDEFINED).all(axis=-1).any()


def test_render__takes_a_code_for_each_pixel():
    rgb = render(np.array([[1, 0.5, np.nan, np.nan]]), np.array([[1, 0, 3, -1]], np.int8))
    assert rgb.tolist() == [[[0, 0, 255], [128, 128, 128], list(UNDEFINED), list(BACKGROUND)]]


@pytest.mark.parametrize(
    ("image", "colour"),
    [([1.1], "red"), ([-0.1], "red"), ([-1.1], "signed"), ([0], "purple"), ([0], [4])],
)
def test_render__rejects_what_has_no_colour(image, colour):
    with pytest.raises(InputError, match=r"choose|images go|codes go"):
        render(image, colour)


def test_tile_sheet__puts_large_trees_on_top_and_starts_a_new_row_after_ten():
    value = np.zeros((11, 6, 3))
    value[10] = np.arange(18).reshape(6, 3) / 17  # tree sizes 3..8, weight ranges 3..5
    tiles = xr.DataArray(
        value,
        dims=("combination", "tree_size", "weight_range"),
        coords={
            "tree_size": range(3, 9),
            "weight_range": [3, 4, 5],
            "colour": ("combination", ["blue"] * 10 + ["green"]),
        },
    )
    sheet = tile_sheet(tiles)
    assert sheet.shape == (16, 40, 3)
    assert (sheet[8:10] == 255).all()
    assert sheet[10, :3, 1].tolist() == [225, 240, 255]  # 15, 16, 17 of 17: tree size 8
    assert sheet[15, :3, 1].tolist() == [0, 15, 30]
    assert np.array_equal(tile_sheet(tiles.isel(tree_size=slice(None, None, -1)).T), sheet)
