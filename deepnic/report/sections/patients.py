"""Patients one by one: ROC curve, confusion matrix, probabilities and what they mean."""

from typing import Any

import pandas as pd

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.metrics import calibration
from deepnic.analysis.patients import as_predictions, judge_patients, roc
from deepnic.learn.calibration import UNCALIBRATED, calibrated_on
from deepnic.report.figures.cohorts import Calibration
from deepnic.report.figures.patients import Probabilities, Roc
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table

SHOWN = ["item", "truth", "probability", "wrong", "sure"]


OF_STUDY = calibrated_on("the training patients of each fold, by who was trained without them")


def patients_section(
    groups: dict[str, pd.DataFrame], meaning: str = UNCALIBRATED
) -> Section | None:
    """Nothing where there are no patients of both states with probabilities.

    Patients, by whose probabilities they are, as of `deepnic.analysis.patients.patients_of` of one
    cohort and arm, with their ids (`item`) where these are to be seen.
    """
    able = {
        name: patients
        for name, patients in groups.items()
        if patients["probability"].notna().all() and patients["truth"].nunique() == 2
    }
    if not able:
        return None
    parts = [_part(name, patients) for name, patients in able.items()]
    return Section("patients", "Patients", {"meaning": meaning, "parts": parts})


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Patients of each cohort, by the best arm of ours and the best of the others."""
    if study.patients is None:
        return None
    of_arms = dict(iter(study.patients.groupby(["cohort", "arm"], sort=False)))
    chosen = [*findings.winners[["cohort", "arm"]].itertuples(index=False, name=None)]
    groups = {", ".join(key): of_arms[key] for key in chosen if key in of_arms}
    cross_fitted = "parts" in study.facts["settings"]  # earlier ones were as each arm made them
    return patients_section(groups, OF_STUDY if cross_fitted else UNCALIBRATED)


def _part(name: str, patients: pd.DataFrame) -> dict[str, Any]:
    measures, counts = judge_patients(patients)
    curve = calibration(as_predictions(patients)).assign(cohort="", name="patients")
    matrix = [[f"state {k}", *map(str, row)] for k, row in enumerate(counts.tolist())]
    return {
        "name": name,
        "n": len(patients),
        "grouped": "group" in patients and patients["group"].duplicated().any(),
        "auroc": str(measures["auroc"]),
        "brier": str(measures["brier"]),
        "roc": Roc(roc(patients)),
        "probabilities": Probabilities(
            patients[[column for column in SHOWN[:3] if column in patients]]
        ),
        "calibration": Calibration(curve),
        "matrix": Table(["true", "called state 0", "called state 1"], matrix),
        "rows": _rows(patients) if "item" in patients else None,
    }


def _rows(patients: pd.DataFrame) -> Table:
    """Patients with their ids, most often wrong first."""
    table = patients.sort_values("wrong", ascending=False, kind="stable")
    rows = [
        [str(item), str(truth), *(f"{number:.3f}" for number in numbers)]
        for item, truth, *numbers in table[SHOWN].itertuples(index=False)
    ]
    return Table(SHOWN, rows, align="lrrrr")
