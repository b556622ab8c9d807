"""Arms and folds that could not be made, and what that leaves out of the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where all was made."""
    failures = study.facts.get("failures", [])
    if not failures:
        return None
    content = {
        "numbers": failures_table(failures),
        "n": len(failures),
        "left_out": study.facts.get("left_out", {}),
        "unheard": [name for name in study.facts["cohorts"] if name not in findings.tested],
    }
    return Section("failures", "What could not be made", content)


def failures_table(failures: Sequence[Mapping[str, Any]]) -> Table:
    """What could not be made, and why."""
    lines: list[Row] = [
        [
            one["arm"] or "the whole fold",
            one["cohort"],
            f"{one['repeat']}-{one['fold']}",
            "true" if one["permutation"] < 0 else f"permuted ({one['permutation']})",
            "" if one["seed"] is None else str(one["seed"]),
            one["reason"],
        ]
        for one in failures
    ]
    heads = ["arm", "cohort", "repeat-fold", "labels", "seed", "why"]
    return Table(heads, lines, align="llllrl")
