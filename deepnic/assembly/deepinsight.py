"""DeepInsight, to compare with: its placement of our pixels, and its own images of expression."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from deepnic.assembly.canvas import Assembly, square_side
from deepnic.assembly.orders import training_values
from deepnic.cohort import filled
from deepnic.errors import InputError
from deepnic.variables import describe, expect

MOST_GENES = 2000
"""Genes on a map of expression: t-SNE takes 7 seconds for them, and 16 for twice as many."""


def fit_deepinsight(table: xr.Dataset, *, seed: int = 0) -> Assembly:
    """Place similar pixels close to each other, as DeepInsight does.

    t-SNE of the pixels (points whose coordinates are their values on training items), convex hull,
    rectangle of least area around it, rotation, scaling to the canvas. Written from the paper of
    Sharma et al., Scientific Reports 9:11399 (2019), with three departures: the canvas is the
    smallest square that holds the pixels, as for the paths; a cell holds one pixel where the paper
    averages those that fall together, so each pixel, the most relevant first, takes the nearest
    cell still free; values are not rescaled pixel by pixel, being performances on one scale.
    The other peer, a random placement, is ``fit_assembly(table, order="random")``.

    Parameters
    ----------
    table : Dataset
        Pixel table: `value(item, pixel)`, `state(item)`; pixels best first.
    seed : int, default 0
        Seed of t-SNE.

    Returns
    -------
    Assembly
        With path "deepinsight", order "relevance" and a background of NaN.

    Raises
    ------
    InputError
        Fewer than 4 pixels, or no training item.

    Examples
    --------
    >>> value = np.random.default_rng(0).random((4, 9))
    >>> table = xr.Dataset(
    ...     {"value": (("item", "pixel"), value)}, coords={"state": ("item", [0, 1, 0, 1])}
    ... )
    >>> np.sort(fit_deepinsight(table).index, axis=None)
    array([0, 1, 2, 3, 4, 5, 6, 7, 8], dtype=int32)
    """
    expect(table, "table")
    size = table.sizes["pixel"]
    if size < 4:
        raise InputError(f"DeepInsight's placement takes at least 4 pixels, not {size}: keep more")
    side = square_side(size)
    index = _settle(_spread(training_values(table).T, side, seed), side)
    return Assembly(index, np.nan, "deepinsight", "relevance", "pixel", seed)


def draw_expression(cohort: xr.Dataset, *, seed: int = 0) -> xr.Dataset:
    """Draw patients by their expression, as DeepInsight does: similar genes near each other.

    As `fit_deepinsight`, of genes in the place of pixels, and nearer to the paper: each gene is
    scaled to 0 to 1 over the observations of known state (its norm 1; others are cut off there),
    and genes that fall together are averaged. No label is looked at, only who has one. The genes
    are the `MOST_GENES` of largest variance, the canvas is the smallest square that would hold
    them (both ours).

    Parameters
    ----------
    cohort : Dataset
        `expression` and `state`; -1 = to be predicted.
    seed : int, default 0
        Seed of t-SNE.

    Returns
    -------
    Dataset
        Kind "canvas": ``image(item, row, column)``, NaN where no gene lies.

    Raises
    ------
    InputError
        Fewer than 4 genes vary over the observations of known state.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 40))
    >>> draw_expression(cohort).image.shape
    (40, 6, 6)
    """
    expect(cohort, "cohort")
    known = cohort["state"].values >= 0
    values = filled(cohort)["expression"].values.astype(np.float64)
    variance = values[known].var(axis=0)
    kept = np.sort(np.argsort(-variance, kind="stable")[: min(MOST_GENES, (variance > 0).sum())])
    if len(kept) < 4:
        raise InputError(f"DeepInsight's map takes at least 4 genes that vary, not {len(kept)}")
    values = values[:, kept]
    low, high = values[known].min(axis=0), values[known].max(axis=0)
    values = np.clip((values - low) / (high - low), 0, 1)
    side = square_side(len(kept))
    row, column = _spread(values[known].T, side, seed).round().astype(int).T
    cell, number = np.unique(row * side + column, return_inverse=True)
    sums = np.zeros((len(cell), len(values)))
    np.add.at(sums, number, values.T)
    image = np.full((len(values), side * side), np.nan, np.float32)
    image[:, cell] = (sums / np.bincount(number)[:, None]).T
    index = np.full(side * side, -1, np.int32)
    index[cell] = np.arange(len(cell))
    canvas = xr.Dataset(
        {
            "image": (("item", "row", "column"), image.reshape(-1, side, side)),
            "index": (("row", "column"), index.reshape(side, side)),
        },
        coords={
            "item": cohort["observation"].values,
            "state": ("item", cohort["state"].values),
        },
        attrs={"path": "deepinsight"},
    )
    return describe(canvas, "canvas")


def _spread(points: NDArray[np.float64], side: int, seed: int) -> NDArray[np.float64]:
    """Where points lie on a square (point, 2), in cells: upright, from edge to edge."""
    upright = _turn_upright(_embed(points, seed))
    upright -= upright.min(axis=0)
    return upright / upright.max(axis=0) * (side - 1)


def _embed(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """t-SNE in the plane; a perplexity of 30, or less for few points."""
    # Imported here: they take a second, and only this peer has use for them.
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30, (len(points) - 1) / 3)
    # A random start, as in the paper's program: starting from PCA fails on constant pixels.
    tsne = TSNE(perplexity=perplexity, init="random", random_state=seed)
    with threadpool_limits(1):  # on busy cores its threads wait for one another many times over
        return tsne.fit_transform(points).astype(np.float64)


def _turn_upright(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the rectangle of least area around points until its sides are the axes.

    One of its sides lies on a side of the convex hull (Freeman and Shapira 1975).
    """
    hull = points[ConvexHull(points).vertices]
    side = np.roll(hull, -1, axis=0) - hull
    angle = np.arctan2(side[:, 1], side[:, 0])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)  # points @ turn: by -angle
    area = np.ptp(hull @ turn, axis=1).prod(axis=1)
    return points @ turn[area.argmin()]


def _settle(points: NDArray[np.float64], side: int) -> NDArray[np.int32]:
    """Give each point, in turn, the nearest cell still free."""
    cells = np.indices((side, side)).reshape(2, -1).T.astype(np.float64)
    index = np.full(len(cells), -1, dtype=np.int32)
    for pixel, point in enumerate(points):
        distance = ((cells - point) ** 2).sum(axis=1)
        index[np.where(index < 0, distance, np.inf).argmin()] = pixel
    return index.reshape(side, side)
