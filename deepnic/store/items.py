"""What a path holds, whichever kind of items it is."""

from collections.abc import Callable, Mapping
from pathlib import Path

import xarray as xr

from deepnic.errors import InputError
from deepnic.files import check_new, locked, whole
from deepnic.store.forest import open_forest
from deepnic.store.group import children, lay_out, places, seal_group
from deepnic.store.table import open_store, open_table, write_table

OPEN: dict[str | None, Callable[[str | Path], xr.Dataset]] = {
    "forest": open_forest,
    "table": open_table,
}


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


def open_classes(path: str | Path, kind: str | None = None) -> dict[str, xr.Dataset]:
    """Open what a path holds, of a kind or either, of each class against the rest, by label.

    Of two classes it is one alone.

    Raises
    ------
    InputError
        As `open_items`; or a store is of another class than its group says.

    Examples
    --------
    >>> open_classes("no/such.zarr")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no table at no/such.zarr; make one with `deepnic pixels`
    """
    open_one = OPEN.get(kind, open_items)
    if not (found := children(path)):
        items = open_one(path)
        return {str(items.attrs.get("positive", "")): items}
    stores = {label: open_one(place) for label, place in found.items()}
    for label, items in stores.items():
        if items.attrs.get("positive") != label:
            raise InputError(
                f"{found[label]} is not of the class {label!r}, as the group says; restore it "
                "from a copy, or make the group anew at another path"
            )
    return stores


def write_classes(tables: Mapping[str, xr.Dataset], path: str | Path) -> None:
    """Write tables by label into a group, which appears whole; one alone as `write_table` does."""
    path = Path(path)
    if len(tables) == 1:
        write_table(next(iter(tables.values())), path)
        return
    with locked(path):
        check_new(path)
        with whole(path) as partial:
            lay_out(partial, "table", [*tables])
            for label, place in places(partial).items():
                write_table(tables[label], place)
            seal_group(partial)
