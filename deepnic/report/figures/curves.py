"""Charts of the filter's account, of training, and of rankings of genes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from deepnic.analysis.account import Stage
from deepnic.analysis.ranking import rows
from deepnic.analysis.training import NETWORK, PARTS, Ranking
from deepnic.report.figures import style

COLOURS = dict(zip(PARTS, (style.BLUE, style.ORANGE, style.GREY), strict=True))
CURVES = {"training_loss": "training loss", "test_accuracy": "accuracy on unseen"}


class Account(style.Chart):
    """How many pixels each stage of the filter keeps and removes, on a log scale.

    The table has columns name, pixels, removed (whether they were).
    """

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> Self:
        """Take the stages of a filter, means over folds."""
        counts = [("all pixels", stages[0].before, False)]
        for stage in stages:
            counts += [(reason, count, True) for reason, count in stage.removed.items()]
            counts += [(f"after the {stage.stage} stage", stage.kept, False)]
        return cls(pd.DataFrame(counts, columns=["name", "pixels", "removed"]))

    def draw(self) -> Figure:
        figure, [[axes]] = style.subplots(size=(style.NARROW, 0.8 + 0.27 * len(self.table)))
        for k, row in enumerate(rows(self.table)):
            colour, end = style.GREY if row.removed else style.BLUE, max(row.pixels, 0.8)
            axes.hlines(-k, 0.8, end, color=colour, lw=1 if row.removed else 4)
            axes.plot(end, -k, "o", ms=6, color=colour, mfc="white" if row.removed else colour)
            words = f"{row.pixels:,.0f}{' removed' if row.removed else ''}"
            place = {"textcoords": "offset points", "va": "center_baseline"}
            axes.annotate(words, (end, -k), (8, 0), **place)
        axes.set_xscale("log")
        axes.set_xlim(0.8, self.table["pixels"].max() * 60)
        axes.set_ylim(0.7 - len(self.table), 0.7)
        axes.set_yticks(-np.arange(len(self.table)), self.table["name"])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("pixels of one observation, log scale (mean over training folds)")
        axes.xaxis.set_major_formatter(EngFormatter())
        axes.minorticks_off()
        axes.grid(axis="x", color=style.RULE, lw=0.6)
        return figure


class Training(style.Chart):
    """Training curves by path and placement: the mean over folds and the range between them.

    The table has columns path, curve, epoch, mean, low, high.
    """

    def draw(self) -> Figure:
        paths = self.table["path"].unique()
        curves = [name for name in CURVES if name in set(self.table["curve"])]
        shape, size = (len(curves), len(paths)), (style.WIDTH, 0.6 + 1.9 * len(curves))
        figure, panels = style.subplots(*shape, size=size, sharex=True, sharey="row")
        for of_curve, curve in zip(panels, curves, strict=True):
            for axes, path in zip(of_curve, paths, strict=True):
                of_path = (self.table["path"] == path) & (self.table["curve"] == curve)
                line = self.table[of_path].sort_values("epoch")
                look = {"data": line, "color": style.BLUE}
                axes.fill_between("epoch", "low", "high", alpha=0.18, lw=0, **look)
                axes.plot("epoch", "mean", lw=1.8, **look)
                axes.grid(color=style.RULE, lw=0.6)
                axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            of_curve[0].set_ylabel(CURVES[curve])
            if curve == "training_loss":
                of_curve[0].set_ylim(bottom=0)
        for axes, path in zip(panels[0], paths, strict=True):
            axes.set_title(path, parse_math=False)
        figure.supxlabel("epoch", fontsize=9)
        return figure


@dataclass(frozen=True)
class Learning(style.Chart):
    """Loss and accuracy of one training run, epoch by epoch.

    The table has a column epoch and, of each part of the items, ``<part>_loss`` and
    ``<part>_accuracy`` where they were followed.
    """

    kept_epoch: int | None = None

    def draw(self) -> Figure:
        titles = {"loss": "loss: cross-entropy (nats)", "accuracy": "accuracy (% of items)"}
        figure, [panels] = style.subplots(1, 2, size=(style.WIDTH, 3.4))
        entries = {}
        for axes, (measure, title) in zip(panels, titles.items(), strict=True):
            for (part, colour), dashes in zip(COLOURS.items(), style.DASHES, strict=False):
                if (curve := f"{part}_{measure}") in self.table:
                    points = self.table[["epoch", curve]].dropna().to_numpy().T
                    look = {"ls": dashes, "color": colour, "ms": 4, "markevery": [-1]}
                    [entries[part]] = axes.plot(*points, "o", label=part, **look)
            if self.kept_epoch is not None:
                axes.axvline(self.kept_epoch, color=style.ORANGE, lw=0.8, zorder=0)
            axes.set_xlabel("epoch")
            axes.set_ylabel(title)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.grid(color=style.RULE, lw=0.6)
        panels[0].set_ylim(bottom=0)
        panels[1].yaxis.set_major_formatter(PercentFormatter(1))
        place = {"loc": "outside lower center", "ncols": len(entries), "frameon": False}
        figure.legend(entries.values(), entries, **place)
        return figure


class Rankings(style.Chart):
    """How well each ranking of the held-out genes does with its interval, by metric.

    The table has columns metric, name, mean, low, high.
    """

    @classmethod
    def of(cls, rankings: Mapping[str, Sequence[Ranking]]) -> Self:
        """Take the rankings by metric."""
        return cls(
            pd.DataFrame(
                {"metric": metric, "name": ranking.name} | asdict(ranking.value)
                for metric, of_metric in rankings.items()
                for ranking in of_metric
            )
        )

    def draw(self) -> Figure:
        names, metrics = self.table["name"].unique().tolist(), self.table["metric"].unique()
        ours = self.table["name"] == NETWORK
        table = self.table.assign(ours=ours, filled=ours)
        at, size = style.places(names, [""] * len(names)), (style.WIDTH, 0.9 + 0.3 * len(names))
        figure, [panels] = style.subplots(1, len(metrics), size=size, sharey=True)
        for axes, metric in zip(panels, metrics, strict=True):
            style.forest_plot(axes, table[table["metric"] == metric], at)
            axes.set_xlabel(f"{metric}: value and 95% interval")
        return figure
