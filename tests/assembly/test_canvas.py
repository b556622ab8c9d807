"""The canvas: pixels and tiles laid, applied and looked up."""

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from deepnic.assembly import ORDERS, PATHS, Assembly, assemble, fit_assembly, visit
from deepnic.assembly.canvas import square_side
from deepnic.errors import InputError


def make_tiles(tiles):
    """Table with one pixel per (gene, combination, tree size, weight range), best first."""
    gene, combination, tree_size, weight_range = zip(*tiles, strict=True)
    return xr.Dataset(
        {"value": (("item", "pixel"), np.zeros((2, len(tiles)), dtype=np.float32))},
        coords={
            "gene": ("pixel", list(gene)),
            "combination": ("pixel", list(combination)),
            "tree_size": ("pixel", np.array(tree_size, dtype=np.int8)),
            "weight_range": ("pixel", np.array(weight_range, dtype=np.int8)),
            "state": ("item", np.int8([0, 1])),
        },
    )


@pytest.mark.parametrize(("pixels", "side"), [(1, 1), (2, 2), (4, 2), (5, 3), (1024, 32)])
def test_fit_assembly__takes_the_smallest_square(make_table, pixels, side):
    assert fit_assembly(make_table(pixels=pixels)).index.shape == (side, side)


def test_fit_assembly__puts_any_order_on_a_path(make_table):
    index = fit_assembly(make_table(pixels=5), path="earthworm", order=[4, 2, 0, 1, 3]).index
    assert index.tolist() == [[4, 2, 0], [-1, 3, 1], [-1, -1, -1]]
    assert index.dtype == np.int32


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path", PATHS)
def test_fit_assembly__combines_any_path_and_order(make_table, path, order):
    assembly = fit_assembly(make_table(pixels=11), path=path, order=order)
    assert sorted(assembly.index[assembly.index >= 0]) == list(range(11))


def test_fit_assembly__orders_pacman_by_similarity_and_others_by_relevance(make_table):
    orders = {path: fit_assembly(make_table(), path=path).order for path in PATHS}
    assert orders.pop("pacman") == "similarity"
    assert set(orders.values()) == {"relevance"}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path", PATHS)
def test_fit_assembly__does_not_look_at_hidden_items(make_table, path, order):
    table = make_table(pixels=20)
    altered = table.copy(deep=True)
    hidden = table["state"].to_numpy() < 0
    altered["value"][hidden] = 7 - altered["value"][hidden].to_numpy()[::-1] ** 3
    altered["value"][np.flatnonzero(hidden)[0], ::2] = np.nan
    before = fit_assembly(table, path=path, order=order).index
    np.testing.assert_array_equal(fit_assembly(altered, path=path, order=order).index, before)


@given(pixels=st.integers(1, 40), path=st.sampled_from(list(PATHS)), seed=st.integers(0, 99))
def test_cells__invert_the_index(pixels, path, seed):
    table = xr.Dataset({"value": (("item", "pixel"), np.zeros((1, pixels)))})
    assembly = fit_assembly(table, path=path, order="random", seed=seed)
    row, column = assembly.cells.T
    assert assembly.index[row, column].tolist() == list(range(pixels))


def test_apply__agrees_with_a_loop(make_table):
    table = make_table(items=3, pixels=7)
    assembly = fit_assembly(table, path="snail", order="random", background=-5.0)
    canvas = assembly.apply(table["value"].to_numpy())
    for item, row, column in np.ndindex(3, 3, 3):
        pixel = assembly.index[row, column]
        expected = -5.0 if pixel < 0 else table["value"].to_numpy()[item, pixel]
        assert canvas[item, row, column] == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_apply__gives_equal_bits_in_numpy_and_torch(make_table, shape, dtype):
    assembly = fit_assembly(make_table(pixels=10), path="hilbert", order="random")
    values = np.random.default_rng(0).normal(size=(*shape, 10)).astype(dtype)
    values[..., 3] = np.nan
    canvas = assembly.apply(values)
    tensor = assembly.apply(torch.from_numpy(values))
    assert canvas.shape == (*shape, 4, 4)
    assert tensor.numpy().tobytes() == canvas.tobytes()
    assert tensor.dtype is getattr(torch, dtype)


def test_apply__leaves_the_values_alone():
    values = np.array([1.0, 2.0])
    canvas = Assembly(np.array([[0, 1], [-1, -1]]), 0.0, "linear", "relevance", "pixel", 0).apply(
        values
    )
    canvas[:] = 9
    assert values.tolist() == [1, 2]


