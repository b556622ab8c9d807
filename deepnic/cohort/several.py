"""Cohorts of more than two classes: each against the rest."""

from os import PathLike
from typing import Any

import pandas as pd
import xarray as xr

from deepnic.cohort.check import against_rest
from deepnic.cohort.classes import EACH
from deepnic.cohort.read import read_cohort


def read_classes(
    source: str | PathLike[str] | pd.DataFrame, *, positive: str | None = None, **how: Any
) -> dict[str, xr.Dataset]:
    r"""Read a cohort of each of several classes against the rest, from one reading of the file.

    Parameters
    ----------
    source : str, path or DataFrame
    positive : str, optional
        The only label to take so.
    **how
        All else as in `read_cohort`.

    Returns
    -------
    dict of Dataset
        By the label that is state 1 in it, in alphabetical order: observations and genes are those
        of every other. Of two classes, or with `positive`, the cohort of `read_cohort` alone.

    Raises
    ------
    InputError
        As `read_cohort`; a class has fewer than two observations.

    Examples
    --------
    >>> table = pd.DataFrame({"state": list("aabbcc"), "g1": range(6)}, index=list("uvwxyz"))
    >>> {label: cohort.state.values.tolist() for label, cohort in read_classes(table).items()}
    {'a': [1, 1, 0, 0, 0, 0], 'b': [0, 0, 1, 1, 0, 0], 'c': [0, 0, 0, 0, 1, 1]}
    """
    cohort = read_cohort(source, positive=EACH if positive is None else positive, **how)
    labels = sorted({*cohort["label"].values} - {""})
    if positive is not None or len(labels) == 2:
        return {str(cohort.attrs["positive"]): cohort}
    return {label: against_rest(cohort, label) for label in labels}
