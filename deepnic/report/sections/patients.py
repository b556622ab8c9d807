"""Patients one by one: ROC curve, confusion matrix, probabilities and what they mean."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.limits import share
from deepnic.analysis.metrics import calibration
from deepnic.analysis.patients import as_predictions, judge_patients, roc
from deepnic.analysis.ranking import rows
from deepnic.learn.calibration import UNCALIBRATED, calibrated_on
from deepnic.report.figures.patients import Probabilities, Reliability, Roc
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table

SHOWN = ["item", "truth", "probability", "wrong", "sure"]

Classes = tuple[str, str]
"""Names of state 0 and of state 1."""

OF_STUDY = calibrated_on("the training patients of each fold, by who was trained without them")


def patients_section(
    groups: Mapping[str, tuple[pd.DataFrame, Classes]], meaning: str = UNCALIBRATED
) -> Section | None:
    """Nothing where there are no patients of both states with probabilities.

    Patients and their classes, by whose probabilities they are, as of
    `deepnic.analysis.patients.patients_of` of one cohort and arm, with their ids (`item`) where
    these are to be seen.
    """
    parts = [
        _part(name, patients, classes)
        for name, (patients, classes) in groups.items()
        if patients["probability"].notna().all() and patients["truth"].nunique() == 2
    ]
    if not parts:
        return None
    return Section("patients", "Patients", {"meaning": meaning, "parts": parts})


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Patients of each cohort, by the best arm of ours and the best of the others."""
    if study.patients is None:
        return None
    of_arms = dict(iter(study.patients.groupby(["cohort", "arm"], sort=False)))
    chosen = [*findings.winners[["cohort", "arm"]].itertuples(index=False, name=None)]
    facts = study.facts["cohorts"]
    groups = {
        ", ".join(key): (of_arms[key], _classes_of(facts[key[0]]))
        for key in chosen
        if key in of_arms
    }
    cross_fitted = "parts" in study.facts["settings"]  # earlier ones were as each arm made them
    return patients_section(groups, OF_STUDY if cross_fitted else UNCALIBRATED)


def _classes_of(facts: Mapping[str, Any]) -> Classes:
    """Names of the states of a cohort; all labels that are not the positive one are state 0."""
    positive = facts["positive"]
    return " or ".join(label for label in facts["classes"] if label != positive), positive


def _part(name: str, patients: pd.DataFrame, classes: Classes) -> dict[str, Any]:
    measures, counts = judge_patients(patients)
    grouped = "group" in patients and bool(patients["group"].duplicated().any())
    matrix = [[k, *map(str, row)] for k, row in zip(classes, counts.tolist(), strict=True)]
    return {
        "name": name,
        "n": len(patients),
        "positive": classes[1],
        "grouped": grouped,
        "auroc": str(measures["auroc"]),
        "brier": str(measures["brier"]),
        "roc": Roc(roc(patients)),
        "probabilities": Probabilities(
            patients[[column for column in SHOWN[:3] if column in patients]], classes
        ),
        "calibration": Reliability(_reliability(patients, grouped=grouped)),
        "matrix": Table(["true class", *(f"called {one}" for one in classes)], matrix),
        "rows": _rows(patients) if "item" in patients else None,
    }


def _reliability(patients: pd.DataFrame, *, grouped: bool) -> pd.DataFrame:
    """Calibration of the mean probabilities, with Wilson's intervals where there are no groups."""
    curve = calibration(as_predictions(patients))
    if grouped:
        return curve.assign(low=curve["observed"], high=curve["observed"])
    ends = [share(one.observed, one.n) for one in rows(curve)]
    return curve.assign(low=[one.low for one in ends], high=[one.high for one in ends])


def _rows(patients: pd.DataFrame) -> Table:
    """Patients with their ids, most often wrong first."""
    table = patients.sort_values("wrong", ascending=False, kind="stable")
    rows = [
        [str(item), str(truth), *(f"{number:.3f}" for number in numbers)]
        for item, truth, *numbers in table[SHOWN].itertuples(index=False)
    ]
    return Table(SHOWN, rows, align="lrrrr")