def test_apply__rejects_another_number_of_pixels(make_table):
    with pytest.raises(InputError, match="8 pixels and the assembly 9"):
        fit_assembly(make_table(pixels=9)).apply(np.zeros((2, 8)))


CONDITIONS = [(V, R) for V in range(8, 2, -1) for R in range(3, 6)]  # as one reads a ROP-image


def test_tile__lies_like_a_rop_image():
    """Two tiles on the smallest square with two places: 6 x 6; one lacks its first five pixels."""
    full, lacking = np.arange(18).reshape(6, 3), np.arange(18, 36).reshape(6, 3)
    table = make_tiles([(gene, "1", *condition) for gene in "ab" for condition in CONDITIONS])
    index = fit_assembly(table, unit="tile").index
    assert index.tolist() == np.hstack([full, lacking]).tolist()
    less = fit_assembly(table.drop_isel(pixel=range(18, 23)), unit="tile").index
    lacking = np.where(lacking < 23, -1, lacking - 5)
    assert less.tolist() == np.hstack([full, lacking]).tolist()


def test_tile__of_genes_is_of_one_combination():
    """Where the items are genes a pixel is of none: its place is as if all were of one."""
    table = make_tiles([("a", "1", 8, 3), ("a", "2", 8, 3), ("a", "1", 7, 4), ("a", "3", 8, 4)])
    of_genes = fit_assembly(table.drop_vars("gene"), unit="tile").index
    assert of_genes.tolist() == [[0, 2, -1], [1, -1, -1], [3, -1, -1]]
    assert of_genes.tolist() == fit_assembly(table, unit="tile").index.tolist()


def test_tile__takes_no_more_than_the_fullest_holds():
    """Boxes of 1 x 3 for 3 pixels and 2, each read from its largest tree on."""
    table = make_tiles(
        [
            ("b", "1", 8, 3),
            ("a", "1", 7, 4),
            ("b", "1", 3, 5),
            ("a", "1", 8, 5),
            ("b", "1", 5, 4),
        ]
    )
    assert fit_assembly(table, unit="tile").index.tolist() == [
        [0, 4, 2],
        [3, 1, -1],
        [-1, -1, -1],
    ]


def test_tile__is_ordered_by_its_first_pixel_in_the_order():
    table = make_tiles([("a", "1", 8, 3), ("b", "1", 8, 3), ("a", "2", 8, 3), ("a", "1", 8, 4)])
    index = fit_assembly(table, unit="tile", order=[2, 3, 1, 0], path="linear").index
    assert index.tolist() == [[2, -1, -1], [0, 3, -1], [1, -1, -1]]


@pytest.mark.parametrize(
    ("tiles", "side"), [(1, 6), (2, 6), (3, 9), (4, 12), (8, 12), (9, 15), (10, 15), (11, 18)]
)
def test_tile__takes_the_smallest_square_of_whole_tiles(tiles, side):
    first = make_tiles([("g0", "1", *condition) for condition in CONDITIONS])
    others = make_tiles([(f"g{tile}", "1", 8, 3) for tile in range(tiles)])
    table = xr.concat([first, others.isel(pixel=slice(1, None))], "pixel")
    assert fit_assembly(table, unit="tile").index.shape == (side, side)
    assert fit_assembly(others, unit="tile").index.shape == (square_side(tiles),) * 2


