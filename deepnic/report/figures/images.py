"""Figures of images: the courses of the paths, canvases, tiles."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from deepnic.assembly.paths import PATHS, visit
from deepnic.nic.families import COLOURS
from deepnic.report.figures import style
from deepnic.report.figures.colours import SHEET_COLUMNS, TILE_GAP, render, tile_sheet
from deepnic.report.figures.palettes import MEANINGS, PALETTES

PALETTE = "clear"
"""Told apart by the colour-blind, too; another is a row of `PALETTES`."""

HATCH = "/////"
"""Over what has no pixel: an undefined pixel has a colour, and so has 0."""


class Courses(style.Chart):
    """The course of each path over a small canvas, from its first cell to its last.

    The table has columns path, row, column: the cells in the order of the visit.
    """

    @classmethod
    def of(cls, names: Sequence[str], side: int = 8) -> Self:
        """Visit the cells of a square canvas of even side by each path; an unknown one has none."""
        parts = [
            pd.DataFrame(visit(name, side, side), columns=["row", "column"]).assign(path=name)
            if name in PATHS
            else pd.DataFrame({"path": [name], "row": [np.nan], "column": [np.nan]})
            for name in names
        ]
        return cls(pd.concat(parts, ignore_index=True)[["path", "row", "column"]])

    def draw(self) -> Figure:
        names = self.table["path"].unique().tolist()
        end = self.table[["row", "column"]].max().max() + 0.7
        figure, panels = _panels(names, 2.2)
        for axes, name in zip(panels, names, strict=True):
            axes.set(xlim=(-0.7, end), ylim=(end, -0.7))
            step = self.table.loc[self.table["path"] == name, ["row", "column"]].dropna().to_numpy()
            leaps = np.flatnonzero(np.abs(np.diff(step, axis=0)).max(axis=1) > 1) + 1
            for run in np.split(step, leaps) + _tunnels(step[leaps - 1], step[leaps]):
                axes.plot(run[:, 1], run[:, 0], color=style.BLUE, lw=1.4, solid_capstyle="round")
            axes.plot(step[:1, 1], step[:1, 0], "o", color=style.BLUE, ms=7)
            axes.plot(step[-1:, 1], step[-1:, 0], "s", color=style.BLUE, mfc="white", ms=6, mew=1.5)
        return figure


class ObservationCanvases(style.Picture):
    """One observation under each path.

    The images are ``observation_image(path, row, column)`` from -1 to 1, NaN where undefined, and
    ``observation_there(path, row, column)``, whether there is a pixel.
    """

    variables = ("observation_image", "observation_there")

    def draw(self) -> Figure:
        images = self.images.transpose("path", "row", "column", ...)
        there = images["observation_there"].values
        figure, panels = _panels(images["path"].values.tolist(), 2.25)
        for axes, image, here in zip(
            panels, images["observation_image"].values, there, strict=True
        ):
            _show(axes, render(image, "signed", palette=PALETTE), here)
        undefined = np.isnan(images["observation_image"].values) & there
        ramp = ListedColormap(render(np.linspace(-1, 1, 201), "signed") / 255)
        place: dict[str, Any] = {"shrink": 0.7, "aspect": 15, "pad": 0.02, "ticks": [-1, 0, 1]}
        bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), ramp), ax=panels, **place)
        bar.outline.set_visible(False)
        bar.ax.set_yticklabels(["−1  not at risk", "0", "+1  at risk"])
        _legend(figure, {}, undefined=bool(undefined.any()), empty=not there.all())
        return figure


class GeneCanvases(style.Picture):
    """One gene under each path.

    The images are ``gene_image(path, gene_row, gene_column)`` from 0 to 1 and ``gene_colour``,
    codes of `deepnic.nic.families.COLOURS`.
    """

    variables = ("gene_image", "gene_colour")

    def draw(self) -> Figure:
        images = self.images.transpose("path", "gene_row", "gene_column", ...)
        codes = images["gene_colour"].values
        figure, panels = _panels(images["path"].values.tolist())
        for axes, image, code in zip(panels, images["gene_image"].values, codes, strict=True):
            _show(axes, render(image, code, palette=PALETTE), code >= 0)
        keys = _colour_keys(np.unique(codes[codes >= 0]).tolist())
        _legend(figure, keys, empty=bool((codes < 0).any()))
        return figure


class BaseTiles(style.Picture):
    """The base images of a gene, a tile each.

    The images are ``tile(combination, tree_size, weight_range)`` with ``colour(combination)``.
    """

    variables = ("tile",)

    def draw(self) -> Figure:
        tiles = self.images["tile"]
        sheet = tile_sheet(tiles, palette=PALETTE)
        height, width = np.array([tiles.sizes["tree_size"], tiles.sizes["weight_range"]]) + TILE_GAP
        figure, [[axes]] = style.subplots(
            size=(style.WIDTH, 0.2 + style.WIDTH * sheet.shape[0] / sheet.shape[1])
        )
        axes.imshow(sheet, interpolation="none")
        axes.axis("off")
        for k, label in enumerate(tiles["combination"].values.tolist()):
            row, column = divmod(k, SHEET_COLUMNS)
            place = column * width - 0.5, row * height + TILE_GAP[0] - 0.8
            axes.text(*place, label, va="bottom", fontsize=8, parse_math=False)
            size = tiles.sizes["weight_range"], tiles.sizes["tree_size"]
            corner = place[0], row * height + TILE_GAP[0] - 0.5
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=style.GREY, lw=0.6))
        present = set(tiles["colour"].values.tolist())
        codes = [code for code, name in enumerate(COLOURS) if name in present]
        _legend(figure, _colour_keys(codes))
        return figure


def _panels(names: Sequence[str], height: float = 2.55) -> tuple[Figure, Any]:
    """Square panels side by side, under their names."""
    figure, [panels] = style.subplots(1, len(names), size=(style.WIDTH, height))
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, parse_math=False)
        axes.set(aspect="equal", xticks=[], yticks=[])
        for side in axes.spines.values():
            side.set(visible=True, color=style.RULE)
    return figure, panels


def _show(axes: Any, drawn: NDArray[np.uint8], there: NDArray[np.bool_]) -> None:
    """Show an image, hatched where there is no pixel."""
    opaque = np.where(there, 255, 0).astype(np.uint8)[..., None]
    axes.imshow(np.concatenate([drawn, opaque], axis=-1), interpolation="none")
    axes.patch.set(facecolor="white", edgecolor=style.GREY, hatch=HATCH)


def _tunnels(before: Any, after: Any) -> list[Any]:
    """Both mouths of each tunnel: steps along one axis, from edge to edge."""
    mouths = []
    for leave, enter in zip(before, after, strict=True):
        if (leave == enter).any():
            out = 0.7 * np.sign(leave - enter)
            mouths += [np.array([leave, leave + out]), np.array([enter - out, enter])]
    return mouths


def _colour_keys(codes: Sequence[int]) -> dict[str, Any]:
    ramp = np.linspace(0, 1, 6)
    names = (COLOURS[code] for code in codes)
    return {MEANINGS[name]: render(ramp, name, palette=PALETTE) for name in names}


def _legend(
    figure: Figure, ramps: dict[str, Any], *, undefined: bool = True, empty: bool = False
) -> None:
    """Explain colours below the panels: ramps from 0 to 1, the undefined, and no pixel."""
    keys: dict[str, Any] = {name: _patches(ramp / 255.0) for name, ramp in ramps.items()}
    if undefined:
        keys["undefined"] = _patches(np.array([PALETTES[PALETTE].undefined]) / 255)
    if empty:
        keys["no pixel"] = (Patch(facecolor="white", edgecolor=style.GREY, hatch=HATCH, lw=0.5),)
    if not keys:
        return
    look: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "fontsize": 8}
    look |= {"handlelength": 3, "handler_map": {tuple: HandlerTuple(ndivide=None, pad=0)}}
    columns = len(keys) if len(keys) < 6 else 3
    figure.legend([*keys.values()], [*keys], ncols=columns, **look)


def _patches(ramp: NDArray[np.float64]) -> tuple[Patch, ...]:
    return tuple(Patch(facecolor=rgb, linewidth=0) for rgb in ramp.tolist())
