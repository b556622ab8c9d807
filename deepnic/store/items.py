"""What a path holds, whichever kind of items it is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import xarray as xr

from deepnic.errors import InputError
from deepnic.files import check_new, locked, whole
from deepnic.store.forest import open_forest
from deepnic.store.group import children, lay_out, part_names, places, seal_group
from deepnic.store.table import open_store, open_table, write_table
from deepnic.variables import CLASSES, PARTS

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


def open_classes(path: str | Path, kind: str | None = None) -> dict[str, list[xr.Dataset]]:
    """Open what a path holds, of a kind or either, by the label that is state 1.

    Of more than two classes there is each against the rest; of each label a store, or that of each
    pipeline of cross-fitted images (see `deepnic.assembly.cross_fitted`).

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
    found = children(path, CLASSES)
    opened = {}
    for label, place in found.items() or [("", Path(path))]:
        stores = [open_one(part) for part in (children(place, PARTS) or {"": place}).values()]
        said = {str(one.attrs.get("positive", "")) for one in stores}
        if len(said) > 1 or (found and said != {label}):
            wanted = f"the class {label!r}, as the group says" if found else "one class"
            raise InputError(
                f"{place} is not of {wanted}; restore it from a copy, or make the group anew at "
                "another path"
            )
        opened[said.pop()] = stores
    return opened


def write_classes(tables: Mapping[str, Sequence[xr.Dataset]], path: str | Path) -> None:
    """Write tables, as `open_classes` opens them, into a group, which appears whole.

    One alone is written as `write_table` does.
    """
    path, (first, *others) = Path(path), tables.values()
    if not others and len(first) == 1:
        write_table(first[0], path)
        return
    with locked(path):
        check_new(path)
        with whole(path) as partial:
            if not others:
                _write_parts(first, partial)
                return
            lay_out(partial, "table", CLASSES, [*tables])
            for label, place in places(partial).items():
                _write_parts(tables[label], place)
            seal_group(partial)


def _write_parts(tables: Sequence[xr.Dataset], path: Path) -> None:
    if len(tables) == 1:
        write_table(tables[0], path)
        return
    lay_out(path, "table", PARTS, part_names(len(tables)))
    for table, place in zip(tables, places(path).values(), strict=True):
        write_table(table, place)
    seal_group(path)
