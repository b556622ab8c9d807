"""Pictures of images: the courses of the paths, canvases, tiles."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch

from deepnic.assembly.paths import PATHS, visit
from deepnic.nic.families import COLOURS
from deepnic.report.figures.colours import (
    SHEET_COLUMNS,
    TILE_GAP,
    UNDEFINED,
    render,
    tile_sheet,
)
from deepnic.report.figures.style import BLUE, RULE, STYLE

MEANINGS = {
    "grey": "NIC1",
    "blue": "one criterion",
    "green": "several criteria at once",
    "red": "one given another",
}


def courses(names: Sequence[str], side: int = 8) -> Figure:
    """Draw the course of each path over a small canvas, from its first cell to its last.

    Parameters
    ----------
    names : sequence of str
        Names in `deepnic.assembly.paths.PATHS`; others are left blank.
    side : int
        Side of the canvas; even.

    Returns
    -------
    Figure
    """
    figure, panels = _panels(names, 2.2)
    for axes, name in zip(panels, names, strict=True):
        axes.set(xlim=(-0.7, side - 0.3), ylim=(side - 0.3, -0.7), xticks=[], yticks=[])
        if name not in PATHS:
            continue
        step = visit(name, side, side)
        leaps = np.flatnonzero(np.abs(np.diff(step, axis=0)).max(axis=1) > 1) + 1
        runs = np.split(step, leaps) + _tunnels(step[leaps - 1], step[leaps])
        for run in runs:
            axes.plot(run[:, 1], run[:, 0], color=BLUE, lw=1.4, solid_capstyle="round")
        (first_row, first), (last_row, last) = step[0], step[-1]
        axes.plot(first, first_row, "o", color=BLUE, ms=7)
        axes.plot(last, last_row, "s", color=BLUE, mfc="white", ms=6, mew=1.5)
    return figure


def observation_canvases(examples: xr.Dataset) -> Figure:
    """One observation under each path.

    Parameters
    ----------
    examples : Dataset
        ``observation_image(path, row, column)`` from -1 to 1, NaN where undefined.

    Returns
    -------
    Figure
    """
    images = examples["observation_image"].transpose("path", "row", "column")
    figure, panels = _panels(images["path"].values.tolist(), 2.25)
    for axes, image in zip(panels, images.values, strict=True):
        _picture(axes, render(image, "signed"))
    ramp = ListedColormap(render(np.linspace(-1, 1, 201), "signed") / 255)
    bar = figure.colorbar(
        ScalarMappable(Normalize(-1, 1), ramp),
        ax=panels,
        shrink=0.7,
        aspect=15,
        pad=0.02,
        ticks=[-1, 0, 1],
    )
    bar.outline.set_visible(False)
    bar.ax.set_yticklabels(["−1  not at risk", "0", "+1  at risk"])
    _legend(figure, {})
    return figure


def gene_canvases(examples: xr.Dataset) -> Figure:
    """One gene under each path, in the published colours.

    Parameters
    ----------
    examples : Dataset
        ``gene_image(path, gene_row, gene_column)`` from 0 to 1 and ``gene_colour``, codes of
        `deepnic.nic.families.COLOURS`.

    Returns
    -------
    Figure
    """
    dims = ("path", "gene_row", "gene_column")
    images = examples["gene_image"].transpose(*dims)
    codes = examples["gene_colour"].transpose(*dims).values
    figure, panels = _panels(images["path"].values.tolist())
    for axes, image, code in zip(panels, images.values, codes, strict=True):
        _picture(axes, render(image, code))
    _legend(figure, _colour_keys(np.unique(codes[codes >= 0]).tolist()))
    return figure


def base_tiles(examples: xr.Dataset) -> Figure:
    """Draw the base images of a gene, a tile each.

    Parameters
    ----------
    examples : Dataset
        ``tile(combination, tree_size, weight_range)`` with ``colour(combination)``.

    Returns
    -------
    Figure
    """
    tiles = examples["tile"]
    sheet = tile_sheet(tiles)
    height, width = np.array([tiles.sizes["tree_size"], tiles.sizes["weight_range"]]) + TILE_GAP
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 0.2 + 9.2 * sheet.shape[0] / sheet.shape[1]), layout="constrained")
        axes = figure.subplots()
    axes.imshow(sheet, interpolation="nearest")
    axes.axis("off")
    for k, label in enumerate(tiles["combination"].values.tolist()):
        row, column = divmod(k, SHEET_COLUMNS)
        top = row * height + TILE_GAP[0] - 0.5
        axes.text(column * width - 0.5, top - 0.3, label, va="bottom", fontsize=8, parse_math=False)
    present = set(tiles["colour"].values.tolist())
    _legend(figure, _colour_keys([COLOURS.index(name) for name in COLOURS if name in present]))
    return figure


def _panels(names: Sequence[str], height: float = 2.55) -> tuple[Figure, Any]:
    """Square panels side by side, under their names."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, height), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, parse_math=False)
        axes.set_aspect("equal")
        for side in axes.spines.values():
            side.set(visible=True, color=RULE)
    return figure, panels


def _tunnels(before: Any, after: Any) -> list[Any]:
    """Both mouths of each tunnel: steps along one axis, from edge to edge."""
    mouths = []
    for leave, enter in zip(before, after, strict=True):
        if (leave == enter).any():
            out = 0.7 * np.sign(leave - enter)
            mouths += [np.array([leave, leave + out]), np.array([enter - out, enter])]
    return mouths


def _picture(axes: Any, rgb: Any) -> None:
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _colour_keys(codes: Sequence[int]) -> dict[str, Any]:
    ramp = np.linspace(0, 1, 6)
    return {MEANINGS[name]: render(ramp, name) for name in (COLOURS[code] for code in codes)}


def _legend(figure: Figure, ramps: dict[str, Any]) -> None:
    """Explain colours below the panels: ramps from 0 to 1, and the colour of the undefined."""
    handles: list[Any] = [
        tuple(Patch(facecolor=rgb / 255.0, linewidth=0) for rgb in ramp)
        for ramp in (*ramps.values(), np.array([UNDEFINED]))
    ]
    figure.legend(
        handles,
        [*ramps, "undefined" if ramps else "undefined, or no pixel"],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        handlelength=3,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=8,
    )