@given(data=st.data(), genes=st.integers(1, 6))
def test_tile__agrees_with_boxes_filled_by_hand(data, genes):
    kept = data.draw(st.lists(st.sets(st.sampled_from(CONDITIONS), min_size=1), min_size=genes))
    pixels = [(f"g{gene}", "1", *one) for gene, tile in enumerate(kept) for one in tile]
    pixels = data.draw(st.permutations(pixels))
    order = data.draw(st.permutations(range(len(pixels))))
    index = fit_assembly(make_tiles(pixels), unit="tile", order=order, path="snail").index

    rows = sorted({V for _, _, V, _ in pixels}, reverse=True)
    columns = sorted({R for *_, R in pixels})
    fullest = max(map(len, kept))
    height = next(h for h in range(1, 7) if h * len(columns) >= fullest)
    width = next(w for w in range(1, 4) if height * w >= fullest)
    whole = (height, width) == (len(rows), len(columns))
    grid = next(
        (s // height, s // width, s) for s in range(1, 99)
        if (s // height) * (s // width) >= len(kept)
    )  # fmt: skip
    expected = np.full((grid[2], grid[2]), -1)
    steps = iter(visit("snail", *grid[:2]))
    for gene in dict.fromkeys(pixels[k][0] for k in order):
        top, left = next(steps) * [height, width]
        mine = sorted((-V, R, k) for k, (name, _, V, R) in enumerate(pixels) if name == gene)
        for place, (V, R, k) in enumerate(mine):
            cell = (rows.index(-V), columns.index(R)) if whole else divmod(place, width)
            expected[top + cell[0], left + cell[1]] = k
    assert index.tolist() == expected.tolist()


@pytest.mark.parametrize("path", PATHS)
def test_tile__follows_every_path(path):
    table = make_tiles([(f"g{tile}", "1", size, 4) for tile in range(7) for size in range(3, 9)])
    index = fit_assembly(table, path=path, unit="tile").index
    row, column = np.nonzero(index >= 0)
    assert index.shape == (7, 7)  # tiles of 6 x 1
    assert (8 - row % 6 == table["tree_size"].to_numpy()[index[row, column]]).all()
    gene = table["gene"].to_numpy()[index[row, column]]
    assert len(set(zip(row // 6, column, gene, strict=True))) == 7


@pytest.mark.parametrize(("tree_size", "weight_range"), [(9, 3), (2, 3), (8, 2), (8, 6)])
def test_tile__rejects_pixels_outside(tree_size, weight_range):
    with pytest.raises(InputError, match="tree sizes 3 to 8 and weight ranges 3 to 5"):
        fit_assembly(make_tiles([("a", "1", tree_size, weight_range)]), unit="tile")


def test_tile__rejects_repeated_pixels():
    with pytest.raises(InputError, match="two pixels share a place"):
        fit_assembly(make_tiles([("a", "1", 8, 3)] * 2 + [("b", "1", 7, 4)]), unit="tile")


def test_condition__has_a_square_of_its_own_by_tree_size_and_weight_range():
    table = make_tiles(
        [("a", "1", 3, 5), ("b", "1", 8, 3), ("a", "2", 3, 5), ("c", "1", 3, 5), ("a", "1", 8, 5),
         ("a", "3", 8, 3)]
    )  # fmt: skip
    assert fit_assembly(table, unit="condition").index.tolist() == [
        [1, 5, 4, -1],
        [-1, -1, -1, -1],
        [-1, -1, 0, 2],
        [-1, -1, 3, -1],
    ]
    index = fit_assembly(table, unit="condition", path="snail", order=[5, 4, 3, 2, 1, 0]).index
    first, second = visit("snail", 2, 2)[:2]
    assert index[tuple(first)] == 5
    assert index[tuple(second)] == 1
    assert index[tuple([first[0], first[1] + 2])] == 4
    assert index[tuple([first[0] + 2, first[1] + 2])] == 3


def test_assemble__images_hold_the_values(make_table):
    table = make_table(items=6, pixels=10).assign_coords(label=("item", list("abcdef")))
    table["value"][2, 4] = np.nan
    before = table.copy(deep=True)
    images = assemble(table, path="pacman", seed=3)
    row, column = np.nonzero(images["index"].to_numpy() >= 0)
    laid = images["image"].to_numpy()[:, row, column]
    pixel = images["index"].to_numpy()[row, column]
    np.testing.assert_array_equal(laid, table["value"].to_numpy()[:, pixel])
    assert np.isnan(images["image"].to_numpy()).sum() == 6 * 6 + 1
    assert images["image"].dims == ("item", "row", "column")
    assert (images["image"].dtype, images["index"].dtype) == (np.float32, np.int32)
    for name in ("item", "state", "label"):
        xr.testing.assert_identical(images[name].variable, table[name].variable)
    facts = {"path": "pacman", "order": "similarity", "unit": "pixel", "seed": 3}
    assert images.attrs == facts | {"deepnic_kind": "canvas"}
    xr.testing.assert_identical(table, before)


def test_assemble__says_when_the_order_was_given(make_table):
    assert assemble(make_table(pixels=3), order=[2, 0, 1]).attrs["order"] == "explicit"


def test_assemble__rejects_empty_canvas(make_table):
    with pytest.raises(InputError, match="no pixel to assemble"):
        assemble(make_table(pixels=0))


def test_assemble__names_the_known_paths_orders_and_units(make_table):
    with pytest.raises(InputError, match="choose from linear, snail"):
        assemble(make_table(), path="spiral")
    with pytest.raises(InputError, match="choose from relevance"):
        assemble(make_table(), order="best")
    with pytest.raises(InputError, match="unknown unit 'gene'; choose from pixel, tile"):
        assemble(make_table(), unit="gene")
