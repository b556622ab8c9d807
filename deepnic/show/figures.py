"""Figures of a study or a training run, drawn without pyplot: nothing global is touched.

Colours are those of Okabe and Ito, told apart by the colour-blind; shape and fill say the same
once more.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from deepnic.assembly.paths import PATHS, visit
from deepnic.nic.families import COLOURS
from deepnic.show.account import Stage
from deepnic.show.arms import Arm, Interval
from deepnic.show.render import (
    SHEET_COLUMNS,
    TILE_GAP,
    UNDEFINED,
    render,
    tile_sheet,
)

BLUE, ORANGE, GREY, RULE = "#0072B2", "#C65300", "#5F5F5F", "#DDDDDD"
SETS = {"training": (BLUE, "-"), "validation": (ORANGE, (0, (5, 2))), "test": (GREY, (0, (1, 1)))}
MEANINGS = {
    "grey": "NIC1",
    "blue": "one criterion",
    "green": "several criteria at once",
    "red": "one given another",
}
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


def comparison(arms: Sequence[Arm], majority: float) -> Figure:
    """Accuracy of every arm with its interval: assemblies above, baselines below.

    Parameters
    ----------
    arms : sequence of Arm
        In the order of `rank_arms`.
    majority : float
        Accuracy of always answering the larger class, drawn as a line.

    Returns
    -------
    Figure
    """
    figure, axes = _chart(0.9 + 0.3 * len(arms))
    place = 0.0
    places = []
    for k, arm in enumerate(arms):
        place -= 1.7 if k and arm.kind != arms[k - 1].kind else 1
        places.append(place)
        if np.isnan(arm.accuracy.mean):
            axes.text(majority, place, " undefined", va="center", color=GREY)
            continue
        _interval(axes, arm.accuracy, place, ours=arm.kind == "assembly")
    axes.axvline(majority, color=ORANGE, lw=1.2, ls=(0, (4, 3)), zorder=0)
    axes.annotate(
        "always the larger class",
        (majority, 1),
        (4, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="bottom",
        color=ORANGE,
    )
    axes.set_yticks(places, [arm.name for arm in arms], parse_math=False)
    axes.set_ylim(place - 0.8, -0.2)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("accuracy on unseen observations: mean and 95% interval")
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


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


def courses(names: Sequence[str], side: int = 8) -> Figure:
    """Draw the course of each path over a small canvas, from its first cell to its last.

    Parameters
    ----------
    names : sequence of str
        Names in `deepnic.assembly.paths.PATHS`; others are left blank.
    side : int
        Side of the canvas; even.

    Returns
    -------
    Figure
    """
    figure, panels = _panels(names, 2.2)
    for axes, name in zip(panels, names, strict=True):
        axes.set(xlim=(-0.7, side - 0.3), ylim=(side - 0.3, -0.7), xticks=[], yticks=[])
        if name not in PATHS:
            continue
        step = visit(name, side, side)
        leaps = np.flatnonzero(np.abs(np.diff(step, axis=0)).max(axis=1) > 1) + 1
        runs = np.split(step, leaps) + _tunnels(step[leaps - 1], step[leaps])
        for run in runs:
            axes.plot(run[:, 1], run[:, 0], color=BLUE, lw=1.4, solid_capstyle="round")
        (first_row, first), (last_row, last) = step[0], step[-1]
        axes.plot(first, first_row, "o", color=BLUE, ms=7)
        axes.plot(last, last_row, "s", color=BLUE, mfc="white", ms=6, mew=1.5)
    return figure


def observation_canvases(examples: xr.Dataset) -> Figure:
    """One observation under each path.

    Parameters
    ----------
    examples : Dataset
        ``observation_image(path, row, column)`` from -1 to 1, NaN where undefined.

    Returns
    -------
    Figure
    """
    images = examples["observation_image"].transpose("path", "row", "column")
    figure, panels = _panels(images["path"].values.tolist(), 2.25)
    for axes, image in zip(panels, images.values, strict=True):
        _picture(axes, render(image, "signed"))
    ramp = ListedColormap(render(np.linspace(-1, 1, 201), "signed") / 255)
    bar = figure.colorbar(
        ScalarMappable(Normalize(-1, 1), ramp),
        ax=panels,
        shrink=0.7,
        aspect=15,
        pad=0.02,
        ticks=[-1, 0, 1],
    )
    bar.outline.set_visible(False)
    bar.ax.set_yticklabels(["−1  not at risk", "0", "+1  at risk"])
    _legend(figure, {})
    return figure


def gene_canvases(examples: xr.Dataset) -> Figure:
    """One gene under each path, in the published colours.

    Parameters
    ----------
    examples : Dataset
        ``gene_image(path, gene_row, gene_column)`` from 0 to 1 and ``gene_colour``, codes of
        `deepnic.nic.families.COLOURS`.

    Returns
    -------
    Figure
    """
    dims = ("path", "gene_row", "gene_column")
    images = examples["gene_image"].transpose(*dims)
    codes = examples["gene_colour"].transpose(*dims).values
    figure, panels = _panels(images["path"].values.tolist())
    for axes, image, code in zip(panels, images.values, codes, strict=True):
        _picture(axes, render(image, code))
    _legend(figure, _colour_keys(np.unique(codes[codes >= 0]).tolist()))
    return figure


def base_tiles(examples: xr.Dataset) -> Figure:
    """Draw the base images of a gene, a tile each.

    Parameters
    ----------
    examples : Dataset
        ``tile(combination, tree_size, weight_range)`` with ``colour(combination)``.

    Returns
    -------
    Figure
    """
    tiles = examples["tile"]
    sheet = tile_sheet(tiles)
    height, width = np.array([tiles.sizes["tree_size"], tiles.sizes["weight_range"]]) + TILE_GAP
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 0.2 + 9.2 * sheet.shape[0] / sheet.shape[1]), layout="constrained")
        axes = figure.subplots()
    axes.imshow(sheet, interpolation="nearest")
    axes.axis("off")
    for k, label in enumerate(tiles["combination"].values.tolist()):
        row, column = divmod(k, SHEET_COLUMNS)
        top = row * height + TILE_GAP[0] - 0.5
        axes.text(column * width - 0.5, top - 0.3, label, va="bottom", fontsize=8, parse_math=False)
    present = set(tiles["colour"].values.tolist())
    _legend(figure, _colour_keys([COLOURS.index(name) for name in COLOURS if name in present]))
    return figure


def svg(figure: Figure) -> bytes:
    """Return a chart as SVG, the same bytes for the same chart."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def png(figure: Figure) -> bytes:
    """Return a picture as PNG: its pixels stay sharp wherever it is shown."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=180)
    return file.getvalue()


def svg_address(figure: Figure) -> str:
    """Return a chart as an address that holds it whole."""
    return _address("image/svg+xml", svg(figure))


def png_address(figure: Figure) -> str:
    """Return a picture as an address that holds it whole."""
    return _address("image/png", png(figure))


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


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


def _panels(names: Sequence[str], height: float = 2.55) -> tuple[Figure, Any]:
    """Square panels side by side, under their names."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, height), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, parse_math=False)
        axes.set_aspect("equal")
        for side in axes.spines.values():
            side.set(visible=True, color=RULE)
    return figure, panels


def _tunnels(before: Any, after: Any) -> list[Any]:
    """Both mouths of each tunnel: steps along one axis, from edge to edge."""
    mouths = []
    for leave, enter in zip(before, after, strict=True):
        if (leave == enter).any():
            out = 0.7 * np.sign(leave - enter)
            mouths += [np.array([leave, leave + out]), np.array([enter - out, enter])]
    return mouths


def _picture(axes: Any, rgb: Any) -> None:
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _colour_keys(codes: Sequence[int]) -> dict[str, Any]:
    ramp = np.linspace(0, 1, 6)
    return {MEANINGS[name]: render(ramp, name) for name in (COLOURS[code] for code in codes)}


def _legend(figure: Figure, ramps: dict[str, Any]) -> None:
    """Explain colours below the panels: ramps from 0 to 1, and the colour of the undefined."""
    handles: list[Any] = [
        tuple(Patch(facecolor=rgb / 255.0, linewidth=0) for rgb in ramp)
        for ramp in (*ramps.values(), np.array([UNDEFINED]))
    ]
    figure.legend(
        handles,
        [*ramps, "undefined" if ramps else "undefined, or no pixel"],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        handlelength=3,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=8,
    )
