"""The question named before the study: one image arm beside one classical arm."""

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where none was named."""
    if (goal := findings.goal) is None:
        return None
    margin = f"{100 * goal.margin:g} points"
    lines = [
        (
            METRIC_TITLES[one.metric],
            f"{one.image:.3f}",
            f"{one.classical:.3f}",
            one.difference.points(),
            "better" if one.metric == "brier" else f"not worse by {margin}",
            "yes" if one.holds else "not shown",
            "" if one.power != one.power else f"{one.power:.0%}",
            "" if one.needed != one.needed else f"{one.needed:.0f}",
        )
        for one in goal.measures
    ]
    heads = [
        "measure", goal.image, goal.classical, "difference in points", "must be", "is",
        "power, were they alike", "cohorts for 80%",
    ]  # fmt: skip
    content = {"goal": goal, "numbers": Table(heads, lines, align="lrrrllrr")}
    return Section("goal", "The question named beforehand", content)
