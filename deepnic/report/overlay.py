"""What a network looks at, laid over the canvas that it reads."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deepnic.learn.attribution import PARTS, Attribution
from deepnic.report.figures import style
from deepnic.report.figures.colours import render

MARKED = 10
"""Cells that are numbered, those of the largest attributions."""

CELLS = ("pipeline", "row", "column")


class Overlay(style.Picture):
    """Canvases of items, and of which cells a network's margin of a class is made.

    The images are ``value(pipeline, row, column)``, the mean of the items; NaN where undefined, or
    where there is no pixel; and ``attribution(pipeline, row, column)``, the mean of their
    integrated gradients. The first cells are numbered, and named below in ``named``, an attribute.
    """

    variables = ("value", "attribution")

    @classmethod
    def of(cls, one: Attribution) -> Self:
        """Take the items predicted to be of the class, or all where there are none."""
        chosen = one.items["predicted"].to_numpy() == one.label
        chosen = chosen if chosen.any() else np.full(len(chosen), True)
        place = tuple(one.pixels[name].to_numpy() for name in CELLS)
        shape = [cells.max() + 1 for cells in place]
        value, attribution = np.full(shape, np.nan), np.zeros(shape)
        value[place], attribution[place] = _mean(one.image[chosen]), one.gradients[chosen].mean(0)
        first = np.argsort(-np.abs(attribution[place]), kind="stable")[:MARKED]
        parts = [name for name in PARTS if name in one.pixels]
        named = one.pixels.iloc[first][[*CELLS, *parts]].to_dict("records")
        who = "1 item" if chosen.sum() == 1 else f"the mean of {chosen.sum()} items"
        return cls(
            xr.Dataset(
                {"value": (CELLS, value), "attribution": (CELLS, attribution)},
                attrs={"named": named, "label": one.label, "who": who},
            )
        )

    def draw(self) -> Figure:
        value, size = self.images["value"].values, np.abs(self.images["attribution"].values)
        wide, facts = len(value), self.images.attrs
        side = min(style.WIDTH / max(wide, 2), 3.4)
        beside = 2.6 if wide == 1 else 0.0  # for the names, which stand below several
        figure, panels = style.subplots(2, wide, size=(side * wide + beside, 2 * side + 0.5))
        strength = size / max(size.max(), np.finfo(float).tiny)
        for k, (canvas, share) in enumerate(zip(value, strength, strict=True)):
            drawn = render(np.clip(canvas, -1, 1), "signed")
            for axes, cells in zip(panels[:, k], (drawn, _faded(drawn, share)), strict=True):
                axes.imshow(cells, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
            if wide > 1:
                panels[0, k].set_title(f"pipeline {k + 1}")
        panels[0, 0].set_ylabel(f"canvas, {facts['who']}")
        panels[1, 0].set_ylabel(f"what speaks for or against {facts['label']}")
        self._number(panels[1])
        axes, place = (panels[1, 0], (0.0, -0.08)) if wide > 1 else (panels[0, 0], (1.04, 1.0))
        look: dict[str, Any] = {"fontsize": 8, "parse_math": False, "va": "top"}
        axes.text(*place, "\n".join(_words(facts["named"])), transform=axes.transAxes, **look)
        return figure

    def _number(self, panels: Sequence[Any]) -> None:
        """Number the cells that are named."""
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "weight": "bold"}
        for number, one in enumerate(self.images.attrs["named"], 1):
            panels[one["pipeline"]].text(one["column"], one["row"], str(number), **look)

    def png(self) -> bytes:
        """Return the drawn figure as a file."""
        return base64.b64decode(self.address().partition(",")[2])


def _mean(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean over the items (item, pixel) in which a pixel is defined; NaN where in none."""
    defined = ~np.isnan(image)
    with np.errstate(invalid="ignore"):
        return np.nansum(image, axis=0, dtype=np.float64) / defined.sum(axis=0)


def _faded(rgb: NDArray[np.uint8], share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Have a cell its colour as far as it is looked at, and white for the rest."""
    strength = np.sqrt(share)[..., None]  # a tenth is still to be seen
    return (255 + strength * (rgb.astype(float) - 255)).round().astype(np.uint8)


def _words(named: list[dict[str, Any]]) -> Iterator[str]:
    """Lines that say which pixels are numbered."""
    for number, row in enumerate(named, 1):
        parts = [str(row[name]) for name in PARTS if name in row]
        where = parts or [f"row {row['row']}, column {row['column']}"]
        yield f"{number}  {', '.join(where)}"
