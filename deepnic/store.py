"""Forests on disk: schema, writing that can be interrupted, reading that notices.

A store is one Zarr (format 3) group that plain ``xarray.open_zarr`` reads. Its schema is laid out
before a tree is grown; each partition (one chunk of draws of one condition) is then written whole
by one task. Zarr writes a chunk beside its place and renames it, and a chunk states its own length:
a partition is done if and only if both its chunks are there and whole.
"""

import shutil
import struct
from itertools import product
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from deepnic.errors import InputError
from deepnic.progress import compute
from deepnic.variables import FOREST, TABLE, Variable, validate

Partition = tuple[int, int, int]


def write_forest(forest: xr.Dataset, path: str | Path) -> int:
    """Grow what a store lacks, and write it.

    Parameters
    ----------
    forest : Dataset, lazy
        From `grow_forest`.
    path : path
        Store to make, or to go on with after an interruption.

    Returns
    -------
    int
        Partitions grown and written by this call; 0 where the store was complete.

    Raises
    ------
    InputError
        The path holds something else, or a forest of other parameters or input.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_forest(forest, f"{folder}/f.zarr"), write_forest(forest, f"{folder}/f.zarr")
    (1, 0)
    """
    validate(forest, FOREST)
    path = Path(path).absolute()  # workers may run in other folders
    if path.exists():
        _check_same(path, forest)
    else:
        _lay_out(path, forest)
    for leftover in path.rglob("*.partial"):
        leftover.unlink()
    missing = _missing(path, forest)
    write = dask.delayed(_write_partition, pure=False)
    signature, vote = forest["signature"].data, forest["vote"].data
    tasks = [
        write(
            str(path), _region(forest, (v, r, d)), signature.blocks[v, r, d], vote.blocks[v, r, d]
        )
        for v, r, d in missing
    ]
    compute(tasks, "growing trees")
    return len(missing)


def open_forest(path: str | Path) -> xr.Dataset:
    """Open a finished store.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset, lazy
        As `grow_forest`, one chunk a partition.

    Raises
    ------
    InputError
        No such store, not a store of deepnic, or one with chunks missing or cut off.

    Examples
    --------
    >>> open_forest("no/such/store.zarr")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no store at no/such/store.zarr; make one with `deepnic grow`
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"no store at {path}; make one with `deepnic grow`")
    forest = _open(path, FOREST)
    missing = _missing(path, forest)
    if missing:
        total = np.prod(forest["signature"].data.numblocks)
        raise InputError(
            f"the store {path} is unfinished: {len(missing)} of {total} partitions are missing or "
            "cut off; run the same `deepnic grow` again, it goes on where it stopped"
        )
    return forest


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
    ...     dict(open_table(f"{folder}/table.zarr").sizes)
    {'item': 60, 'pixel': 10}
    """
    validate(table, TABLE)
    path = Path(path)
    check_new(path)
    draft = _draft(path)
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
    return _open(Path(path), TABLE, load=True)


def _open(path: Path, declared: dict[str, Variable], *, load: bool = False) -> xr.Dataset:
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


def _check_same(path: Path, forest: xr.Dataset) -> None:
    stored, asked = _identity(_open(path, FOREST)), _identity(forest)
    other = [name for name, value in asked.items() if stored.get(name) != value]
    if other:
        found = ", ".join(f"{name}={stored.get(name)!r}" for name in other)
        raise InputError(
            f"the store {path} was made with {found}, which differs from what is asked now; repeat "
            "those parameters, or choose another path"
        )


def _identity(forest: xr.Dataset) -> dict[str, Any]:
    """What two forests share if one can go on where the other stopped."""
    return {**forest.attrs, "draws_per_task": forest["signature"].data.chunksize[2]}


def _lay_out(path: Path, forest: xr.Dataset) -> None:
    """Write schema, coordinates and provenance; the folder appears only when they are complete."""
    compressor = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")
    encoding: dict[str, Any] = {
        name: {"chunks": forest[name].data.chunksize, "compressors": [compressor]}
        for name in ("signature", "vote")
    }
    draft = _draft(path)
    forest.to_zarr(draft, compute=False, zarr_format=3, consolidated=False, encoding=encoding)
    draft.rename(path)


def _draft(path: Path) -> Path:
    """Place beside ``path``, free of what an earlier run left there."""
    draft = path.with_name(path.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return draft


def _missing(path: Path, forest: xr.Dataset) -> list[Partition]:
    counts = forest["signature"].data.numblocks[:3]
    return [
        (v, r, d)
        for v, r, d in product(*map(range, counts))
        if not _is_whole(path / f"signature/c/{v}/{r}/{d}/0")
        or not _is_whole(path / f"vote/c/{v}/{r}/{d}/0/0")
    ]


def _is_whole(chunk: Path) -> bool:
    """Compare the length of a chunk with bytes 12 to 15 of its Blosc header, which state it."""
    if not chunk.exists():
        return False
    with chunk.open("rb") as file:
        header = file.read(16)
    return len(header) == 16 and struct.unpack("<I", header[12:])[0] == chunk.stat().st_size


def _region(forest: xr.Dataset, partition: Partition) -> dict[str, slice]:
    names = ("tree_size", "weight_range", "draw")
    chunks = forest["signature"].data.chunks
    starts = [sum(chunks[k][: partition[k]]) for k in range(3)]
    return {
        name: slice(start, start + chunks[k][partition[k]])
        for k, (name, start) in enumerate(zip(names, starts, strict=True))
    }


def _write_partition(
    path: str, region: dict[str, slice], signature: NDArray[np.uint8], vote: NDArray[np.int8]
) -> None:
    for name, values in (("vote", vote), ("signature", signature)):
        part = xr.Dataset({name: (FOREST[name].dims, values)})
        part.to_zarr(path, region=region, mode="r+", consolidated=False, write_empty_chunks=True)
