"""Colours of the images, on an absolute scale.

A value has the same colour in every image: nothing is rescaled image by image. An undefined pixel
has a colour of its own, which no value has.
"""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError, choose
from deepnic.nic.families import COLOURS
from deepnic.report.figures.palettes import PALETTES

BACKGROUND = (255, 255, 255)
UNDEFINED = PALETTES["published"].undefined

_NEGATIVE, _POSITIVE = np.array([33, 102, 172]), np.array([178, 24, 43])
_TOLERANCE = 1e-5  # of float32

SHEET_COLUMNS = 10
TILE_GAP = (2, 1)  # rows above a tile, where a label fits; columns after it


def render(
    image: ArrayLike, colour: str | ArrayLike, *, palette: str = "published"
) -> NDArray[np.uint8]:
    """Colour an image.

    Parameters
    ----------
    image : array of float, shape (...)
        Values from 0 to 1, or from -1 to 1 for "signed"; NaN where undefined.
    colour : str or array of int
        "grey", "blue", "green" or "red": from black at 0 to that colour of the palette at 1. An
        array that broadcasts to the image's shape gives each pixel its code in
        `deepnic.nic.families.COLOURS`, -1 for background.
        "signed", for images of observations: blue at -1, white at 0, red at +1.
    palette : {"published", "clear"}
        Colours of gene images; see `deepnic.report.figures.palettes`.

    Returns
    -------
    ndarray of uint8, shape (..., 3)
        RGB; undefined pixels have the palette's colour for them.

    Raises
    ------
    InputError
        Unknown colour or palette, or a value off the scale.

    Notes
    -----
    Colours of gene images: published pipeline. The scale that is the same for every image, the
    colour of the undefined and the signed colours: ours.

    Examples
    --------
    >>> render([0, 1, np.nan], "blue").tolist()
    [[0, 0, 0], [0, 0, 255], [229, 219, 190]]
    >>> render([-1, 0, 1], "signed").tolist()
    [[33, 102, 172], [255, 255, 255], [178, 24, 43]]
    """
    colours = PALETTES[choose("palette", palette, PALETTES)]
    value = np.asarray(image, np.float64)
    signed = isinstance(colour, str) and choose("colour", colour, [*COLOURS, "signed"]) == "signed"
    low, defined = -1 if signed else 0, value[~np.isnan(value)]
    off = defined[(defined < low - _TOLERANCE) | (defined > 1 + _TOLERANCE)]
    if off.size:
        raise InputError(
            f"a pixel is {off[0]:g}, but images go from {low} to 1; render values as computed, "
            "not rescaled"
        )
    filled = np.nan_to_num(value)[..., None]
    if signed:
        end = np.where(filled < 0, _NEGATIVE, _POSITIVE)
        rgb = 255 + np.abs(filled) * (end - 255.0)
        code = np.zeros(value.shape, int)
    else:
        code = np.broadcast_to(_code(colour), value.shape)
        rgb = colours.zero + filled * (colours.ones[code] - colours.zero)
    rgb = np.where(np.isnan(value)[..., None], colours.undefined, rgb)
    rgb = np.where(code[..., None] < 0, BACKGROUND, rgb)
    return rgb.round().clip(0, 255).astype(np.uint8)


def tile_sheet(tiles: xr.DataArray, *, palette: str = "published") -> NDArray[np.uint8]:
    """Lay tiles on a sheet, ten in a row, in the order given.

    A tile is one combination under every condition: the largest trees at the top, the narrowest
    weight range on the left (6 x 3 pixels under the 18 conditions).

    Parameters
    ----------
    tiles : DataArray of float32, dims (combination, tree_size, weight_range)
        Values from 0 to 1, NaN where undefined; coordinate ``colour(combination)``.
    palette : {"published", "clear"}
        As of `render`.

    Returns
    -------
    ndarray of uint8, shape (row, column, 3)
        Above each tile are 2 free rows, and after it 1 free column.

    Examples
    --------
    >>> dims = ("combination", "tree_size", "weight_range")
    >>> coords = {"tree_size": range(3, 9), "weight_range": [3, 4, 5]}
    >>> tiles = xr.DataArray(np.ones((30, 6, 3)), coords, dims)
    >>> tile_sheet(tiles.assign_coords(colour=("combination", ["blue"] * 30))).shape
    (24, 40, 3)
    """
    tiles = tiles.transpose("combination", "tree_size", "weight_range")
    tiles = tiles.sortby("tree_size", ascending=False).sortby("weight_range")
    code = np.array([_code(name) for name in tiles["colour"].values.tolist()])
    drawn = render(tiles.values, code[:, None, None], palette=palette)
    cell = np.array(drawn.shape[1:3]) + TILE_GAP
    rows = -(-len(drawn) // SHEET_COLUMNS)
    sheet = np.full((*(cell * (rows, SHEET_COLUMNS)), 3), BACKGROUND, np.uint8)
    for k, tile in enumerate(drawn):
        bottom, left = cell * (k // SHEET_COLUMNS + 1, k % SHEET_COLUMNS)
        sheet[bottom - tile.shape[0] : bottom, left : left + tile.shape[1]] = tile
    return sheet


def _code(colour: str | ArrayLike) -> NDArray[np.int64]:
    if isinstance(colour, str):
        return np.array(COLOURS.index(choose("colour", colour, COLOURS)))
    code = np.asarray(colour, np.int64)
    if code.size and not -1 <= code.min() <= code.max() < len(COLOURS):
        raise InputError("colour codes go from -1 (background) to 3 (red); check them")
    return code
