"""Charts of several cohorts, a small panel for each, on one scale; and of all of them together."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from deepnic.analysis.factors import Factor
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import MEASURE, OURS, strength_label, strengths
from deepnic.columns import NO_FILTER
from deepnic.report.figures import style

GUESSING = 0.5


HANDLE = 10
"""Letters that the line beside a name in a legend takes, and the gaps."""

LETTERS = 12
"""Letters to an inch, about."""


class Families(style.Chart):
    """Balanced accuracy of the best arm of each family with its interval, by cohort.

    The table has columns cohort, kind, role, family, mean, low, high. Ours are blue discs, all
    others grey open squares.
    """

    def draw(self) -> Figure:
        families = self.table.drop_duplicates("family")
        at = style.places(families["family"].tolist(), families["kind"].tolist())
        ours = self.table["role"] == OURS
        table = self.table.assign(name=self.table["family"], ours=ours, filled=ours)
        figure, panels = _grid(table["cohort"].unique().tolist(), 0.6 - 0.2 * min(at.values()))
        for cohort, axes in panels.items():
            style.forest_plot(axes, table[table["cohort"] == cohort], at, GUESSING)
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        _label(figure, f"{METRIC_TITLES[MEASURE]}: mean and 95% interval")
        return figure


class Filters(style.Chart):
    """Balanced accuracy of every path by the strength of the filter, by cohort and unit.

    The table has columns cohort, path, strength, unit, mean, low, high.
    """

    def draw(self) -> Figure:
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
                colour, mark, _ = style.look(k)
                axes.vlines(x, of_path["low"], of_path["high"], color=colour, lw=1.2)
                axes.plot(x, of_path["mean"], mark, color=colour, ms=4.5, label=path)
            axes.set_xticks(range(len(steps)), [strength_label(k) for k in steps])
            axes.set_xlim(-0.6, len(steps) - 0.4)
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.grid(axis="y", color=style.RULE, lw=0.6)
        _label(figure, "pixels kept at most, by relevance", METRIC_TITLES[MEASURE], axes)
        return figure


class UsesOfPixels(style.Chart):
    """Balanced accuracy against the pixels kept: the paths, and other uses of the same pixels.

    The table is `deepnic.analysis.account.uses_of_pixels`. Filled: pixels chosen by relevance, from
    few to many; open: those that vary most.
    """

    def draw(self) -> Figure:
        figure, panels = _grid(self.table["cohort"].unique().tolist(), 2.1)
        ticks: list[float] = []  # counts that occur, without their neighbours
        for count in sorted(self.table["pixels"].unique()):
            if not ticks or count > 1.6 * ticks[-1]:
                ticks.append(count)
        for cohort, axes in panels.items():
            for k, use in enumerate(self.table["use"].unique()):
                of_use = (self.table["cohort"] == cohort) & (self.table["use"] == use)
                _draw_use(axes, self.table[of_use], k, use)
            axes.set_xscale("log")
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.grid(color=style.RULE, lw=0.6)
            axes.set_xticks(ticks, [f"{count:,.0f}" for count in ticks])
            axes.minorticks_off()
        words = "pixels kept (mean over training folds, log scale)"
        _label(figure, words, METRIC_TITLES[MEASURE], axes)
        return figure


class Factors(style.Chart):
    """What each choice is worth: a tick for every cohort, and the mean with its interval.

    The table has columns question, name, mean, low, high, and one of each cohort, in points.
    """

    @classmethod
    def of(cls, factors: Sequence[Factor]) -> Self:
        """Take the numbers of the factors."""
        table = pd.DataFrame([asdict(each.mean) | {**each.differences} for each in factors])
        names = {name: [getattr(each, name) for each in factors] for name in ("question", "name")}
        return cls(pd.concat([pd.DataFrame(names), 100 * table], axis=1))

    def draw(self) -> Figure:
        at = style.places(self.table["name"].tolist(), self.table["question"].tolist())
        outside = (self.table["low"] > 0) | (self.table["high"] < 0)
        figure, [[axes]] = style.subplots(size=(style.WIDTH, 0.9 - 0.25 * min(at.values())))
        cohorts = self.table.columns.drop(["question", "name", "mean", "low", "high"])
        look = {"color": style.GREY, "ms": 9, "mew": 1.3, "zorder": 1}
        for name, dots in self.table.set_index("name")[cohorts].iterrows():
            axes.plot(dots, [at[str(name)]] * len(dots), "|", **look)
        style.forest_plot(axes, self.table.assign(ours=True, filled=outside), at, 0)
        axes.set_xlabel("points of balanced accuracy; right of the line, the first is better")
        return figure


class Ranks(style.Chart):
    """Critical-difference diagram: mean ranks over cohorts, bars join what does not differ.

    The table is one metric of `deepnic.analysis.compare.compare_cohorts`.
    """

    def draw(self) -> Figure:
        from scikit_posthocs import critical_difference_diagram  # imports pyplot

        mean = self.table.drop_duplicates("arm").set_index("arm")["rank"]
        p = self.table.pivot_table("p", "arm", "other").loc[mean.index, mean.index]
        figure, [[axes]] = style.subplots(size=(style.WIDTH, 1.1 + 0.16 * len(mean)))
        with matplotlib.rc_context(style.STYLE):
            drawn = critical_difference_diagram(
                mean, p, ax=axes,
                label_fmt_left="{label} ({rank:.1f})", label_fmt_right="({rank:.1f}) {label}",
                label_props={"parse_math": False}, elbow_props={"color": style.GREY, "lw": 0.9},
                marker_props={"color": style.BLUE, "s": 18},
                crossbar_props={"color": style.BLUE, "linewidth": 2.5},
            )  # fmt: skip
        axes.spines["top"].set_visible(True)
        for label in drawn["labels"]:
            label.set_color("black")
        return figure


class Calibration(style.Chart):
    """Share that came true against the probability given, by cohort.

    The table has columns cohort, name (of the curve), predicted, observed, n.
    """

    def draw(self) -> Figure:
        figure, panels = _grid(self.table["cohort"].unique().tolist(), 2.7)
        for cohort, axes in panels.items():
            axes.plot([0, 1], [0, 1], color=style.ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
            for k, name in enumerate(self.table["name"].unique()):
                curve = self.table[(self.table["cohort"] == cohort) & (self.table["name"] == name)]
                colour, mark, dashes = style.look(k)
                points = curve["predicted"], curve["observed"]
                axes.plot(*points, color=colour, ls=dashes, lw=1.2, label=name)
                size = 5 + 40 * curve["n"] / max(curve["n"].max(), 1)
                axes.scatter(*points, size, color=colour, marker=mark, alpha=0.8, lw=0)
            axes.set(xlim=(-0.03, 1.03), ylim=(-0.05, 1.05), aspect="equal")
            axes.grid(color=style.RULE, lw=0.6)
        words = "probability given", "share that came true"
        if len(panels) > 1:
            _label(figure, *words, axes)
        else:  # a square: there is room beside it
            axes.set(xlabel=words[0], ylabel=words[1])
            handles, names = axes.get_legend_handles_labels()
            figure.legend(handles, names, loc="outside right center", frameon=False)
        return figure


def _grid(
    names: Sequence[str], height: float, columns: int | None = None
) -> tuple[Figure, dict[str, Any]]:
    """Panels under their names, on shared axes; a lone one is wide."""
    columns = min(columns or (2 if len(names) == 4 else 3), len(names))
    rows = -(-len(names) // columns)
    size = (style.WIDTH if columns > 1 else style.NARROW, 0.6 + height * rows)
    figure, axes = style.subplots(rows, columns, size=size, sharex=True, sharey=True)
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


def _label(figure: Figure, x: str, y: str = "", axes: Any = None) -> None:
    """Name the axes of all panels together, and explain above them what one of them holds.

    The legend has as many columns as the figure is wide enough for.
    """
    figure.supxlabel(x, fontsize=9)
    if axes is not None:
        figure.supylabel(y, fontsize=9)
        handles, names = axes.get_legend_handles_labels()
        longest = max(map(len, names), default=0) + HANDLE
        fit = int(LETTERS * figure.get_figwidth() / longest)
        columns = max(min(fit, len(names)), 1)
        figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False)


def _draw_use(axes: Any, rows: pd.DataFrame, k: int, name: str) -> None:
    """Draw the mean of one use against the pixels kept, and the range where its arms differ."""
    colour, mark, dashes = style.look(k)
    chosen = rows[rows["strength"] != NO_FILTER].sort_values("pixels")
    rest = rows[rows["strength"] == NO_FILTER]
    look = {"color": colour, "zorder": 9 - k}
    axes.fill_between(*chosen[["pixels", "low", "high"]].T.values, color=colour, alpha=0.2, lw=0)
    axes.vlines(*rest[["pixels", "low", "high"]].T.values, color=colour, alpha=0.2, lw=5)
    curve = {"data": chosen, "ls": dashes, "ms": 4, "lw": 1.4, "label": name}
    axes.plot("pixels", "mean", mark, **curve, **look)
    axes.plot("pixels", "mean", mark, data=rest, ms=5, mfc="white", mew=1.4, label="", **look)
