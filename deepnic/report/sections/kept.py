"""How many pixels are kept, and what they are worth."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.cohorts import UsesOfPixels
from deepnic.report.sections.section import Section
from deepnic.report.tables import kept_table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing for one strength."""
    if len(findings.strengths) < 2:
        return None
    content = {
        "claim": " ".join(findings.claim),
        "uses": UsesOfPixels(findings.uses),
        "unfiltered": study.facts["settings"]["arms"]["unfiltered"],
        "numbers": kept_table(findings),
    }
    return Section("kept", "How many pixels", content)
