"""The canvas: an index map from its cells to pixels, applied by one gather."""

from dataclasses import dataclass
from itertools import count
from math import isqrt, nan
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.assembly.orders import arrange
from deepnic.assembly.paths import PATHS, visit
from deepnic.errors import InputError, choose
from deepnic.nic.families import colour_codes
from deepnic.rop.origin import carried
from deepnic.variables import CANVAS_COLOUR, CANVAS_IMAGE, CANVAS_INDEX, describe, expect

TREE_SIZES = range(3, 9)  # that a tile may hold
WEIGHT_RANGES = range(3, 6)


@dataclass(frozen=True, eq=False)
class Assembly:
    """Where every pixel of a table lies on a canvas, and how that was chosen.

    Attributes
    ----------
    index : ndarray of int32, shape (row, column)
        Position in the table of the pixel in each cell, -1 where there is none.
    background : float
        Value of a cell without a pixel.
    path, order, unit : str
        How the pixels were laid; an order given as an array is "explicit".
    seed : int
        Seed of the maze, of the random order or of t-SNE.

    Examples
    --------
    >>> assembly = Assembly(np.array([[1, 0], [2, -1]]), -9, "linear", "explicit", "pixel", 0)
    >>> assembly.apply(np.array([0.5, 0.25, 0.125]))
    array([[ 0.25 ,  0.5  ],
           [ 0.125, -9.   ]])
    >>> assembly.cells[2]
    array([1, 0])
    """

    index: NDArray[np.int32]
    background: float
    path: str
    order: str
    unit: str
    seed: int

    @property
    def attrs(self) -> dict[str, Any]:
        """How the pixels were laid, for the attributes of a canvas."""
        return {name: getattr(self, name) for name in ("path", "order", "unit", "seed")}

    def apply_codes(self, codes: NDArray[np.int8]) -> NDArray[np.int8]:
        """Code in each cell (row, column), of codes of the pixels (pixel,); -1 where none."""
        return np.where(self.index >= 0, codes[self.index], np.int8(-1))

    def apply(self, values: Any) -> Any:
        """Lay values (..., pixel) on the canvas: a new array (..., row, column).

        A floating-point ndarray or Tensor gives one of its kind, dtype and device; another number
        of pixels than the assembly was fitted on is refused.
        """
        size = self.index.max() + 1
        if values.shape[-1] != size:
            raise InputError(
                f"the values have {values.shape[-1]} pixels and the assembly {size}: "
                "apply it to the table it was fitted on"
            )
        canvas = values[..., self.index]
        row, column = np.nonzero(self.index < 0)
        canvas[..., row, column] = self.background
        return canvas

    @property
    def cells(self) -> NDArray[np.intp]:
        """Row and column of every pixel, shape (pixel, 2): the inverse of `index`."""
        row, column = np.nonzero(self.index >= 0)
        cells = np.empty((row.size, 2), dtype=np.intp)
        cells[self.index[row, column]] = np.stack([row, column], axis=1)
        return cells


