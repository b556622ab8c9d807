"""Tables of pixels on disk, and what all stores share."""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path

import xarray as xr
from zarr.codecs import Crc32cCodec

from deepnic.compute import of_this_process
from deepnic.errors import EngineError, InputError, as_word
from deepnic.files import as_path, check_new, locked, whole
from deepnic.manifest import manifest, seal
from deepnic.rop.origin import stamp
from deepnic.store.attributes import check_attributes
from deepnic.store.blocks import CHUNKED
from deepnic.store.group import check_single
from deepnic.store.sealed import AS_WRITTEN, COMPRESSORS, DamageError, SealedStore
from deepnic.variables import FORMAT, KINDS, RULES, describe, expect, kind_of, validate


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
        The path exists, or another process writes to it.

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
    expect(table, "table")
    table = describe(table, "table").assign_attrs(stamp())
    path = as_path(path)
    with locked(path):
        check_new(path)
        write_store(table, path)


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
    path = as_path(path)
    if not path.exists():
        raise InputError(f"no table at {path}; make one with `deepnic pixels`")
    return open_store(path, "table", load=True)


def write_store(dataset: xr.Dataset, path: Path) -> None:
    """Write a Dataset as a store of its own, which appears whole and sealed."""
    with whole(path) as partial:
        encoding = {name: {"compressors": COMPRESSORS} for name in dataset.variables}
        dataset.to_zarr(partial, encoding=encoding, **AS_WRITTEN)
        seal(partial)


def open_dataset(path: Path) -> xr.Dataset:
    """Read any sealed store into memory, or one of version 0.1.0."""
    digests = manifest(path)
    store = None if digests is None else SealedStore(path)
    if store is not None:
        store.check()
    dataset = xr.open_zarr(store or path, consolidated=False).load(scheduler=of_this_process())
    _check_sealed(path, dataset, digests)
    return dataset


def open_store(
    path: Path, kind: str | None = None, *, load: bool = False, unfinished: bool = False
) -> xr.Dataset:
    """Open a store, of a certain kind or any, of this version or an earlier one.

    It is read by its manifest, which only the stores of version 0.1.0 have to do without, and, if
    asked for, those that are unfinished. An `InputError` tells of one that is damaged, something
    else, or of a newer version.
    """
    check_single(path)
    digests = manifest(path)
    try:
        store = None if digests is None else SealedStore(path)
        if store is not None:
            store.check(metadata_only=unfinished)
        dataset = xr.open_zarr(store or path, consolidated=False)
        # version 0.1.0 stated none of these
        attrs = {"deepnic_format": 1, "deepnic_rules": 1} | dataset.attrs
        is_newer = attrs["deepnic_format"] > FORMAT or attrs["deepnic_rules"] > RULES
        if not is_newer:
            attrs["deepnic_kind"] = kind or kind_of(dataset)
            validate(dataset, KINDS[attrs["deepnic_kind"]])
            check_attributes(dataset, attrs["deepnic_kind"])
            if attrs["deepnic_format"] > 1:
                _check_packing(dataset, digests or {})
            if load:
                dataset.load(scheduler=of_this_process())
    except (DamageError, EngineError):
        raise
    except Exception as error:  # Zarr raises many kinds for a damaged or foreign folder
        wanted = ", ".join(KINDS[kind]) if kind else "a forest or of pixels"
        raise InputError(
            f"{path} is not a complete store of {wanted} ({type(error).__name__}: {error}); choose "
            "another path, or make it anew"
        ) from error
    if is_newer:
        raise InputError(
            f"{path} was written by deepnic {attrs.get('deepnic_version')}, whose stores are newer "
            "than this version's; update deepnic, or choose another path"
        )
    if not unfinished:
        _check_sealed(path, dataset, digests)
    return dataset.assign_attrs(attrs)


def _check_sealed(path: Path, dataset: xr.Dataset, digests: Mapping[str, str] | None) -> None:
    """Refuse a store without its manifest, unless it is of version 0.1.0, which wrote none."""
    is_new = dataset.attrs.get("deepnic_format", 1) > 1 or any(
        Crc32cCodec in codecs for codecs in _compressors(dataset).values()
    )
    if digests is None and is_new:
        raise InputError(
            f"the store {path} has no manifest, which is written last: a part of it is lost; "
            f"`deepnic verify {as_word(path)} --repair` makes it anew"
        )


def _check_packing(dataset: xr.Dataset, digests: Collection[str]) -> None:
    """Raise `ValueError` where codecs or chunks are not as they were written."""
    wanted = [type(codec) for codec in COMPRESSORS]
    held = Counter(file.partition("/c/")[0] for file in digests)
    for name, codecs in _compressors(dataset).items():
        variable = dataset.variables[name]
        pairs = list(zip(variable.shape, variable.encoding["chunks"], strict=True))
        n_chunks = math.prod(-(-size // chunk) for size, chunk in pairs)
        # a forest has no chunk where a tree size has fewer trees than another
        is_other = name not in CHUNKED and digests and held[str(name)] != n_chunks
        if codecs != wanted or is_other or any(0 < size < chunk for size, chunk in pairs):
            raise ValueError(f"{name} is packed in another way than deepnic packs")


def _compressors(dataset: xr.Dataset) -> dict[Hashable, list[type]]:
    """Kinds of codecs that pack each variable."""
    packed = {name: one.encoding.get("compressors") for name, one in dataset.variables.items()}
    return {name: [type(codec) for codec in codecs or ()] for name, codecs in packed.items()}
