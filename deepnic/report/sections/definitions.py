"""Whose definitions were used."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections.section import Section


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there."""
    return Section("whose", "Whose definitions", {})
