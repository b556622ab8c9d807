"""Charts of a study of genes."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from deepnic.analysis.gene_scores import ROPE
from deepnic.analysis.interval import over_cohorts
from deepnic.analysis.ranking import BASELINE, OURS, RANDOM
from deepnic.report.figures import style


class Placements(style.Chart):
    """How far each path and placement is from a random one of the same pixels, by task.

    The table has columns task, arm, kind, role, difference, low, high.
    """

    def draw(self) -> Figure:
        arms = self.table.drop_duplicates("arm")
        at = style.places(arms["arm"].tolist(), arms["kind"].tolist())
        tasks = self.table["task"].unique().tolist()
        size = (style.WIDTH, 1.0 - 0.2 * min(at.values()))
        figure, [panels] = style.subplots(1, len(tasks), size=size, sharey=True)
        ours = self.table["role"] == OURS
        table = self.table.assign(name=self.table["arm"], ours=ours, filled=ours)
        for name, points in {"mean": "difference", "low": "low", "high": "high"}.items():
            table[name] = 100 * table[points]
        for axes, task in zip(panels, tasks, strict=True):
            axes.axvspan(-100 * ROPE, 100 * ROPE, color=style.RULE, alpha=0.6, lw=0, zorder=0)
            style.forest_plot(axes, table[table["task"] == task], at, 0)
            axes.set_title(task, parse_math=False)
        figure.supxlabel("points above a random placement of the same pixels, 95% interval")
        return figure


class Dose(style.Chart):
    """Quality against the dose of uninformative pixels: a panel a task, filler and way.

    The table has columns task, role, family, dose, filler, held, mean, low, high.
    """

    def draw(self) -> Figure:
        kinds = list(self.table.groupby(["task", "filler", "held"], sort=False))
        columns = min(len(kinds), 3)
        lines = -(-len(kinds) // columns)
        size = (style.WIDTH, 0.7 + 2.5 * lines)
        figure, panels = style.subplots(lines, columns, size=size)
        families = self.table["family"].unique().tolist()
        doses = sorted(self.table["dose"].unique())
        for axes in panels.flat[len(kinds) :]:
            axes.axis("off")
        for axes, ((task, filler, held), part) in zip(panels.flat, kinds, strict=False):
            for k, family in enumerate(families):
                self._line(axes, part[part["family"] == family], k, family, doses)
            axes.set_xticks(range(len(doses)), [f"{dose:g}" for dose in doses])
            way = ", canvas held" if held else ""
            axes.set_title(f"{task}; {filler}{way}", parse_math=False)
            axes.grid(axis="y", color=style.RULE, lw=0.6)
            axes.set_xlabel("uninformative pixels for each informative one")
        panels[0][0].set_ylabel("AUROC, or rank correlation")
        handles, names = panels[0][0].get_legend_handles_labels()
        place: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "ncols": 4}
        figure.legend(handles, names, **place)
        return figure

    @staticmethod
    def _line(axes: Any, part: pd.DataFrame, k: int, family: str, doses: list[float]) -> None:
        if part.empty:
            return
        x = part["dose"].map(doses.index) + (k - 3) * 0.06
        colour, mark, _ = style.look(k)
        role = part["role"].iloc[0]
        dash = {OURS: "-", RANDOM: (0, (4, 2)), BASELINE: (0, (1, 1))}.get(role, "-")
        axes.vlines(x, part["low"], part["high"], color=colour, lw=0.8, alpha=0.6)
        axes.plot(x, part["mean"], marker=mark, ls=dash, color=colour, ms=4, lw=1.2, label=family)


class Occlusion(style.Chart):
    """How much worse a network ranks when parts of the images are another gene's.

    The table has columns task, what, name, mean, low, high: the drop, over cohorts.
    """

    MOST = 12  # rows of a panel

    def draw(self) -> Figure:
        tasks, kinds = self.table["task"].unique(), self.table["what"].unique()
        size = (style.WIDTH, 0.5 + 2.9 * len(tasks))
        figure, panels = style.subplots(len(tasks), len(kinds), size=size)
        for line, task in zip(panels, tasks, strict=True):
            for axes, what in zip(line, kinds, strict=True):
                of = (self.table["task"] == task) & (self.table["what"] == what)
                part = self.table[of].nlargest(self.MOST, "mean")
                at = style.places(part["name"].tolist(), ["x"] * len(part))
                for name in ("mean", "low", "high"):
                    part = part.assign(**{name: 100 * part[name]})
                style.forest_plot(axes, part.assign(ours=True, filled=True), at, 0)
                axes.set_title(f"{task}: {what}", parse_math=False)
        figure.supxlabel("points lost, mean over cohorts and 95% interval")
        return figure


def occlusion_means(table: pd.DataFrame) -> pd.DataFrame:
    """Mean drop of each part over cohorts with Student's interval, for `Occlusion`."""
    lines = []
    for (task, what, name), group in table.groupby(["task", "what", "name"], sort=False):
        mean = over_cohorts(group["drop"])
        low, high = (mean.mean if np.isnan(end) else end for end in (mean.low, mean.high))
        lines.append((task, what, name, mean.mean, low, high))
    return pd.DataFrame(lines, columns=["task", "what", "name", "mean", "low", "high"])
