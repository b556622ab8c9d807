"""Tables of a study: cells under heads, for the page and for Markdown alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from deepnic.analysis import Findings, Interval
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.multiclass import ACCURACY, Multiclass
from deepnic.analysis.ranking import MEASURE, best_of_each, rows, strength_label
from deepnic.study.arms import KINDS


class Strong(NamedTuple):
    """A cell to be seen first."""

    cell: "str | Interval"


Cell = str | Interval | Strong
"""Text; or an interval, which each medium writes in its own way."""

Row = Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    There may be no heads, and no ``groups`` or one for each row: the title it stands under.
    ``align`` has a letter a column, l for words and r for numbers; unless given, the first column
    holds words and all others numbers.
    """

    heads: Sequence[str]
    rows: Sequence[Row]
    groups: Sequence[str] = ()
    align: str = ""

    @property
    def grouped(self) -> list[tuple[str, list[Row]]]:
        """Rows under the titles of their groups, in order."""
        pairs = zip(self.groups or [""] * len(self.rows), self.rows, strict=True)
        return [(title, [row for _, row in of]) for title, of in groupby(pairs, lambda p: p[0])]


def facts_table(facts: Mapping[str, Any]) -> Table:
    """Facts by name, with their values in words."""
    return Table([], [[name, plain(value)] for name, value in facts.items()], align="ll")


def scores_table(findings: Findings, table: pd.DataFrame, head: str, by: str = "family") -> Table:
    """Scores in one metric, a row for each family (or arm), a column for each cohort.

    In bold is the best of our arms, and of all others, in a cohort. The rows of the table are some
    of `Findings.scores`, at most one for each cohort and family (or arm).
    """
    best = set(zip(findings.winners["cohort"], findings.winners["arm"], strict=True))
    lines: dict[tuple[str, str], dict[str, Cell]] = {}
    for row in rows(table):
        cell = Interval.of(row)
        line = lines.setdefault((getattr(row, by), kind_title(row.kind)), {})
        line[row.cohort] = Strong(cell) if (row.cohort, row.arm) in best else cell
    return Table(
        [head, *findings.tested],
        [
            [name, *(line.get(cohort, "") for cohort in findings.tested)]
            for (name, _), line in lines.items()
        ],
        [title for _, title in lines],
    )


def metrics_table(findings: Findings, cohort: str, among: pd.DataFrame) -> Table:
    """Those among some arms that are of a cohort, with all metrics, the best of each kind first."""
    arms = best_of_each(among[among["cohort"] == cohort], "arm")
    best = set(findings.winners.loc[findings.winners["cohort"] == cohort, "arm"])
    of_cohort = findings.arms[findings.arms["cohort"] == cohort]
    metrics = {(row.arm, row.metric): str(Interval.of(row)) for row in rows(of_cohort)}
    lines = []
    for arm in arms["arm"]:
        line = [arm, *(metrics.get((arm, name), "undefined") for name in METRIC_TITLES)]
        lines.append([*map(Strong, line)] if arm in best else line)
    return Table(["arm", *METRIC_TITLES.values()], lines, [*map(kind_title, arms["kind"])])


def classes_table(multiclass: Multiclass) -> Table:
    """The best arm of each family over all classes, in accuracy and mean recall."""
    arms = multiclass.arms
    best = arms[arms["metric"] == MEASURE].drop_duplicates("family")
    cells = {(row.arm, row.metric): Interval.of(row) for row in rows(arms)}
    lines = []
    for row in rows(best):
        line = [row.arm, cells[row.arm, ACCURACY], cells[row.arm, MEASURE]]
        lines.append([Strong(cell) for cell in line] if row.arm == multiclass.best else line)
    return Table(["arm", METRIC_TITLES[ACCURACY], "balanced accuracy, macro-averaged"], lines)


def confusion_table(multiclass: Multiclass) -> Table:
    """How often each class is taken for each."""
    shares = multiclass.confusion.set_index(["truth", "predicted"])["share"]
    classes = multiclass.classes
    lines = [[one, *(f"{shares[one, other]:.0%}" for other in classes)] for one in classes]
    return Table(["", *classes], lines)


def rivals_table(findings: Findings) -> Table:
    """What the best assembly of each cohort is worth beside other ways, a column for each way."""
    cells: dict[tuple[str, str], Cell] = {}
    for name, differences in findings.rivals.items():
        for each in differences:
            points = each.patients.points()
            cells[name, each.cohort] = Strong(points) if each.sign else points
    lines = [
        [cohort, *(cells.get((name, cohort), "") for name in findings.rivals)]
        for cohort in findings.tested
    ]
    return Table(["cohort", *(f"beside {name}" for name in findings.rivals)], lines)


def kept_table(findings: Findings) -> Table:
    """Pixels kept and balanced accuracy by cohort and strength."""
    heads = ["cohort", "strength", "pixels", "paths, mean", "best less worst", "random placement"]
    lines = [
        [row.cohort, strength_label(row.strength), f"{row.pixels:,.0f}"]
        + [f"{value:.3f}" for value in (row.paths, row.spread, row.random)]
        for row in rows(findings.kept)
    ]
    return Table(heads, lines, align="llrrrr")


def factors_table(findings: Findings) -> Table:
    """What each choice is worth: mean over cohorts with its interval, and each cohort."""
    lines = [
        [factor.name, factor.mean.points(), *map(factor.point, findings.cohorts)]
        for factor in findings.factors
    ]
    return Table(["choice", "mean", *findings.cohorts], lines)


def kind_title(kind: str) -> str:
    """Title of a kind of arms; a user's own kind may have none but its name."""
    return KINDS[kind].title if kind in KINDS else kind


def duration(seconds: float) -> str:
    """Return a time in words: 0.051 s, 8.2 s, 1 min 15 s, 2 h 2 min."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def plain(value: Any) -> str:
    """Return a parameter in words: 3, 4, none, yes, k = 5."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (not value and isinstance(value, str | list | tuple | Mapping)):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {plain(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)
