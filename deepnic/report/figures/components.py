"""Observations of a cohort by their first principal components."""

from pathlib import Path

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from deepnic.analysis.components import components
from deepnic.files import whole
from deepnic.report.figures import style

UNKNOWN = "to predict"


class Components(style.Chart):
    """Every observation as a mark, by class.

    The table has columns label, first, second; its attributes hold the `shares` of the variance.
    """

    def draw(self) -> Figure:
        figure, panels = style.subplots(size=(style.NARROW, 5))
        axes = panels[0, 0]
        for k, (label, some) in enumerate(self.table.groupby("label")):
            colour, mark, _ = style.look(k)
            axes.plot(some["first"], some["second"], mark, color=colour, mfc="none", ms=6,
                      label=f"{str(label) or UNKNOWN} ({len(some)})")  # fmt: skip
        for axis, name, share in zip(
            (axes.xaxis, axes.yaxis), ("First", "Second"), self.table.attrs["shares"], strict=True
        ):
            axis.set_label_text(f"{name} principal component ({share:.0%} of the variance)")
        axes.legend(frameon=False)
        return figure


def write_components(cohort: xr.Dataset, output: Path) -> Components:
    """Draw a cohort's first two components as a PNG."""
    table, shares = components(cohort)
    table.attrs["shares"] = shares
    chart = Components(table)
    figure = chart.draw()
    with whole(output) as partial, matplotlib.rc_context(style.STYLE):
        figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})
    return chart
