"""Probabilities of the arms, beside what came true."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.cohorts import Calibration
from deepnic.report.sections.section import Section
from deepnic.report.tables import kind_title


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where no arm gives probabilities."""
    table = findings.calibration
    if table.empty:
        return None
    chart = Calibration(table.assign(name=table["kind"].map(kind_title)))
    return Section("calibration", "Probabilities", {"calibration": chart})
