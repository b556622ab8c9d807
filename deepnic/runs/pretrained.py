"""Patients of a cohort predicted by a network that was trained on others."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.assembly import assemble
from deepnic.assembly.cross_fitted import join_canvases, read_parts
from deepnic.cohort.noted import read_noted
from deepnic.errors import InputError
from deepnic.learn.calibration import KNOWN, Calibration, calibrate
from deepnic.learn.pretrained import ALL, Pretrained
from deepnic.runs.items import class_names
from deepnic.store import open_classes
from deepnic.variables import kind_of

REMARK = "calibrated on"
"""What is said of a patient whose state the probabilities were calibrated on."""


def predict_pretrained(source: Path, network: str) -> tuple[pd.DataFrame, Calibration]:
    """Predict the patients of a group of tables; nothing is trained.

    Parameters
    ----------
    source : Path
        Of ``deepnic grow --parts`` and ``deepnic pixels``: patients without a state are shown by
        the trees of all parts, the others by those that had not seen theirs.
    network : str
        `deepnic.learn.pretrained.SHIPPED`, or a file of ``deepnic pretrain``.

    Returns
    -------
    predictions : DataFrame
        One row a patient: `item`, `probability of CLASS` for each class, `predicted` and `remark`.
        The attribute ``notes`` says which network answers.
    calibration : Calibration
        By the patients of known state, which the network has not seen.

    Raises
    ------
    InputError
        The source is something else, or of more than two classes; see `Pretrained` too.
    """
    opened = open_classes(source)
    tables = next(iter(opened.values()))
    of_patients = kind_of(tables[0]) == "table" and "label" in tables[0].coords
    if len(opened) > 1 or len(tables) < 2 or not of_patients:
        raise InputError(
            f"{source} is not of the parts of patients of two classes, by which a pretrained "
            "network reads them; make such by `deepnic grow --parts 5` and `deepnic pixels`"
        )
    networks = Pretrained.read(network)
    part, state = read_parts(tables)
    name, note = _which(networks, tables[0])
    canvases = [assemble(table, path="linear") for table in tables]
    margin = networks.margin(join_canvases(canvases, part, state), name)
    known = state >= 0
    calibration = calibrate(margin[known], state[known], KNOWN.format(known.sum()))
    second = calibration.probability(margin)
    classes = class_names(tables[0])
    predictions = pd.DataFrame(
        {
            "item": tables[0]["item"].to_index(),
            f"probability of {classes[0]}": 1 - second,
            f"probability of {classes[1]}": second,
            "predicted": np.array(classes, object)[calibration.predicted(margin)],
            "remark": np.where(known, REMARK, ""),
        }
    )
    predictions.attrs["notes"] = [note]
    return predictions, calibration


def _which(networks: Pretrained, table: xr.Dataset) -> tuple[str, str]:
    """Name of the network that has not seen the cohort of a table, and what is said of it."""
    try:
        cohort = read_noted(table)
    except InputError:
        cohort = None
    if cohort is None:
        return ALL, (
            "the cohort is not any more where `deepnic grow` read it, so that nobody can tell "
            f"whether the network has seen it; it saw {', '.join(networks.known)}"
        )
    name = networks.unseen_by(cohort)
    if name == ALL:
        return name, f"the network was trained on {len(networks.known)} cohorts, none of these"
    return name, f"the cohort is one of those of the networks, {name}: the one without it answers"
