"""What each choice is worth over the cohorts."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.cohorts import Factors
from deepnic.report.sections.section import Section
from deepnic.report.tables import factors_table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing for one cohort: there is nothing to take a mean over."""
    if findings.ranks is None or not findings.factors:
        return None
    content = {
        "n_cohorts": len(findings.cohorts),
        "factors": Factors.of(findings.factors),
        "numbers": factors_table(findings),
    }
    return Section("choices", "What each choice is worth", content)
