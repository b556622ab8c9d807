"""Charts of a study or a training run: numbers with their intervals, and curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from deepnic.analysis.ranking import Interval
from deepnic.report.account import Stage
from deepnic.report.figures.style import BLUE, GREY, ORANGE, RULE, STYLE

SETS = {"training": (BLUE, "-"), "validation": (ORANGE, (0, (5, 2))), "test": (GREY, (0, (1, 1)))}


def account(stages: Sequence[Stage]) -> Figure:
    """How many pixels each stage of the filter keeps and removes, on a log scale.

    Parameters
    ----------
    stages : sequence of Stage
        Means over folds.

    Returns
    -------
    Figure
    """
    rows = [("all pixels", stages[0].before, "all")] if stages else []
    for stage in stages:
        rows += [(reason, count, "removed") for reason, count in stage.removed.items()]
        rows += [(f"after the {stage.stage} stage", stage.kept, "kept")]
    figure, axes = _chart(0.8 + 0.27 * len(rows))
    right = max([count for _, count, _ in rows], default=1) * 60
    for k, (_, count, what) in enumerate(rows):
        colour = GREY if what == "removed" else BLUE
        length = max(count, 0.8)
        axes.hlines(-k, 0.8, length, color=colour, lw=1 if what == "removed" else 4)
        axes.plot(length, -k, "o", ms=6, color=colour, mfc="white" if what == "removed" else colour)
        words = f"{count:,.0f}" + (" removed" if what == "removed" else "")
        axes.annotate(words, (length, -k), (8, 0), textcoords="offset points", va="center_baseline")
    axes.set_xscale("log")
    axes.set_xlim(0.8, right)
    axes.set_ylim(0.7 - len(rows), 0.7)
    axes.set_yticks(-np.arange(len(rows)), [name for name, _, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("pixels of one observation, log scale (mean over training folds)")
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.minorticks_off()
    axes.grid(axis="x", color=RULE, lw=0.6)
    return figure


def training(history: pd.DataFrame) -> Figure:
    """Draw training curves: for each arm, the mean over folds and the range between them.

    Parameters
    ----------
    history : DataFrame
        Columns arm, epoch, training_loss, and test_accuracy where it was followed.

    Returns
    -------
    Figure
    """
    names = list(dict.fromkeys(history["arm"]))
    curves = {"training_loss": "training loss", "test_accuracy": "accuracy on unseen"}
    drawn = [c for c in curves if c in history and history[c].notna().any()]
    shape = len(drawn), len(names)
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 0.6 + 1.9 * len(drawn)), layout="constrained")
        panels = figure.subplots(*shape, sharex=True, sharey="row", squeeze=False)
    for row, curve in zip(panels, drawn, strict=True):
        for axes, name in zip(row, names, strict=True):
            one = history[history["arm"] == name].groupby("epoch")[curve]
            mean, low, high = one.mean(), one.min(), one.max()
            axes.fill_between(mean.index, low, high, color=BLUE, alpha=0.18, lw=0)
            axes.plot(mean.index, mean, color=BLUE, lw=1.8)
            axes.grid(color=RULE, lw=0.6)
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        row[0].set_ylabel(curves[curve])
        if curve == "training_loss":
            row[0].set_ylim(bottom=0)
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(name, parse_math=False)
    figure.supxlabel("epoch", fontsize=9)
    return figure


def learning(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy of one training run, epoch by epoch.

    Parameters
    ----------
    history : DataFrame
        Columns epoch and, for each of `SETS`, ``<set>_loss`` and ``<set>_accuracy`` where they
        were followed. A line marks the epoch of the least validation loss.

    Returns
    -------
    Figure
    """
    titles = {"loss": "loss: cross-entropy (nats)", "accuracy": "accuracy (% of items)"}
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 3.4), layout="constrained")
        panels = figure.subplots(1, len(titles))
    for axes, (measure, title) in zip(panels, titles.items(), strict=True):
        for name, (colour, dashes) in SETS.items():
            curve = f"{name}_{measure}"
            if curve in history:
                one = history[["epoch", curve]].dropna().to_numpy()
                axes.plot(*one.T, "o", ls=dashes, color=colour, ms=4, markevery=[-1], label=name)
        if "validation_loss" in history:
            kept = history.nsmallest(1, "validation_loss")["epoch"].item()
            axes.axvline(kept, color=ORANGE, lw=0.8, zorder=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(color=RULE, lw=0.6)
    panels[0].set_ylim(bottom=0)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1))
    entries = {
        name: line
        for axes in panels
        for line, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=len(entries), frameon=False
    )
    return figure


def rankings(rankings: Mapping[str, Mapping[str, Interval]]) -> Figure:
    """Draw how well each ranking does with its interval, a panel for each metric.

    Parameters
    ----------
    rankings : mapping of str to mapping of str to Interval
        By metric, then by ranking; the same rankings under each metric.

    Returns
    -------
    Figure
    """
    names = list(next(iter(rankings.values())))
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 0.9 + 0.3 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(rankings), sharey=True, squeeze=False)[0]
    for axes, (metric, intervals) in zip(panels, rankings.items(), strict=True):
        for place, name in enumerate(names):
            _interval(axes, intervals[name], -place, ours=name == "network")
        axes.set_xlabel(f"{metric}: value and 95% interval")
        axes.grid(axis="x", color=RULE, lw=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    panels[0].set_yticks(-np.arange(len(names)), names, parse_math=False)
    panels[0].set_ylim(0.6 - len(names), 0.6)
    return figure


def _interval(axes: Any, interval: Interval, place: float, *, ours: bool) -> None:
    """Draw a mean and its interval: ours a blue disc, others a grey open square."""
    colour = BLUE if ours else GREY
    axes.hlines(place, interval.low, interval.high, color=colour, lw=2)
    axes.plot(
        interval.mean,
        place,
        "o" if ours else "s",
        ms=7,
        color=colour,
        mfc=colour if ours else "white",
        mew=1.6,
    )


def _chart(height: float) -> tuple[Figure, Any]:
    with matplotlib.rc_context(STYLE):
        figure = Figure((7.6, height), layout="constrained")
        return figure, figure.subplots()
