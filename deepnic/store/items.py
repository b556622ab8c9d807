"""What a path holds, whichever kind of items it is."""

from pathlib import Path

import xarray as xr

from deepnic.errors import InputError
from deepnic.store.forest import open_forest
from deepnic.store.table import open_store, open_table

OPEN = {"forest": open_forest, "table": open_table}


def open_items(path: str | Path) -> xr.Dataset:
    """Open what a path holds: the store of a forest, or a pixel table.

    Raises
    ------
    InputError
        Neither is there, or it is unfinished or damaged.

    Examples
    --------
    >>> open_items("no/such.zarr")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no table at no/such.zarr; make one with `deepnic pixels`
    """
    path = Path(path)
    kind = open_store(path).attrs["deepnic_kind"] if path.exists() else "table"
    if kind not in OPEN:
        raise InputError(f"{path} holds a {kind}; give the store of a forest, or a pixel table")
    return OPEN[kind](path)
