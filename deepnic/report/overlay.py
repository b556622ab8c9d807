"""What a network looks at, laid out on the canvas that it reads."""

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
    """Canvases of items, and what each cell adds to a network's margin of a class: red, or blue.

    The images are ``value(pipeline, row, column)``, the mean of the items; NaN where undefined, or
    where there is no pixel; and ``attribution(pipeline, row, column)``, the mean of their
    integrated gradients. The largest are numbered, and named beside it by the attribute ``named``.
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
        value, size = (self.images[name].values for name in self.variables)
        wide, facts = len(value), self.images.attrs
        side = min(style.WIDTH / (wide + 1), 2.8)
        figure, panels = style.subplots(2, wide + 1, size=(side * (wide + 1), 2 * side + 0.3))
        share = size / max(np.abs(size).max(), np.finfo(float).tiny)
        for row, cells in zip(panels, (np.clip(value, -1, 1), share), strict=True):
            for axes, canvas in zip(row, cells, strict=False):
                axes.imshow(render(canvas, "signed"), interpolation="none")
                axes.set(xticks=[], yticks=[])
                for side in axes.spines.values():
                    side.set(visible=True, color=style.RULE)
            row[-1].axis("off")
        for k in range(wide):
            panels[0, k].set_title(f"pipeline {k + 1}" if wide > 1 else f"pixels, {facts['who']}")
            panels[1, k].set_title("" if k else f"red: speaks for {facts['label']}")
        look: dict[str, Any] = {"fontsize": 8, "parse_math": False, "va": "top"}
        panels[1, -1].text(0, 1, "\n".join(_words(facts["named"])), **look)
        self._number(panels[1])
        return figure

    def _number(self, panels: Sequence[Any]) -> None:
        """Number the cells that are named."""
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "weight": "bold"}
        for number, one in enumerate(self.images.attrs["named"], 1):
            panels[one["pipeline"]].text(one["column"], one["row"], str(number), **look)


def _mean(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean over the items (item, pixel) in which a pixel is defined; NaN where in none."""
    defined = ~np.isnan(image)
    with np.errstate(invalid="ignore"):
        return np.nansum(image, axis=0, dtype=np.float64) / defined.sum(axis=0)


def _words(named: list[dict[str, Any]]) -> Iterator[str]:
    """Lines that say which pixels are numbered."""
    for number, row in enumerate(named, 1):
        parts = [str(row[name]) for name in PARTS if name in row]
        where = parts or [f"row {row['row']}, column {row['column']}"]
        yield f"{number}  {', '.join(where)}"
