"""Charts of several cohorts, a small panel for each, on one scale."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from deepnic.analysis.factors import Choice
from deepnic.analysis.ranking import (
    MEASURE,
    NO_FILTER,
    TITLES,
    in_one_unit,
    leaders,
    records,
    strength_label,
    strengths,
)
from deepnic.report.figures.style import BLUE, GREY, ORANGE, RULE, STYLE

WIDTH = 9.2
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#5F5F5F", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", (0, (5, 2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (3, 3)))
CHANCE = 0.5


def families(table: pd.DataFrame) -> Figure:
    """Balanced accuracy of the best arm of each family with its interval, by cohort.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.

    Returns
    -------
    Figure
        Assemblies above, as blue discs; all others as grey open squares.
    """
    first = leaders(table)
    rows = first.drop_duplicates("family")[["kind", "family"]]
    places: dict[str, float] = {}
    place, above = 0.0, None
    for row in records(rows):
        place -= 1.6 if above not in (None, row.kind) else 1
        places[row.family], above = place, row.kind
    figure, panels = _grid(table["cohort"].unique(), 0.6 - 0.2 * place)
    for cohort, axes in panels.items():
        for row in records(first[first["cohort"] == cohort]):
            _dot(axes, row, places[row.family], ours=row.kind == "assembly")
        axes.axvline(CHANCE, color=ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.set_yticks([*places.values()], [*places], parse_math=False)
        axes.set_ylim(place - 0.8, -0.2)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="x", color=RULE, lw=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    figure.supxlabel(f"{TITLES[MEASURE]}: mean and 95% interval", fontsize=9)
    return figure


def filters(table: pd.DataFrame) -> Figure:
    """Balanced accuracy of every path by the strength of the filter, by cohort and unit.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.

    Returns
    -------
    Figure
    """
    own = table[table["kind"] == "assembly"]
    units = [unit for unit in ("pixel", "tile") if unit in set(own["unit"])]
    paths, steps = list(dict.fromkeys(own["path"])), strengths(own)
    names = {
        (cohort, unit): f"{cohort}, {unit}s" if len(units) > 1 else cohort
        for cohort in own["cohort"].unique()
        for unit in units
    }
    columns = 2 if len(units) > 1 else None
    figure, panels = _grid([*names.values()], 1.9, columns)
    places = {path: (k - (len(paths) - 1) / 2) * 0.14 for k, path in enumerate(paths)}
    for axes, (cohort, unit) in zip(panels.values(), names, strict=True):
        one = own[(own["cohort"] == cohort) & (own["unit"] == unit)]
        for k, path in enumerate(paths):
            rows = one[one["path"] == path]
            x = rows["strength"].map(steps.index) + places[path]
            axes.vlines(x, rows["low"], rows["high"], color=HUES[k], lw=1.2)
            axes.plot(x, rows["mean"], MARKS[k], color=HUES[k], ms=4.5, label=path)
        axes.set_xticks(range(len(steps)), [strength_label(k) for k in steps])
        axes.set_xlim(-0.6, len(steps) - 0.4)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=RULE, lw=0.6)
    figure.supxlabel("pixels kept at most, by relevance", fontsize=9)
    figure.supylabel(TITLES[MEASURE], fontsize=9)
    _legend(figure, axes)
    return figure


def kept(table: pd.DataFrame, pixels: pd.Series) -> Figure:
    """Balanced accuracy against the pixels kept: the paths, and other uses of the same pixels.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    pixels : Series
        Mean number kept, by cohort and strength.

    Returns
    -------
    Figure
        Filled: pixels chosen by relevance, from few to many; open: those that vary most.
    """
    rows = in_one_unit(table[table["strength"] != ""]).merge(pixels.rename("pixels").reset_index())
    rows["line"] = rows["family"].where(rows["kind"] != "assembly", "the paths, mean and range")
    lines = list(dict.fromkeys(rows["line"]))
    figure, panels = _grid(rows["cohort"].unique(), 2.1)
    for cohort, axes in panels.items():
        for k, line in enumerate(lines):
            own = rows[(rows["cohort"] == cohort) & (rows["line"] == line)]
            _use_of_pixels(axes, own, k, line)
        axes.set_xscale("log")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(color=RULE, lw=0.6)
        _counts_axis(axes, rows["pixels"])
    figure.supxlabel("pixels kept (mean over training folds, log scale)", fontsize=9)
    figure.supylabel(TITLES[MEASURE], fontsize=9)
    _legend(figure, axes)
    return figure


def _use_of_pixels(axes: Any, rows: pd.DataFrame, k: int, name: str) -> None:
    """Draw the mean of some arms against the pixels kept, and their range where they differ."""
    means = rows.groupby("strength").agg(
        x=("pixels", "mean"), y=("mean", "mean"), low=("mean", "min"), high=("mean", "max")
    )
    chosen = means.drop(index=NO_FILTER, errors="ignore").sort_values("x")
    none = means.loc[means.index == NO_FILTER]
    look = {"color": HUES[k], "zorder": len(HUES) - k}
    axes.fill_between(*chosen[["x", "low", "high"]].T.values, color=HUES[k], alpha=0.2, lw=0)
    axes.vlines(*none.values[:, [0, 2, 3]].T, color=HUES[k], alpha=0.2, lw=5)
    axes.plot("x", "y", MARKS[k], data=chosen, ls=DASHES[k], ms=4, lw=1.4, label=name, **look)
    axes.plot("x", "y", MARKS[k], data=none, ms=5, mfc="white", mew=1.4, label="", **look)


def choices(found: Sequence[Choice]) -> Figure:
    """What each choice is worth: a dot for every cohort, and the mean with its interval.

    Parameters
    ----------
    found : sequence of Choice

    Returns
    -------
    Figure
    """
    place, places, above = 0.0, [], None
    for one in found:
        place -= 1.7 if above not in (None, one.question) else 1
        places.append(place)
        above = one.question
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, 0.9 - 0.25 * place), layout="constrained")
        axes = figure.subplots()
    axes.axvline(0, color=ORANGE, lw=1.2, ls=(0, (4, 3)), zorder=0)
    for one, y in zip(found, places, strict=True):
        dots, mean = 100 * one.differences.dropna(), one.mean
        axes.plot(dots, np.full(len(dots), y), "|", color=GREY, ms=9, mew=1.3, zorder=1)
        axes.hlines(y, 100 * mean.low, 100 * mean.high, color=BLUE, lw=2)
        axes.plot(
            100 * mean.mean, y, "o", color=BLUE, ms=7, mfc=BLUE if mean.sign else "white", mew=1.6
        )
    axes.set_yticks(places, [one.name for one in found], parse_math=False)
    axes.set_ylim(place - 0.8, -0.2)
    axes.set_xlabel("points of balanced accuracy; right of the line, the first is better")
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def ranks(comparison: pd.DataFrame) -> Figure:
    """Critical-difference diagram: mean ranks over cohorts, bars join what does not differ.

    Parameters
    ----------
    comparison : DataFrame
        One metric of `deepnic.analysis.compare.compare_cohorts`.

    Returns
    -------
    Figure
    """
    from scikit_posthocs import critical_difference_diagram  # imports pyplot

    mean = comparison.drop_duplicates("arm").set_index("arm")["rank"]
    p = comparison.pivot_table("p", "arm", "other").loc[mean.index, mean.index]
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, 1.1 + 0.16 * len(mean)), layout="constrained")
        axes = figure.subplots()
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


def calibration(table: pd.DataFrame, arms: Mapping[str, Mapping[str, str]]) -> Figure:
    """Share that came true against the probability given, by cohort.

    Parameters
    ----------
    table : DataFrame
        Columns cohort, arm, predicted, observed, n.
    arms : mapping of str to mapping of str to str
        By what the legend calls it, the arm of each cohort.

    Returns
    -------
    Figure
    """
    figure, panels = _grid(table["cohort"].unique(), 2.7)
    for cohort, axes in panels.items():
        axes.plot([0, 1], [0, 1], color=ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
        for k, (name, chosen) in enumerate(arms.items()):
            rows = table[(table["cohort"] == cohort) & (table["arm"] == chosen.get(cohort))]
            axes.plot(
                rows["predicted"], rows["observed"], color=HUES[k], ls=DASHES[k], lw=1.2, label=name
            )
            size = 5 + 40 * rows["n"] / max(rows["n"].max(), 1)
            place = rows["predicted"], rows["observed"]
            axes.scatter(*place, size, color=HUES[k], marker=MARKS[k], alpha=0.8, lw=0)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.05, 1.05), aspect="equal")
        axes.grid(color=RULE, lw=0.6)
    figure.supxlabel("probability given", fontsize=9)
    figure.supylabel("share that came true", fontsize=9)
    _legend(figure, axes)
    return figure


def _grid(
    names: Collection[str], height: float, columns: int | None = None
) -> tuple[Figure, dict[str, Any]]:
    """Panels under their names, on shared axes; a lone one is wide."""
    columns = min(columns or (2 if len(names) == 4 else 3), len(names))
    rows = -(-len(names) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH if columns > 1 else 7.6, 0.6 + height * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for empty in axes[len(names) :]:
        empty.set_visible(False)
    for one in axes[max(len(names) - columns, 0) : len(names)]:
        one.tick_params(axis="x", labelbottom=True)  # also above an empty place
    panels = dict(zip(names, axes, strict=False))
    if len(panels) > 1:
        for name, one in panels.items():
            one.set_title(name, parse_math=False)
    return figure, panels


def _dot(axes: Any, row: Any, place: float, *, ours: bool) -> None:
    """Draw a mean and its interval: ours a blue disc, others a grey open square."""
    colour = BLUE if ours else GREY
    if np.isnan(row.mean):
        axes.text(CHANCE, place, " undefined", va="center", color=GREY)
        return
    axes.hlines(place, row.low, row.high, color=colour, lw=1.8)
    mark = {"mfc": colour} if ours else {"mfc": "white"}
    axes.plot(row.mean, place, "o" if ours else "s", ms=5.5, color=colour, mew=1.4, **mark)


def _counts_axis(axes: Any, counts: pd.Series) -> None:
    """Ticks of a log axis at counts that occur, without their neighbours."""
    ticks: list[float] = []
    for count in sorted(counts.dropna().unique()):
        if not ticks or count > 1.6 * ticks[-1]:
            ticks.append(count)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _legend(figure: Figure, axes: Any) -> None:
    handles, names = axes.get_legend_handles_labels()
    columns = 3 if max(map(len, names), default=0) > 12 else len(names)
    figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False)
