"""More than two classes: what the arms make of all of them at once."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections.section import Section
from deepnic.report.tables import classes_table, confusion_table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where every cohort has two classes."""
    if not findings.classes:
        return None
    content = {
        "cohorts": [(one, classes_table(one), confusion_table(one)) for one in findings.classes]
    }
    return Section("classes", "All classes at once", content)
