"""The cohort that a store or table was made from, read again where it was read."""

import json
from pathlib import Path

import xarray as xr

from deepnic.cohort.read import read_cohort


def read_noted(dataset: xr.Dataset, file: Path | None = None) -> xr.Dataset | None:
    """Read the cohort that a Dataset notes, in the same way, or from another file.

    None where the Dataset notes none and no file is named. The note is that of ``deepnic grow``:
    the attribute ``cohort``, JSON of ``file`` and of ``reading``, options of `read_cohort`, whose
    errors are raised.
    """
    noted = json.loads(dataset.attrs.get("cohort", "{}"))
    if file is None and not noted:
        return None
    return read_cohort(file or noted["file"], **noted.get("reading", {}))
