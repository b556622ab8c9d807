"""Cross-fitted images: each patient to learn from is shown by who never saw the patient's label.

Genes, trees, pixels and their places are chosen with labels, so that the images of those who chose
them are better than a new patient's. A training fold is therefore cut into parts, and a pipeline is
fitted without each: it shows the patients of its part, as it shows new ones.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.cohort import hide_labels
from deepnic.cohort.holdout import cut_folds
from deepnic.errors import InputError
from deepnic.rop.origin import ORIGIN, ORIGINS
from deepnic.variables import describe, expect

PARTS = 5


def cut_parts(
    state: ArrayLike, group: ArrayLike | None = None, *, parts: int = PARTS, seed: int = 0
) -> NDArray[np.int8]:
    """Cut labelled observations into parts, classes in proportion, groups together.

    Parameters
    ----------
    state : array (observation,)
        Class, 0 or more; -1 = to be predicted.
    group : array (observation,), optional
        What stays in one part.
    parts : int
        At most; fewer where a class has not as many observations (groups that hold it).
    seed : int

    Returns
    -------
    ndarray of int8, shape (observation,)
        0, 1, ...; -1 = to be predicted.

    Raises
    ------
    InputError
        A class is in fewer than two parts.

    Examples
    --------
    >>> cut_parts([0, 0, 0, 1, 1, 1, -1], parts=3).tolist()
    [2, 1, 0, 2, 0, 1, -1]
    """
    state = np.asarray(state)
    known = np.flatnonzero(state >= 0)
    classes = state[known]
    groups = None if group is None else np.asarray(group)[known]
    units = [
        (classes == k).sum() if groups is None else len(np.unique(groups[classes == k]))
        for k in np.unique(classes)
    ]
    parts = min(parts, *map(int, units))
    if parts < 2:
        raise InputError(
            f"a class has {min(units)} {'observation' if groups is None else 'group'} to train on, "
            "and cross-fitted images need 2 of each; take more"
        )
    part = np.full(state.shape, -1, np.int8)
    for k, rows in enumerate(cut_folds(classes, groups, parts, seed % 2**32)):
        part[known[rows]] = k
    return part


def without_part(cohort: xr.Dataset, part: NDArray[np.int8], k: int) -> xr.Dataset:
    """Hide the labels of a part too: what its pipeline is fitted on."""
    return hide_labels(cohort, (part == k) | (part < 0))


def read_parts(
    tables: Sequence[xr.Dataset],
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Tell part and state of each item by the states of the pipelines' tables, each without a part.

    Raises
    ------
    InputError
        The tables are not of the same items, or not of one cut.

    Examples
    --------
    >>> states = [-1, 0, 1, -1], [1, -1, -1, -1]
    >>> tables = [xr.Dataset(coords={"item": [*"abcd"], "state": ("item", s)}) for s in states]
    >>> part, state = read_parts(tables)
    >>> part.tolist(), state.tolist()
    ([0, 1, 1, -1], [1, 0, 1, -1])
    """
    items = [table["item"].to_index() for table in tables]
    of_one_cut = all(one.equals(items[0]) for one in items)
    if of_one_cut:
        states = np.stack([table["state"].values for table in tables])
        hidden, state = states < 0, states.max(axis=0)
        known = ~hidden.all(axis=0)
        agreed = hidden | (states == state)
        of_one_cut = bool(agreed.all() and (hidden.sum(axis=0) == 1)[known].all())
    if not of_one_cut:
        raise InputError(
            "the tables of the parts are not of one cut of the same observations; make them "
            "together, by `deepnic grow --parts` and `deepnic pixels` of that group of stores"
        )
    return np.where(known, hidden.argmax(axis=0), -1).astype(np.int8), state.astype(np.int8)


