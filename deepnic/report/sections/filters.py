"""Every path under every strength of the filter."""

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.ranking import OURS
from deepnic.report.figures.cohorts import Filters
from deepnic.report.sections.section import Section


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing for one strength."""
    if len(findings.strengths) < 2:
        return None
    table = findings.scores()
    chart = Filters(table[table["role"] == OURS])
    return Section("paths", "Paths and strengths of the filter", {"filters": chart})
