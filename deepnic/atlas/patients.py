"""What an atlas tells of patients, where it is to: votes of genes' trees that never saw them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.atlas.pack import least_unsigned, packed, packed_words, write_data
from deepnic.explain.votes import gene_votes
from deepnic.report.figures.colours import render

NOBODY = (
    "No patient is in these pages: they hold counts of trees by gene, and no value, vote, class or "
    "id of anyone."
)
PATIENTS = (
    "Patients are in these pages, {names}: their class, and what trees say of them. Keep and share "
    "the pages as you would the cohort."
)
NAMES = {True: "under pseudonyms", False: "by the ids of the store"}
UNKNOWN = "unknown"


def write_patients(
    data: Path, forest: xr.Dataset, judged: pd.DataFrame | None, together: int
) -> None:
    """Write whom there is, and the votes: of some genes to a script, and of a patient to one.

    ``judged`` are patients of a study: rows in their order, with columns probability, sure and
    wrong, and the arm among the attributes.
    """
    votes = gene_votes(forest)
    above, against = (votes[name].values.T for name in ("votes_for", "votes_against"))
    below = above + against
    sums = {"above": above.sum(axis=0), "below": below.sum(axis=0)}
    dtype = least_unsigned(int(below.max(initial=0)))
    above, below = above.astype(dtype), below.astype(dtype)
    people = _people(forest, judged)
    people |= {name: packed(sums[name].astype(np.float64)) for name in sums}
    write_data(data, "patients", people)
    for number, first in enumerate(range(0, len(above), together)):
        part = slice(first, first + together)
        write_data(
            data, f"votes-{number}", {"above": packed(above[part]), "below": packed(below[part])}
        )
    for number in range(above.shape[1]):
        of_one = {"above": packed(above[:, number]), "below": packed(below[:, number])}
        write_data(data, f"patient-{number}", of_one)


def _people(forest: xr.Dataset, judged: pd.DataFrame | None) -> dict[str, Any]:
    """Ids, classes, the colours of votes, and what a study says."""
    state = forest["state"].values
    label = forest["label"].values if "label" in forest.coords else state.astype(str)
    against, even, towards, nothing = render([-1, 0, 1, np.nan], "signed", palette="clear").tolist()
    people: dict[str, Any] = {
        "ids": packed_words(forest["observation"].values),
        "label": packed_words(np.where(state < 0, UNKNOWN, label)),
        "positive": packed((state == 1).astype(np.uint8)),
        "palette": {"zero": even, "one": [towards, against], "undefined": nothing},
    }
    if judged is not None:
        columns = {str(name): packed(judged[name].to_numpy(np.float64)) for name in judged}
        people |= {"arm": judged.attrs["arm"]} | columns
    return people
