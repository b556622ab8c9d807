"""How a study was made: command, cohorts, machine and settings."""

from collections.abc import Mapping
from typing import Any

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table, facts_table


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there."""
    return how_it_was_made(
        study.facts,
        "summary, results, predictions, comparison, control, control_units, calibration, history, "
        "costs",
    )


def how_it_was_made(facts: Mapping[str, Any], tables_beside: str) -> Section:
    """From the facts of a study, and the names of its tables."""
    settings = facts["settings"]
    alone = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    groups = {f"Settings: {name}": value for name, value in settings.items() if name not in alone}
    tables = {"Machine": facts["machine"], "Settings": alone} | groups
    began, ended = (facts[name].replace("T", " ") for name in ("started", "finished"))
    content = {
        "command": facts["command"],
        "words": f"Begun {began}, finished {ended}. Beside this page lie study.toml, from which "
        f"the same command makes the same study, and every number as CSV: {tables_beside}.",
        "cohorts": _cohorts_table(facts["cohorts"]),
        "facts": {title: facts_table(table) for title, table in tables.items() if table},
    }
    return Section("made", "How this was made", content)


def _cohorts_table(cohorts: Mapping[str, Mapping[str, Any]]) -> Table:
    lines: list[Row] = []
    for name, cohort in cohorts.items():
        counts = [f"{cohort[key]:,}" for key in ("observations", "genes", "constant_genes")]
        classes = [
            f"{label}{' (at risk)' if label == cohort['positive'] else ''} {count:,}"
            for label, count in cohort["classes"].items()
        ]
        filled = "none"
        if cohort.get("missing"):
            filled = f"{cohort['missing']:,}, filled by {cohort['impute']} within each fold"
        lines.append([name, cohort["source"], *counts, ", ".join(classes), filled])
    heads = ["", "source", "observations", "genes", "constant genes", "classes", "missing values"]
    return Table(heads, lines, align="llrrrll")
