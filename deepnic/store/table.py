"""Tables of pixels on disk, and what all stores share."""

import shutil
from pathlib import Path

import xarray as xr

from deepnic.errors import InputError
from deepnic.variables import TABLE, Variable, validate


def write_table(table: xr.Dataset, path: str | Path) -> None:
    """Write a pixel table.

    Parameters
    ----------
    table : Dataset
        From `filter_pixels`.
    path : path
        New Zarr store.

    Raises
    ------
    InputError
        The path exists.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    >>> table = deepnic.filter_pixels(deepnic.observation_images(forest), k=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(table, f"{folder}/table.zarr")
    ...     sorted(open_table(f"{folder}/table.zarr").sizes.items())
    [('item', 60), ('pixel', 10)]
    """
    validate(table, TABLE)
    path = Path(path)
    check_new(path)
    draft = draft_of(path)
    table.to_zarr(draft, zarr_format=3, consolidated=False)
    draft.rename(path)


def check_new(path: Path) -> None:
    """Refuse a path that holds something, before anything is computed for it.

    Raises
    ------
    InputError
        It exists and is no empty folder.

    Examples
    --------
    >>> check_new(Path("no/such/path"))
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} exists already; choose another path, or delete it first")


def open_table(path: str | Path) -> xr.Dataset:
    """Read a pixel table into memory.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset
        As `filter_pixels`.

    Raises
    ------
    InputError
        No such table, or one that is damaged.

    Examples
    --------
    >>> open_table("no/such/table.zarr")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no table at no/such/table.zarr; make one with `deepnic pixels`
    """
    if not Path(path).exists():
        raise InputError(f"no table at {path}; make one with `deepnic pixels`")
    return open_store(Path(path), TABLE, load=True)


def open_store(path: Path, declared: dict[str, Variable], *, load: bool = False) -> xr.Dataset:
    try:
        dataset = xr.open_zarr(path, consolidated=False)
        validate(dataset, declared)
        if load:
            dataset.load()
    except Exception as error:  # Zarr raises many kinds for a damaged or foreign folder
        raise InputError(
            f"{path} is not a complete store of {', '.join(declared)} ({type(error).__name__}: "
            f"{error}); choose another path, or delete it and make it again"
        ) from error
    return dataset


def draft_of(path: Path) -> Path:
    """Place beside ``path``, free of what an earlier run left there."""
    draft = path.with_name(path.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return draft
