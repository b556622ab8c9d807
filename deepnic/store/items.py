"""What a path holds, whichever kind of items it is."""

from pathlib import Path

import xarray as xr

from deepnic.store.forest import open_forest
from deepnic.store.table import open_table


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
    return open_forest(path) if (Path(path) / "signature").exists() else open_table(path)
