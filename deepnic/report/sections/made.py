"""How a study was made: command, cohorts, machine and settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table, facts_table
from deepnic.report.words import in_words


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there."""
    there = {
        "summary": True, "results": True, "predictions": True,
        "patients": study.patients is not None, "comparison": findings.ranks is not None,
        "control": study.control is not None, "control_units": study.control_units is not None,
        "chosen_genes": study.chosen_genes is not None, "calibration": True, "history": True,
        "costs": True, "columns": True,
    }  # fmt: skip
    return how_it_was_made(study.facts, [name for name, is_there in there.items() if is_there])


def how_it_was_made(facts: Mapping[str, Any], tables_beside: Sequence[str]) -> Section:
    """From the facts of a study, and the names of its tables."""
    settings = {"cohorts": {}} | facts["settings"]
    alone = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    settings |= {
        "cohorts": {name: in_words(_set(one)) for name, one in settings["cohorts"].items()}
    }
    groups = {f"Settings of the {name}": in_words(value) for name, value in settings.items()
              if name not in alone}  # fmt: skip
    tables = {"Machine": facts["machine"], "Settings": in_words(alone)} | groups
    began, ended = (facts[name].replace("T", " ") for name in ("started", "finished"))
    content = {
        "command": facts["command"],
        "began": began,
        "ended": ended,
        "tables": tables_beside,
        "cohorts": _cohorts_table(facts["cohorts"]),
        "facts": {title: facts_table(table) for title, table in tables.items() if table},
    }
    return Section("made", "How this was made", content)


def _set(cohort: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cohort.items() if value not in (None, False, [], "")}


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
