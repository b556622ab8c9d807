"""Charts of several cohorts, a small panel for each, on one scale; and of all of them together."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from deepnic.analysis.factors import Factor
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import MEASURE, OURS, strength_label, strengths
from deepnic.report.figures.style import (
    BLUE,
    GREY,
    NARROW,
    ORANGE,
    RULE,
    STYLE,
    WIDTH,
    Chart,
    forest_plot,
    legend,
    look,
    places,
    subplots,
)
from deepnic.variables import NO_FILTER

GUESSING = 0.5


class Families(Chart):
    """Balanced accuracy of the best arm of each family with its interval, by cohort.

    The table has columns cohort, kind, role, family, mean, low, high. Ours are blue discs, all
    others grey open squares.
    """

    def draw(self) -> Figure:
        """Draw a panel for each cohort."""
        families = self.table.drop_duplicates("family")
        at = places(families["family"].tolist(), families["kind"].tolist())
        ours = self.table["role"] == OURS
        table = self.table.assign(name=self.table["family"], ours=ours, filled=ours)
        figure, panels = _grid(table["cohort"].unique().tolist(), 0.6 - 0.2 * min(at.values()))
        for cohort, axes in panels.items():
            forest_plot(axes, table[table["cohort"] == cohort], at, GUESSING)
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        figure.supxlabel(f"{METRIC_TITLES[MEASURE]}: mean and 95% interval", fontsize=9)
        return figure


class Filters(Chart):
    """Balanced accuracy of every path by the strength of the filter, by cohort and unit.

    The table has columns cohort, path, strength, unit, mean, low, high.
    """

    def draw(self) -> Figure:
        """Draw a panel for each cohort and unit."""
        paths, steps = self.table["path"].unique().tolist(), strengths(self.table)
        units = self.table["unit"].unique()
        names = {
            (cohort, unit): f"{cohort}, {unit}s" if len(units) > 1 else cohort
            for cohort in self.table["cohort"].unique()
            for unit in units
        }
        figure, panels = _grid([*names.values()], 1.9, 2 if len(units) > 1 else None)
        shift = (np.arange(len(paths)) - (len(paths) - 1) / 2) * 0.7 / max(len(paths), 5)
        for axes, (cohort, unit) in zip(panels.values(), names, strict=True):
            arms = self.table[(self.table["cohort"] == cohort) & (self.table["unit"] == unit)]
            for k, path in enumerate(paths):
                of_path = arms[arms["path"] == path]
                x = of_path["strength"].map(steps.index) + shift[k]
                colour, mark, _ = look(k)
                axes.vlines(x, of_path["low"], of_path["high"], color=colour, lw=1.2)
                axes.plot(x, of_path["mean"], mark, color=colour, ms=4.5, label=path)
            axes.set_xticks(range(len(steps)), [strength_label(k) for k in steps])
            axes.set_xlim(-0.6, len(steps) - 0.4)
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.grid(axis="y", color=RULE, lw=0.6)
        figure.supxlabel("pixels kept at most, by relevance", fontsize=9)
        figure.supylabel(METRIC_TITLES[MEASURE], fontsize=9)
        legend(figure, axes)
        return figure


class UsesOfPixels(Chart):
    """Balanced accuracy against the pixels kept: the paths, and other uses of the same pixels.

    The table is `deepnic.analysis.account.uses_of_pixels`. Filled: pixels chosen by relevance, from
    few to many; open: those that vary most.
    """

    def draw(self) -> Figure:
        """Draw a panel for each cohort."""
        figure, panels = _grid(self.table["cohort"].unique().tolist(), 2.1)
        for cohort, axes in panels.items():
            for k, use in enumerate(self.table["use"].unique()):
                of_use = (self.table["cohort"] == cohort) & (self.table["use"] == use)
                _draw_use(axes, self.table[of_use], k, use)
            axes.set_xscale("log")
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.grid(color=RULE, lw=0.6)
            _counts_axis(axes, self.table["pixels"])
        figure.supxlabel("pixels kept (mean over training folds, log scale)", fontsize=9)
        figure.supylabel(METRIC_TITLES[MEASURE], fontsize=9)
        legend(figure, axes)
        return figure


class Factors(Chart):
    """What each choice is worth: a tick for every cohort, and the mean with its interval.

    The table has columns question, name, mean, low, high, and one of each cohort, in points.
    """

    @classmethod
    def of(cls, factors: Sequence[Factor]) -> Self:
        """Take the numbers of the factors."""
        table = pd.DataFrame(
            {**asdict(factor.mean), **factor.differences.to_dict()} for factor in factors
        )
        names = {name: [getattr(each, name) for each in factors] for name in ("question", "name")}
        return cls(pd.concat([pd.DataFrame(names), 100 * table], axis=1))

    def draw(self) -> Figure:
        """Draw the factors, question after question."""
        at = places(self.table["name"].tolist(), self.table["question"].tolist())
        outside = (self.table["low"] > 0) | (self.table["high"] < 0)
        figure, [[axes]] = subplots(size=(WIDTH, 0.9 - 0.25 * min(at.values())))
        cohorts = self.table.columns.drop(["question", "name", "mean", "low", "high"])
        for name, dots in self.table.set_index("name")[cohorts].iterrows():
            dots = dots.dropna()
            axes.plot(dots, [at[str(name)]] * len(dots), "|", color=GREY, ms=9, mew=1.3, zorder=1)
        forest_plot(axes, self.table.assign(ours=True, filled=outside), at, 0)
        axes.set_xlabel("points of balanced accuracy; right of the line, the first is better")
        return figure


class Ranks(Chart):
    """Critical-difference diagram: mean ranks over cohorts, bars join what does not differ.

    The table is one metric of `deepnic.analysis.compare.compare_cohorts`.
    """

    def draw(self) -> Figure:
        """Draw the diagram of Demšar (2006)."""
        from scikit_posthocs import critical_difference_diagram  # imports pyplot

        mean = self.table.drop_duplicates("arm").set_index("arm")["rank"]
        p = self.table.pivot_table("p", "arm", "other").loc[mean.index, mean.index]
        figure, [[axes]] = subplots(size=(WIDTH, 1.1 + 0.16 * len(mean)))
        with matplotlib.rc_context(STYLE):
            drawn = critical_difference_diagram(
                mean,
                p,
                ax=axes,
                label_fmt_left="{label} ({rank:.1f})",
                label_fmt_right="({rank:.1f}) {label}",
                label_props={"parse_math": False},
                elbow_props={"color": GREY, "lw": 0.9},
                marker_props={"color": BLUE, "s": 18},
                crossbar_props={"color": BLUE, "linewidth": 2.5},
            )
        axes.spines["top"].set_visible(True)
        for label in drawn["labels"]:
            label.set_color("black")
        return figure


class Calibration(Chart):
    """Share that came true against the probability given, by cohort.

    The table has columns cohort, name (of the curve), predicted, observed, n.
    """

    def draw(self) -> Figure:
        """Draw a panel for each cohort; the larger a mark, the more predictions."""
        figure, panels = _grid(self.table["cohort"].unique().tolist(), 2.7)
        for cohort, axes in panels.items():
            axes.plot([0, 1], [0, 1], color=ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
            for k, name in enumerate(self.table["name"].unique()):
                curve = self.table[(self.table["cohort"] == cohort) & (self.table["name"] == name)]
                colour, mark, dashes = look(k)
                points = curve["predicted"], curve["observed"]
                axes.plot(*points, color=colour, ls=dashes, lw=1.2, label=name)
                size = 5 + 40 * curve["n"] / max(curve["n"].max(), 1)
                axes.scatter(*points, size, color=colour, marker=mark, alpha=0.8, lw=0)
            axes.set(xlim=(-0.03, 1.03), ylim=(-0.05, 1.05), aspect="equal")
            axes.grid(color=RULE, lw=0.6)
        figure.supxlabel("probability given", fontsize=9)
        figure.supylabel("share that came true", fontsize=9)
        legend(figure, axes)
        return figure


def _grid(
    names: Sequence[str], height: float, columns: int | None = None
) -> tuple[Figure, dict[str, Any]]:
    """Panels under their names, on shared axes; a lone one is wide."""
    columns = min(columns or (2 if len(names) == 4 else 3), len(names))
    rows = -(-len(names) // columns)
    size = (WIDTH if columns > 1 else NARROW, 0.6 + height * rows)
    figure, axes = subplots(rows, columns, size=size, sharex=True, sharey=True)
    axes = axes.ravel()
    for empty in axes[len(names) :]:
        empty.set_visible(False)
    for last in axes[max(len(names) - columns, 0) : len(names)]:
        last.tick_params(axis="x", labelbottom=True)  # also above an empty place
    panels = dict(zip(names, axes, strict=False))
    if len(panels) > 1:
        for name, panel in panels.items():
            panel.set_title(name, parse_math=False)
    return figure, panels


def _draw_use(axes: Any, rows: pd.DataFrame, k: int, name: str) -> None:
    """Draw the mean of one use against the pixels kept, and the range where its arms differ."""
    colour, mark, dashes = look(k)
    chosen = rows[rows["strength"] != NO_FILTER].sort_values("pixels")
    rest = rows[rows["strength"] == NO_FILTER]
    style = {"color": colour, "zorder": 9 - k}
    axes.fill_between(*chosen[["pixels", "low", "high"]].T.values, color=colour, alpha=0.2, lw=0)
    axes.vlines(*rest[["pixels", "low", "high"]].T.values, color=colour, alpha=0.2, lw=5)
    curve = {"data": chosen, "ls": dashes, "ms": 4, "lw": 1.4, "label": name}
    axes.plot("pixels", "mean", mark, **curve, **style)
    axes.plot("pixels", "mean", mark, data=rest, ms=5, mfc="white", mew=1.4, label="", **style)


def _counts_axis(axes: Any, counts: pd.Series) -> None:
    """Ticks of a log axis at counts that occur, without their neighbours."""
    ticks: list[float] = []
    for count in sorted(counts.unique()):
        if not ticks or count > 1.6 * ticks[-1]:
            ticks.append(count)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
