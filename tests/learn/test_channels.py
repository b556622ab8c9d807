"""Canvases made where the network runs: the same bits as the images made beforehand."""

import numpy as np
import pytest
import torch
import xarray as xr

from deepnic.assembly import assemble, assemble_counts, visit
from deepnic.errors import InputError
from deepnic.learn.channels import CanvasImages, CountImages, canvas_arrays, make_images
from deepnic.nic import count_signatures, family, observation_images, rop_images
from deepnic.nic.families import COLOURS
from deepnic.pixels import filter_pixels


def channels_by_hand(value, colour):
    """One channel a colour family, then the mask, cell by cell."""
    out = np.zeros((len(value), 5, *value.shape[1:]), np.float32)
    for item, row, column in np.ndindex(value.shape):
        pixel = value[item, row, column]
        if not np.isnan(pixel):
            out[item, colour[row, column], row, column] = pixel
            out[item, 4, row, column] = 1
    return out


@pytest.mark.parametrize("name", ["distinct", "base"])
@pytest.mark.parametrize("path", ["linear", "snail", "pacman"])
def test_count_images__have_the_bits_of_rop_images(forest, name, path):
    canvas = assemble_counts(count_signatures(forest), family=name, path=path, order="relevance")
    made = make_images(canvas_arrays(canvas))(torch.arange(5)).numpy()

    images = rop_images(forest, family=name)["image"].values[:5]
    flat = images.reshape(5, -1)
    side = int(np.ceil(np.sqrt(flat.shape[1])))
    value = np.full((5, side, side), np.nan, np.float32)
    colour = np.full((side, side), -1)
    codes = np.repeat([COLOURS.index(c) for c in family(name).colour], images[0, 0].size)
    for pixel, (row, column) in enumerate(visit(path, side, side)[: flat.shape[1]]):
        value[:, row, column] = flat[:, pixel]
        colour[row, column] = codes[pixel]
    np.testing.assert_array_equal(made, channels_by_hand(value, colour))
    assert np.isnan(value).any()
    assert (made[:, :4] > 0).any(axis=(0, 2, 3)).all() == (name == "distinct")  # base has no red


def test_count_images__of_all_combinations(forest):
    canvas = assemble_counts(count_signatures(forest), family="all")
    assert canvas["index"].shape == (486, 486)  # 59,049 x 4 conditions
    made = make_images(canvas_arrays(canvas))(torch.tensor([3]))[0]
    value = rop_images(forest, family="all")["image"].values[3].ravel()
    shown = made[:4].sum(dim=0).numpy().ravel()[: value.size]
    np.testing.assert_array_equal(shown, np.nan_to_num(value))
    np.testing.assert_array_equal(made[4].numpy().ravel()[: value.size], ~np.isnan(value))


def test_assemble_counts__eighteen_conditions_fill_the_canvases_of_the_method():
    count = np.zeros((1, 6, 3, 37), np.uint16)
    counts = xr.Dataset(
        {"count": (("gene", "tree_size", "weight_range", "signature"), count)},
        coords={"gene": ["g"], "tree_size": range(3, 9), "weight_range": [3, 4, 5]},
    )
    assert assemble_counts(counts)["index"].shape == (96, 96)
    assert assemble_counts(counts, unit="tile")["index"].shape == (96, 96)
    assert assemble_counts(counts, unit="condition")["index"].shape == (6 * 23, 3 * 23)
    canvas = assemble_counts(counts, family="all")
    assert canvas["index"].shape == (1031, 1031)
    assert int(canvas["index"].max()) + 1 == 59_049 * 18
    assert not make_images(canvas_arrays(canvas))(torch.tensor([0])).any()  # no tree, no pixel


def test_assemble_counts__tiles_stay_together(forest):
    counts = count_signatures(
        forest.isel(tree_size=[0]).assign_coords(tree_size=[8])
    )  # the top row of a tile
    canvas = assemble_counts(counts, family="base", unit="tile")
    index = canvas["index"].values
    for tile in range(30):
        (row,), (left,) = np.nonzero(index == 2 * tile)
        assert (row % 6, left % 3) == (0, 0)
        assert index[row, left + 2] == 2 * tile + 1  # weight range 5, beside the empty 4


def test_assemble_counts__similarity_looks_at_training_genes_only(forest):
    counts = count_signatures(forest).compute()
    state = np.resize(np.int8([0, 1, -1]), counts.sizes["gene"])
    counts = counts.assign_coords(state=("gene", state))
    other = counts.copy(deep=True)
    other["count"][state < 0] = other["count"].values[state < 0][::-1, :, :, ::-1]
    first, again = (assemble_counts(c, family="base", path="pacman") for c in (counts, other))
    np.testing.assert_array_equal(first["index"], again["index"])
    assert first.attrs["order"] == "similarity"
    shown = counts.copy(deep=True)
    shown["count"][state >= 0] = shown["count"].values[state >= 0][::-1, :, :, ::-1]
    assert not np.array_equal(
        first["index"], assemble_counts(shown, family="base", path="pacman")["index"]
    )


def test_assemble_counts__refuses_to_compare_a_million_pixels(forest):
    with pytest.raises(InputError, match=r"compares each of 236,196 pixels.*order=\"relevance\""):
        assemble_counts(count_signatures(forest), family="all", path="pacman")


def test_canvas_images__have_a_channel_for_each_colour_and_the_mask(forest):
    table = filter_pixels(observation_images(forest), k=100, fdr=None)
    canvas = assemble(table, path="snail")
    made = make_images(canvas_arrays(canvas))(torch.arange(60)).numpy()
    colour = np.full((10, 10), -1)
    for pixel, label in enumerate(table["combination"].values):
        members = family("all")
        colour[canvas["index"].values == pixel] = COLOURS.index(
            members.colour[members.label.index(label)]
        )
    np.testing.assert_array_equal(made, channels_by_hand(canvas["image"].values, colour))


def test_canvas_images__without_colours_are_one_channel_and_the_mask():
    images = CanvasImages(torch.tensor([[[0.5, torch.nan]], [[-1.0, 0.0]]]))
    assert images.channels == 2
    assert images(torch.tensor([1, 0])).tolist() == [[[[-1, 0]], [[1, 1]]], [[[0.5, 0]], [[1, 0]]]]


def test_count_images__stay_exact_under_autocast(forest):
    images = make_images(canvas_arrays(assemble_counts(count_signatures(forest))))
    assert isinstance(images, CountImages)
    plain = images(torch.arange(30))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(images(torch.arange(30)), plain, rtol=0, atol=0)


def test_canvas_arrays__keep_counts_above_a_byte(forest):
    counts = count_signatures(forest).compute()
    many = counts.assign(count=counts["count"] * np.uint16(1000))
    small, large = (
        make_images(canvas_arrays(assemble_counts(c, family="base"))) for c in (counts, many)
    )
    assert small.count.dtype == torch.uint8
    torch.testing.assert_close(small(torch.arange(9)), large(torch.arange(9)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_count_images__have_the_same_bits_on_a_gpu(forest):
    images = make_images(canvas_arrays(assemble_counts(count_signatures(forest))))
    plain = images(torch.arange(30))
    made = images.to("cuda")(torch.arange(30, device="cuda"))
    assert torch.equal(made.cpu(), plain)