def join_canvases(
    canvases: Sequence[xr.Dataset], part: NDArray[np.int8], state: NDArray[np.integer]
) -> xr.Dataset:
    """Put together what each pipeline shows: training items once, the others by every pipeline.

    Parameters
    ----------
    canvases : sequence of Dataset
        Of the pipelines, in order, each of all items, as of `assemble`.
    part : array (item,) of int8
        Which pipeline did not see the item's label and shows it; -1 = all of them.
    state : array (item,)
        0 or 1 of the items to train on, -1 of the others.

    Returns
    -------
    Dataset
        Kind "cross-fitted canvas": ``image(item, row, column)``, in which an item to be predicted
        comes once a pipeline; ``shown_by(item)``, the pipeline; ``index`` and ``colour``
        ``(pipeline, row, column)``. Pixels of all pipelines follow each other. A smaller canvas is
        filled up with empty cells on the right and below.

    Raises
    ------
    InputError
        Two items have the same id.

    Examples
    --------
    >>> from deepnic.assembly import assemble
    >>> table = xr.Dataset({"value": (("item", "pixel"), np.float32([[1], [2], [3]]))},
    ...                    coords={"item": ["a", "b", "new"]})
    >>> both = [assemble(table), assemble(table * 10)]
    >>> joined = join_canvases(both, np.int8([0, 1, -1]), np.array([0, 1, -1]))
    >>> joined.image.values.ravel().tolist(), joined.shown_by.values.tolist()
    ([1.0, 20.0, 3.0, 30.0], [0, 1, 0, 1])
    """
    for canvas in canvases:
        expect(canvas, "canvas")
    if not canvases[0]["item"].to_index().is_unique:
        raise InputError("two items have the same id; give each its own")
    item, shown_by = np.nonzero((part[:, None] < 0) | (part[:, None] == range(len(canvases))))
    images = stack_images([one["image"] for one in canvases])
    shape = images.shape[-2:]
    first = np.cumsum([0, *(one["index"].values.max() + 1 for one in canvases)])[:-1]
    index = [
        np.where(one["index"].values < 0, -1, one["index"].values + start).astype(np.int32)
        for one, start in zip(canvases, first, strict=True)
    ]
    cells = ("pipeline", "row", "column")
    variables = {
        "image": (("item", "row", "column"), images[shown_by, item]),
        "index": (cells, np.stack([_filled_up(one, shape, -1) for one in index])),
    }
    if all("colour" in one for one in canvases):
        colours = [_filled_up(one["colour"].values, shape, -1) for one in canvases]
        variables["colour"] = cells, np.stack(colours)
    pixels = xr.concat([_pixels(one) for one in canvases], "pixel").coords
    ids = canvases[0]["item"].values
    coords = {
        "item": ids[item],
        "state": ("item", np.asarray(state)[item].astype(np.int8)),
        "shown_by": ("item", shown_by.astype(np.int16)),
    }
    if "group" in canvases[0].coords:
        coords["group"] = "item", canvases[0]["group"].values[item]
    attrs = {name: value for name, value in canvases[0].attrs.items() if name != ORIGIN}
    if all(ORIGIN in one.attrs for one in canvases):
        attrs[ORIGINS] = [one.attrs[ORIGIN] for one in canvases]
    joined = xr.Dataset(variables, coords | dict(pixels), attrs)
    return describe(joined, "cross-fitted canvas")


def stack_images(images: Sequence[xr.DataArray]) -> NDArray[np.float32]:
    """Images (item, row, column) of pipelines as one array, (pipeline, item, row, column)."""
    shape = [max(one.sizes[d] for one in images) for d in ("row", "column")]
    return np.stack([_filled_up(one.values, shape, np.nan) for one in images])


def stack_pixels(tables: Sequence[xr.Dataset]) -> NDArray[np.float32]:
    """Pixels by rank in their pipeline, (pipeline, item, pixel); NaN where one has fewer."""
    values = [table["value"].transpose("item", "pixel").values for table in tables]
    most = max(value.shape[1] for value in values)
    return np.stack(
        [np.pad(v, [(0, 0), (0, most - v.shape[1])], constant_values=np.nan) for v in values]
    )


def split_layout(layout: xr.Dataset) -> list[xr.Dataset]:
    """Canvas of each pipeline without its items; of a canvas that has one layout, that."""
    if "pipeline" not in layout.dims:
        return [layout]
    parts = []
    for k in range(layout.sizes["pipeline"]):
        index = layout["index"].values[k]
        first, last = index[index >= 0].min(), index.max()
        of_one = {"pipeline": k, "pixel": slice(first, last + 1)}
        mine = layout.isel(of_one, missing_dims="ignore")  # a user's own pixels have no names
        moved = np.where(index < 0, -1, index - first).astype(np.int32)
        parts.append(mine.assign(index=(("row", "column"), moved)))
    return parts


def _pixels(canvas: xr.Dataset) -> xr.Dataset:
    """Coordinates of a canvas's pixels alone."""
    return xr.Dataset(
        coords={name: c for name, c in canvas.coords.items() if c.dims == ("pixel",)}
        or {"pixel": np.arange(canvas["index"].values.max() + 1)}
    )


def _filled_up(cells: NDArray, shape: Sequence[int], empty: float) -> NDArray:
    """Cells (..., row, column) with empty ones on the right and below, up to a shape."""
    more = [(0, wanted - had) for wanted, had in zip(shape, cells.shape[-2:], strict=True)]
    return np.pad(cells, [(0, 0)] * (cells.ndim - 2) + more, constant_values=empty)
