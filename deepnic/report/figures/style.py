"""What a figure is, how figures look and how they are kept.

They are drawn without pyplot: nothing global is touched. Colours are those of Okabe and Ito, told
apart by the colour-blind; shape and fill say the same once more.
"""

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from deepnic.analysis.ranking import rows

WIDTH, NARROW = 9.2, 7.6
BLUE, ORANGE, GREY, RULE = "#0072B2", "#C65300", "#5F5F5F", "#DDDDDD"
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#5F5F5F", "#56B4E9", "#E69F00", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", (0, (5, 2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (3, 3)))
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "svg.hashsalt": "deepnic",  # the same file for the same figure
}


class Display(ABC):
    """A figure that holds its numbers: it gives them as a table, and draws itself, as SVG."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """Return the numbers that are drawn."""

    @abstractmethod
    def draw(self) -> Figure:
        """Draw them."""

    def content(self) -> bytes:
        """Return the drawn figure as what a file of it holds, the same for the same."""
        file = io.BytesIO()
        figure = self.draw()
        with matplotlib.rc_context(STYLE):
            figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    def address(self) -> str:
        """Return the drawn figure as an address that holds it whole."""
        return address_of(self.content())


@dataclass(frozen=True)
class Chart(Display):
    """Marks and lines."""

    table: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        return self.table


@dataclass(frozen=True)
class Picture(Display):
    """Images, pixel by pixel in the SVG: drawn without interpolation, they stay sharp."""

    images: xr.Dataset

    variables: ClassVar[tuple[str, ...]]

    def frame(self) -> pd.DataFrame:
        """Return the value of every pixel that is drawn, by its place."""
        return self.images[[*self.variables]].to_dataframe()


def address_of(content: bytes) -> str:
    """Return an address that holds a drawn figure whole."""
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"


def look(k: int) -> tuple[str, str, Any]:
    """Colour, mark and dashes of the k-th curve of a panel."""
    return HUES[k % len(HUES)], MARKS[k % len(MARKS)], DASHES[k % len(DASHES)]


def subplots(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float], **sharing: Any
) -> tuple[Figure, Any]:
    """Make a figure and its axes, an array (row, column)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(size, layout="constrained")
        return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def places(names: Sequence[str], groups: Sequence[str]) -> dict[str, float]:
    """Places of names one below the other, a gap wherever the group changes.

    Examples
    --------
    >>> places(["a", "b", "c"], ["x", "x", "y"])
    {'a': -1.0, 'b': -2.0, 'c': -3.6}
    """
    changes = [1.6 if before != group else 1 for before, group in pairwise(groups)]
    return dict(zip(names, (-np.cumsum([1.0, *changes])).tolist(), strict=True))


def forest_plot(
    axes: Any, table: pd.DataFrame, at: Mapping[str, float], reference: float | None = None
) -> None:
    """Draw means and their intervals, one below the other, at the height of each name.

    The table has columns name, mean, low, high; ours: a blue disc, others a grey square; filled.
    The reference, a dashed line, means no effect; an undefined mean is said to be so there.
    """
    if reference is not None:
        axes.axvline(reference, color=ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
    for row in rows(table):
        colour, mark = (BLUE, "o") if row.ours else (GREY, "s")
        y = at[row.name]
        if np.isnan(row.mean):
            axes.text(reference or 0, y, " undefined", va="center", color=GREY)
            continue
        axes.hlines(y, row.low, row.high, color=colour, lw=1.9)
        fill = colour if row.filled else "white"
        axes.plot(row.mean, y, mark, ms=6, color=colour, mfc=fill, mew=1.5)
    axes.set_yticks([*at.values()], [*at], parse_math=False)
    axes.set_ylim(min(at.values()) - 0.8, -0.2)
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
