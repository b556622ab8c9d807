"""The sections of a study's page, a file each: what it shows, and when it has nothing to show.

A section is made of the results of a study and its findings; its words stand in the template of
its name. A further one is a file, a template, and its place in `SECTIONS`.
"""

from collections.abc import Callable

from deepnic.analysis import Findings, StudyResults
from deepnic.report.sections import (
    account,
    answer,
    calibration,
    chosen,
    classes,
    comparison,
    control,
    definitions,
    factors,
    failures,
    filters,
    goal,
    images,
    kept,
    made,
    patients,
    ranks,
    training,
)
from deepnic.report.sections.section import Section

__all__ = ["SECTIONS", "Section"]

SECTIONS: tuple[Callable[[StudyResults, Findings], Section | None], ...] = (
    answer.section, goal.section, failures.section, classes.section, comparison.section,
    filters.section, kept.section, factors.section, ranks.section, chosen.section,
    images.section, calibration.section, patients.section, control.section, account.section,
    training.section, made.section, definitions.section,
)  # fmt: skip
"""In the order of the page."""
