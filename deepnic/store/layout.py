"""How the store of a forest is laid out: its schema, and the shapes of its chunks.

A new store is cut as the forest is; one that is there has its own cut, whichever version made it.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask.array as da
import xarray as xr

from deepnic.errors import InputError
from deepnic.files import PARTIAL, whole
from deepnic.manifest import METADATA, check_own, digest, digests_of
from deepnic.rop.forest import growth_of
from deepnic.rop.graph import cut_before
from deepnic.store.blocks import CHUNKED, GROWN
from deepnic.store.chunks import Layout, write_files
from deepnic.store.journal import note
from deepnic.store.sealed import AS_WRITTEN, COMPRESSORS


def lay_out(path: Path, forest: xr.Dataset, cut: tuple[int, int]) -> None:
    """Write schema, coordinates and provenance; the folder appears only when they are complete."""
    encoding: dict[Any, Any] = {name: {"compressors": COMPRESSORS} for name in forest.variables}
    schema = forest.copy()
    for name, chunks in chunk_shapes(forest, cut).items():
        array = forest[name].data
        encoding[name]["chunks"] = chunks
        # xarray walks the tasks, even if it is to write none
        schema[name] = forest[name].copy(data=da.empty(array.shape, dtype=array.dtype, chunks=-1))
    with whole(path) as partial:
        schema.to_zarr(partial, compute=False, encoding=encoding, **AS_WRITTEN)
        note(partial, digests_of(partial))


def chunk_shapes(forest: xr.Dataset, cut: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Shapes of chunks, by the draws and trees of a block."""
    draws, trees = map(min, cut, forest["vote"].shape[2:4])
    shapes = {name: forest[name].shape for name in CHUNKED}
    return {name: (1, 1, draws, *[trees] * (name in GROWN), shapes[name][-1]) for name in CHUNKED}


def mend_layout(path: Path, forest: xr.Dataset, digests: Mapping[str, str]) -> None:
    """Write what is damaged of a store beside its chunks, as it was."""
    damaged = [
        file
        for file, recorded in digests.items()
        if file.split("/")[:2] not in [[name, "c"] for name in CHUNKED]
        and (not (path / file).is_file() or digest((path / file).read_bytes()) != recorded)
    ]
    if not damaged:
        return
    check_own(path)
    right: dict[str, bytes] = {}
    for cut in _cuts(path, forest, damaged):
        with TemporaryDirectory(dir=path.parent, suffix=PARTIAL) as folder:
            lay_out(Path(folder, path.name), forest, cut)
            files = {file: Path(folder, path.name, file) for file in damaged}
            right |= {
                file: fresh.read_bytes()
                for file, fresh in files.items()
                if fresh.exists() and digest(fresh.read_bytes()) == digests[file]
            }
        if right.keys() == files.keys():
            break
    if lost := files.keys() - right.keys():
        raise InputError(
            f"{min(lost)} of the store {path} is damaged, and what is asked now does not make it "
            "as it was; repeat the parameters, the cohort and the version it was grown with, or "
            "choose another path"
        )
    write_files(path, right)


def _cuts(path: Path, forest: xr.Dataset, damaged: Collection[str]) -> Iterator[tuple[int, int]]:
    """How a store may have been cut: as the rest of it says, as stores are now, or were before."""
    for name in GROWN:
        if f"{name}/{METADATA}" not in damaged:
            _, _, draws, trees, _ = Layout.of(path, name).shape
            yield draws, trees
    yield forest["vote"].data.chunksize[2:4]
    yield cut_before(growth_of(forest).parameters, forest.sizes["observation"])
