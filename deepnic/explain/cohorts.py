"""The cohort that a forest was grown on, read again."""

from pathlib import Path

import xarray as xr

from deepnic.cohort import filled
from deepnic.cohort.noted import read_noted
from deepnic.errors import InputError
from deepnic.rop.origin import ORIGIN, check_cohort


def read_again(forest: xr.Dataset, file: Path | None = None) -> xr.Dataset:
    """Read the cohort of a forest where it was read, and in the same way, or from this file.

    Raises
    ------
    InputError
        The forest does not say where it was, or what is there is not what it was grown on.
    """
    cohort = read_noted(forest, file)
    if cohort is None:
        raise InputError("the store does not say where its cohort lies; name the file by cohort=")
    return grown_on(forest, cohort)


def grown_on(forest: xr.Dataset, cohort: xr.Dataset) -> xr.Dataset:
    """Return the cohort as a forest was grown on it: labels hidden, missing values filled.

    Observations have the ids that they have in the forest, where they may be pseudonyms.

    An `InputError` tells of another cohort, or of a store of which that cannot be told.
    """
    if ORIGIN not in forest.attrs:
        raise InputError("the store does not say what it was grown on; grow it anew")
    if (n := cohort.sizes["observation"]) != forest.sizes["observation"]:
        raise InputError(
            f"the cohort has {n} observations, and the forest {forest.sizes['observation']}; give "
            "the file that it was grown from"
        )
    ids = {name: forest[name] for name in ("observation", "group") if name in forest.coords}
    cohort = cohort.assign(state=("observation", forest["state"].values))
    cohort = cohort.assign_coords({name: ("observation", of.values) for name, of in ids.items()})
    check_cohort(cohort, forest.attrs[ORIGIN])
    return filled(cohort)
