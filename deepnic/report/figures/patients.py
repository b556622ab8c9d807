"""Charts of patients: the ROC curve, the probability of each, and what came of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from deepnic.report.figures import style

MOST = 60  # patients whose ids can be read beside their probabilities


class Roc(style.Chart):
    """True against false positive rate; the table has columns false_positive, true_positive."""

    def draw(self) -> Figure:
        figure, axes = _square()
        axes.plot(self.table["false_positive"], self.table["true_positive"], color=style.BLUE)
        axes.set_xlabel("false positive rate (1 − specificity)")
        axes.set_ylabel("true positive rate (sensitivity)")
        return figure


class Reliability(style.Chart):
    """Share that came true against the mean probability, with its interval where that is known.

    The table has columns predicted, observed, low, high, n.
    """

    def draw(self) -> Figure:
        figure, axes = _square()
        x, n = self.table["predicted"], self.table["n"]
        axes.vlines(x, self.table["low"], self.table["high"], color=style.BLUE, lw=1.2, alpha=0.7)
        axes.plot(x, self.table["observed"], color=style.BLUE, lw=1.2)
        axes.scatter(x, self.table["observed"], 10 + 40 * n / n.max(), color=style.BLUE)
        axes.set_xlabel("probability given")
        axes.set_ylabel("share that came true")
        return figure


def _square() -> tuple[Figure, Any]:
    """Both axes from 0 to 1, and the diagonal."""
    figure, [[axes]] = style.subplots(size=(style.NARROW / 2, style.NARROW / 2))
    axes.plot([0, 1], [0, 1], color=style.ORANGE, lw=1, ls=(0, (4, 3)), zorder=0)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.grid(color=style.RULE, lw=0.6)
    return figure, axes


@dataclass(frozen=True)
class Probabilities(style.Chart):
    """Probability of each patient, sorted, by true state, the names of which are `classes`.

    The table has columns truth, probability and, if ids are to be seen, item.
    """

    classes: tuple[str, str] = ("state 0", "state 1")

    def draw(self) -> Figure:
        table = self.table.sort_values("probability", ascending=False, kind="stable")
        named = "item" in table and len(table) <= MOST
        figure, [[axes]] = style.subplots(size=(style.WIDTH, 3.4 if named else 2.6))
        places = np.arange(len(table))
        for truth, colour, mark in ((1, style.ORANGE, "o"), (0, style.BLUE, "s")):
            here = (table["truth"] == truth).to_numpy()
            points = places[here], table["probability"].to_numpy()[here]
            axes.scatter(*points, 18, color=colour, marker=mark, label=self.classes[truth])
        axes.axhline(0.5, color=style.GREY, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.set(ylim=(-0.03, 1.03), ylabel="probability")
        axes.set_xticks(places if named else [])
        if named:
            axes.set_xticklabels(table["item"], rotation=90, fontsize=6, parse_math=False)
        axes.set_xlabel("patients, most probable first")
        for text in axes.legend(frameon=False, loc="upper right").get_texts():
            text.set_parse_math(False)
        return figure
