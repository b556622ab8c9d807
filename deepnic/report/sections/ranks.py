"""Families of arms compared over the cohorts by their ranks."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.cohorts import Ranks
from deepnic.report.sections.section import Section


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing for fewer than two cohorts or three arms."""
    if findings.ranks is None:
        return None
    content = {
        "ranks": Ranks(findings.ranks),
        "test": findings.ranks.iloc[0],
        "n_ranked": findings.ranks["arm"].nunique(),
    }
    return Section("ranks", "Over the cohorts: ranks", content)