def fit_assembly(
    table: xr.Dataset,
    *,
    path: str = "linear",
    order: str | ArrayLike | None = None,
    unit: str = "pixel",
    seed: int = 0,
    background: float = nan,
) -> Assembly:
    """Choose the place of every pixel on the smallest square canvas that holds them.

    Only the training items of the table are looked at. With ``unit="tile"``, the pixels of one gene
    and combination stay together, as in its ROP-image: a row for each tree size of the table, from
    the largest down, and a column for each weight range. Where no tile has kept so many pixels, all
    get a smaller box that holds the fullest, and fill it in the same order, as one reads: by tree
    size, then by weight range. Tiles are laid along the path in the order of their first pixels.
    With ``unit="condition"`` it is the other way round: the canvas has a row of squares for each
    tree size and a column of them for each weight range, and the path runs through the pixels of
    each condition.

    Parameters
    ----------
    table : Dataset
        Pixel table: `value(item, pixel)`, `state(item)`; pixels best first. Conditions also take
        `tree_size` and `weight_range`, tiles `combination` too and, unless the items are genes,
        `gene`, all `(pixel)`.
    path : str, default "linear"
        A name in `PATHS`; see `deepnic.assembly.visit`.
    order : str or array_like of int, optional
        A name in `ORDERS`, or a permutation; see `deepnic.assembly.arrange`. By default the path's.
    unit : str, default "pixel"
        A name in `UNITS`: what is laid along the path.
    seed : int, default 0
        Seed of the maze and of the random order.
    background : float, default nan
        Value of a cell without a pixel.

    Returns
    -------
    Assembly
        The index map, to apply to any items.

    Raises
    ------
    InputError
        A table without pixels, an unknown path, order or unit, an order that is not a permutation,
        pixels that do not fit a tile.

    Examples
    --------
    >>> table = xr.Dataset({"value": (("item", "pixel"), np.zeros((2, 7)))})
    >>> fit_assembly(table, path="snail").index
    array([[-1, -1,  6],
           [ 1,  0,  5],
           [ 2,  3,  4]], dtype=int32)
    """
    expect(table, "table")
    lay = UNITS[choose("unit", unit, UNITS)]
    order = PATHS[choose("path", path, PATHS)].order if order is None else order
    if table.sizes["pixel"] == 0:
        raise InputError("the table has no pixel to assemble: let the filters keep at least one")
    index = lay(table, arrange(table, order, seed=seed), path, seed)
    return Assembly(
        index, background, path, order if isinstance(order, str) else "explicit", unit, seed
    )


def assemble(
    table: xr.Dataset,
    *,
    path: str = "linear",
    order: str | ArrayLike | None = None,
    unit: str = "pixel",
    seed: int = 0,
) -> xr.Dataset:
    """Assemble the pixels of every item into one image.

    Parameters
    ----------
    table, path, order, unit, seed
        See `fit_assembly`; items of state -1 are assembled and not looked at.

    Returns
    -------
    Dataset
        `image(item, row, column)` float32, NaN where a pixel is undefined or there is none;
        `index(row, column)` int32, position of the pixel in the table, -1 where there is none;
        `colour(row, column)` int8, its colour family, where the table knows its combinations;
        the coordinates of the items and pixels; attributes path, order, unit and seed.

    Raises
    ------
    InputError
        See `fit_assembly`.

    Examples
    --------
    >>> table = xr.Dataset({"value": (("item", "pixel"), np.float32([[0, 1, 2, 3]]))})
    >>> assemble(table, path="earthworm").image.to_numpy()
    array([[[0., 1.],
            [3., 2.]]], dtype=float32)
    """
    return lay(table, fit_assembly(table, path=path, order=order, unit=unit, seed=seed))


def lay(table: xr.Dataset, assembly: Assembly) -> xr.Dataset:
    """Lay the pixels of every item of a table where an assembly has them; see `assemble`.

    Examples
    --------
    >>> table = xr.Dataset({"value": (("item", "pixel"), np.float32([[5, 6]]))})
    >>> lay(table, Assembly(np.int32([[1, -1], [0, -1]]), nan, "mine", "mine", "pixel", 0)).image
    <xarray.DataArray 'image' (item: 1, row: 2, column: 2)> Size: 16B
    array([[[ 6., nan],
            [ 5., nan]]], dtype=float32)
    ...
    """
    expect(table, "table")
    values = table["value"].transpose("item", "pixel").to_numpy().astype(np.float32, copy=False)
    canvas = xr.Dataset(
        {
            "image": (CANVAS_IMAGE.dims, assembly.apply(values)),
            "index": (CANVAS_INDEX.dims, assembly.index),
        },
        coords={name: c for name, c in table.coords.items() if c.dims in [("item",), ("pixel",)]},
        attrs=assembly.attrs | carried(table.attrs),
    )
    if "combination" in table.coords:
        colour = colour_codes(table["combination"].values)
        canvas["colour"] = CANVAS_COLOUR.dims, assembly.apply_codes(colour)
    return describe(canvas, "canvas")


def square_side(size: int) -> int:
    """Side of the smallest square of at least `size` cells."""
    return isqrt(size - 1) + 1


