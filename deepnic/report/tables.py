"""Tables of a study: cells under heads, for the page and for Markdown alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from deepnic.analysis.differences import Difference
from deepnic.analysis.findings import Findings
from deepnic.analysis.interval import Interval
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import best_of_each, rows, strength_label
from deepnic.study.arms import KINDS


class Strong(NamedTuple):
    """A cell to be seen first."""

    cell: "str | Interval"


Cell = str | Interval | Strong
"""Text; or an interval, which each medium writes in its own way."""

Row = Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """Rows of cells, in groups.

    Attributes
    ----------
    heads : sequence of str
        Of the columns; may be empty.
    groups : sequence of (str, sequence of rows)
        Titles of groups, and their rows; a lone group needs no title.
    align : str
        A letter a column: l for words, r for numbers.
    caption : str
    """

    heads: Sequence[str]
    groups: Sequence[tuple[str, Sequence[Row]]]
    align: str = ""
    caption: str = ""

    @property
    def rows(self) -> list[Row]:
        """Rows of all groups."""
        return [row for _, group in self.groups for row in group]


def kind_title(kind: str) -> str:
    """Title of a kind of arms; a user's own kind may have none but its name.

    Examples
    --------
    >>> kind_title("forest"), kind_title("mine")
    ('the forest itself', 'mine')
    """
    return KINDS[kind].title if kind in KINDS else kind


def by_kind(rows: Iterable[tuple[str, Row]]) -> list[tuple[str, Sequence[Row]]]:
    """Group rows that come with their kinds, in the order given, under titles."""
    return [
        (kind_title(kind), [row for _, row in group])
        for kind, group in groupby(rows, lambda pair: pair[0])
    ]


def facts_table(caption: str, facts: Mapping[str, Any]) -> Table:
    """Facts by name, with their values in words."""
    return Table([], [("", [[name, plain(value)] for name, value in facts.items()])], "ll", caption)


def scores_table(
    findings: Findings, table: pd.DataFrame, head: str, by: str = "family", caption: str = ""
) -> Table:
    """Scores in one metric, a row for each family (or arm), a column for each cohort.

    Parameters
    ----------
    findings : Findings
    table : DataFrame
        Rows of `Findings.scores`, at most one for each cohort and family (or arm).
    head : str
        Of the first column.
    by : str
        family or arm.
    caption : str

    Returns
    -------
    Table
        In bold, the best of our arms and of all others in a cohort.
    """
    best = set(zip(findings.winners["cohort"], findings.winners["arm"], strict=True))
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows(table):
        cell = Interval.of(row)
        of_row = cells.setdefault(getattr(row, by), {})
        of_row[row.cohort] = Strong(cell) if (row.cohort, row.arm) in best else cell
    kinds = table.drop_duplicates(by).set_index(by)["kind"]
    groups = by_kind(
        (kinds[name], [name, *(of_row.get(cohort, Interval()) for cohort in findings.tested)])
        for name, of_row in cells.items()
    )
    return Table(
        [head, *findings.tested], groups, "l" + "r" * len(findings.tested), caption=caption
    )


def metrics_table(findings: Findings, cohort: str, arms: pd.DataFrame | None = None) -> Table:
    """Arms of a cohort with all their metrics, the best of each kind first.

    Parameters
    ----------
    findings : Findings
    cohort : str
    arms : DataFrame, optional
        Those shown; all, unless given.
    """
    table = findings.scores()
    table = table[table["cohort"] == cohort]
    best = set(findings.winners.loc[findings.winners["cohort"] == cohort, "arm"])
    if arms is not None:
        table = table[table["arm"].isin(arms["arm"])]
    of_cohort = findings.arms[findings.arms["cohort"] == cohort]
    metrics = {(row.arm, row.metric): str(Interval.of(row)) for row in rows(of_cohort)}
    lines = []
    for row in rows(best_of_each(table, "arm")):
        cells = [row.arm, *(metrics.get((row.arm, name), "undefined") for name in METRIC_TITLES)]
        lines.append((row.kind, [*map(Strong, cells)] if row.arm in best else cells))
    return Table(
        ["arm", *METRIC_TITLES.values()],
        by_kind(lines),
        "l" + "r" * len(METRIC_TITLES),
        "Mean and 95% interval over patients (bootstrap; it does not cover the choice of "
        "the training patients). Undefined: the measure does not exist for this arm. The smaller "
        "a Brier score, the better.",
    )


def rivals_table(findings: Findings) -> Table:
    """What the best assembly of each cohort is worth beside other ways, a column for each way."""
    cells: dict[tuple[str, str], Cell] = {
        (name, each.cohort): _points(each)
        for name, differences in findings.rivals.items()
        for each in differences
    }
    lines = [
        [cohort, *(cells.get((name, cohort), "") for name in findings.rivals)]
        for cohort in findings.tested
    ]
    return Table(
        ["cohort", *(f"beside {name}" for name in findings.rivals)],
        [("", lines)],
        "l" + "r" * len(findings.rivals),
        "What the best assembly of each cohort is worth beside other ways: points of "
        "balanced accuracy and their 95% interval over patients; in bold where they are beyond "
        "chance.",
    )


def kept_table(findings: Findings) -> Table:
    """Pixels kept and balanced accuracy by cohort and strength."""
    lines = [
        [row.cohort, strength_label(row.strength), f"{row.pixels:,.0f}"]
        + [f"{value:.3f}" for value in (row.paths, row.spread, row.random)]
        for row in rows(findings.kept)
    ]
    heads = ["cohort", "strength", "pixels", "paths, mean", "best less worst", "random placement"]
    return Table(
        heads,
        [("", lines)],
        "llrrrr",
        "Pixels kept at most, by relevance: pixels kept, mean over training folds; "
        "balanced accuracy, mean over the paths (pixels as units) and of random placement.",
    )


def factors_table(findings: Findings) -> Table:
    """What each choice is worth: mean over cohorts with its interval, and each cohort."""
    lines = [
        [factor.name, factor.mean.points(), *map(factor.point, findings.cohorts)]
        for factor in findings.factors
    ]
    return Table(
        ["choice", "mean", *findings.cohorts],
        [("", lines)],
        "lr" + "r" * len(findings.cohorts),
        "Points of balanced accuracy, mean over cohorts with its 95% interval, and each cohort.",
    )


def _points(difference: Difference) -> Cell:
    points = difference.patients.points()
    return Strong(points) if difference.sign else points


def duration(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> duration(0.0512), duration(8.25), duration(75), duration(7322)
    ('0.051 s', '8.2 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plain(value: Any) -> str:
    """Return a parameter in words.

    Examples
    --------
    >>> plain([3, 4]), plain(None), plain(True), plain({"k": 5})
    ('3, 4', 'none', 'yes', 'k = 5')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)
