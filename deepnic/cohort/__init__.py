"""Cohorts: who was measured, what, and in which state."""

from deepnic.cohort.check import hide_labels, make_cohort
from deepnic.cohort.demo import demo_cohort
from deepnic.cohort.impute import filled
from deepnic.cohort.read import from_anndata, read_cohort, read_patients
from deepnic.cohort.several import read_classes

__all__ = [
    "demo_cohort",
    "filled",
    "from_anndata",
    "hide_labels",
    "make_cohort",
    "read_classes",
    "read_cohort",
    "read_patients",
]
