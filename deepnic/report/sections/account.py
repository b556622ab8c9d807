"""What the filter keeps and removes, stage by stage."""

from collections.abc import Mapping, Sequence

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.account import Stage
from deepnic.analysis.ranking import strength_label
from deepnic.columns import NO_FILTER
from deepnic.report.figures.curves import Account
from deepnic.report.sections.section import Section
from deepnic.report.tables import Cell, Strong, Table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing without an account; the figure is of the weakest filter by relevance."""
    cohort = findings.tested[0]
    if cohort not in findings.accounts:
        return None
    stages = findings.accounts[cohort]
    weakest = [k for k in findings.strengths if k in stages and k != NO_FILTER] or [*stages]
    several = len(findings.tested) > 1
    content = {
        "account": Account.of(stages[weakest[-1]]),
        "of_cohort": f" of {cohort}" if several else "",
        "tables": {
            f"The account of {name}" if several else "": _table(of_cohort, findings.strengths)
            for name, of_cohort in findings.accounts.items()
        },
    }
    return Section("filter", "What the filter keeps", content)


def _table(accounts: Mapping[str, Sequence[Stage]], strengths: Sequence[str]) -> Table:
    strengths = [k for k in strengths if k in accounts]
    columns = [_counts(accounts[strength]) for strength in strengths]
    names = dict.fromkeys(name for column in columns for name in column)
    lines = [[name, *(column.get(name, "") for column in columns)] for name in names]
    return Table(["stage", *map(strength_label, strengths)], lines)


def _counts(stages: Sequence[Stage]) -> dict[Cell, Cell]:
    """What was kept, in bold, after the reasons for which the rest was removed."""
    counts: dict[Cell, Cell] = {Strong("all pixels"): Strong(f"{stages[0].before:,.0f}")}
    for stage in stages:
        for reason, count in stage.removed.items():
            counts[f"removed: {reason}"] = f"− {count:,.0f}"
        counts[Strong(f"kept by the {stage.stage} stage")] = Strong(f"{stage.kept:,.0f}")
    return counts