def _lay_pixels(
    table: xr.Dataset, order: NDArray[np.intp], path: str, seed: int
) -> NDArray[np.int32]:
    side = square_side(order.size)
    row, column = visit(path, side, side, seed=seed)[: order.size].T
    index = np.full((side, side), -1, dtype=np.int32)
    index[row, column] = order
    return index


def check_tiles(tree_sizes: ArrayLike, weight_ranges: ArrayLike) -> None:
    """Refuse conditions that have no place in a tile."""
    inside = (np.isin(tree_sizes, TREE_SIZES), np.isin(weight_ranges, WEIGHT_RANGES))
    if not all(map(np.all, inside)):
        raise InputError(
            "a tile holds tree sizes 3 to 8 and weight ranges 3 to 5: lay other pixels one by one "
            'with unit="pixel"'
        )


def _lay_tiles(
    table: xr.Dataset, order: NDArray[np.intp], path: str, seed: int
) -> NDArray[np.int32]:
    check_tiles(table["tree_size"].values, table["weight_range"].values)
    tile, (row, column) = _rank_tiles(table, order), _conditions(table)
    if pd.DataFrame({"tile": tile, "row": row, "column": column}).duplicated().any():
        raise InputError("two pixels share a place in a tile: give a table without repeated pixels")
    height, width, cell = _fit_box(tile, row, column)
    side = next(s for s in count(height) if (s // height) * (s // width) > tile.max())
    place = visit(path, side // height, side // width, seed=seed)[tile]
    index = np.full((side, side), -1, dtype=np.int32)
    row, column = (place * [height, width] + np.stack(divmod(cell, width), axis=1)).T
    index[row, column] = np.arange(order.size)
    return index


def _fit_box(
    tile: NDArray[np.intp], row: NDArray[np.intp], column: NDArray[np.intp]
) -> tuple[int, int, NDArray[np.intp]]:
    """Sides of the box that every tile gets, and the cell in it of every pixel, as one reads.

    It has as few rows as hold the fullest tile beside as many columns as there are weight ranges,
    and then as few columns. Where that is the whole ROP-image, each condition has its own cell.
    """
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    fullest = int(np.bincount(tile).max())
    height = -(-fullest // columns)
    width = -(-fullest // height)
    cell = row * columns + column
    if (height, width) != (rows, columns):
        cell = pd.Series(cell).groupby(tile).rank().to_numpy().astype(int) - 1
    return height, width, cell


def _conditions(table: xr.Dataset) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of every pixel's condition: large trees at the top, narrow weights left."""
    _, row = np.unique(-table["tree_size"].to_numpy().astype(int), return_inverse=True)
    _, column = np.unique(table["weight_range"].to_numpy(), return_inverse=True)
    return row, column


def _rank_tiles(table: xr.Dataset, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Tile of every pixel, numbered by its first pixel in the order."""
    # where the items are genes, a pixel is of none
    names = [name for name in ("gene", "combination") if name in table.coords]
    keys = pd.DataFrame({name: table[name].values for name in names})
    number = keys.iloc[order].groupby(names, sort=False).ngroup().to_numpy()
    tile = np.empty_like(order)
    tile[order] = number
    return tile


def _lay_conditions(
    table: xr.Dataset, order: NDArray[np.intp], path: str, seed: int
) -> NDArray[np.int32]:
    """Tree sizes from the largest down, weight ranges across; a square for each condition."""
    row, column = _conditions(table)
    condition = row[order] * (column.max() + 1) + column[order]
    step = pd.Series(condition).groupby(condition).cumcount().to_numpy()  # within its square
    side = square_side(step.max() + 1)
    place = visit(path, side, side, seed=seed)[step]
    index = np.full(((row.max() + 1) * side, (column.max() + 1) * side), -1, dtype=np.int32)
    index[row[order] * side + place[:, 0], column[order] * side + place[:, 1]] = order
    return index


UNITS = {"pixel": _lay_pixels, "tile": _lay_tiles, "condition": _lay_conditions}
"""What is laid along a path: single pixels, ROP-images whole, or the pixels of each condition."""
