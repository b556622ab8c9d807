"""Forests on disk: schema, writing that can be interrupted, reading that notices.

A store is one Zarr (format 3) group that plain ``xarray.open_zarr`` reads. Its schema is laid out
before a tree is grown; each block (some trees of some draws of one condition, one chunk of
``tree_signature`` and of ``vote``) is then written by the task that grew it, and in the end the
signatures are written in the order of the genes as well. The files alone tell what is done. A
worker that does not see the store (by a mark in it) sends its files to the caller, who writes them.
The manifest comes last; with it, growing again mends what is damaged since.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import dask
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.compute import compute
from deepnic.errors import InputError
from deepnic.files import PARTIAL, locked, whole
from deepnic.manifest import digest, digests_of, manifest, seal
from deepnic.rop.draws import by_gene, n_trees_of_draw
from deepnic.rop.graph import tree_seconds
from deepnic.store.chunks import Layout, chunk_file, encode, is_right, write_files
from deepnic.store.sealed import COMPRESSORS, SealedStore
from deepnic.store.table import open_store
from deepnic.variables import FOREST, validate

GROWN = ("tree_signature", "vote")  # what a block has a chunk of
CHUNKED = ("signature", *GROWN)

ORDERED_TOGETHER = 16  # draws; opening the store costs as much as putting one in order

Draws = tuple[int, int, int]  # number of a chunk along tree_size, weight_range and draw
Block = tuple[int, int, int, int]  # the same, and along tree


def write_forest(forest: xr.Dataset, path: str | Path) -> int:
    """Grow what a store lacks, and write it.

    Parameters
    ----------
    forest : Dataset, lazy
        From `grow_forest`.
    path : path
        Store to make, or to go on with after an interruption; workers need not see it.

    Returns
    -------
    int
        Blocks of trees grown and written by this call; 0 where the store was complete.

    Raises
    ------
    InputError
        The path holds something else, or a forest of other parameters or input; or another process
        writes to it.

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
    with locked(path):
        digests = manifest(path)
        if not path.exists():
            _lay_out(path, forest)
        elif digests is not None:
            _mend_layout(path, forest, digests)
        _check_same(path, forest)
        for leftover in path.rglob(f"*{PARTIAL}"):
            leftover.unlink()
        layouts = {name: Layout.of(path, name) for name in CHUNKED}
        blocks, unordered = _missing(path, forest, layouts, digests)
        if blocks or unordered:
            with _mark(path) as mark:
                _grow(path, mark, forest, blocks, layouts)
                _order(path, mark, unordered, layouts["signature"])
            _check_grown(path, forest, layouts, digests)
        if digests is None:
            seal(path)
    return len(blocks)


def open_forest(path: str | Path) -> xr.Dataset:
    """Open a finished store.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset, lazy
        As `grow_forest`. Workers that do not see the store raise an `InputError`.

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
    path = path.absolute()  # workers may run in other folders
    is_sealed = manifest(path) is not None
    forest = open_store(path, "forest", unfinished=not is_sealed)
    if not is_sealed:
        _check_finished(path, forest)
        # of version 0.1.0, which wrote no manifest: what is there now is what will be read
        store = SealedStore(path, digests_of(path))
        forest = xr.open_zarr(store, consolidated=False).assign_attrs(forest.attrs)
    return forest


def _check_finished(path: Path, forest: xr.Dataset) -> None:
    layouts = {name: Layout.of(path, name) for name in CHUNKED}
    missing = sum(len(chunks) for chunks in _missing(path, forest, layouts, None))
    if missing or forest.attrs["deepnic_format"] > 1:
        what = (
            f"{missing} of its chunks are missing or cut off"
            if missing
            else "it lacks its manifest"
        )
        raise InputError(
            f"the store {path} is unfinished: {what}; run the same `deepnic grow` again, it goes "
            "on where it stopped"
        )


def _mend_layout(path: Path, forest: xr.Dataset, digests: Mapping[str, str]) -> None:
    """Write what is damaged of a finished store beside its chunks, as it was."""
    damaged = [
        file
        for file, recorded in digests.items()
        if file.split("/")[:2] not in [[name, "c"] for name in CHUNKED]
        and (not (path / file).exists() or digest((path / file).read_bytes()) != recorded)
    ]
    if not damaged:
        return
    with TemporaryDirectory(dir=path.parent, suffix=PARTIAL) as folder:
        _lay_out(Path(folder, path.name), forest)
        files = {file: Path(folder, path.name, file) for file in damaged}
        right = {
            file: fresh.read_bytes()
            for file, fresh in files.items()
            if fresh.exists() and digest(fresh.read_bytes()) == digests[file]
        }
    if lost := files.keys() - right:
        raise InputError(
            f"{min(lost)} of the store {path} is damaged, and what is asked now does not make it "
            "as it was; repeat the parameters, the cohort and the version it was grown with, or "
            "choose another path"
        )
    write_files(path, right)


def _check_grown(
    path: Path,
    forest: xr.Dataset,
    layouts: Mapping[str, Layout],
    digests: Mapping[str, str] | None,
) -> None:
    """Refuse chunks that are not what was asked for: of a finished store, to the last bit."""
    blocks, unordered = _missing(path, forest, layouts, digests)
    if blocks or unordered:
        raise InputError(
            f"{len(blocks) + len(unordered)} chunks of the store {path} do not come out as they "
            "were: the file system loses what is written, or other rules grew them; choose another "
            "path"
        )


def _check_same(path: Path, forest: xr.Dataset) -> None:
    """Refuse to go on with a store of another forest, cut in another way, or damaged."""
    stored = open_store(path, "forest", unfinished=True)
    differing = [
        f"{name}={stored.attrs.get(name)!r}"
        for name, value in forest.attrs.items()
        if stored.attrs.get(name) != value and name not in ("deepnic_version", "deepnic_format")
    ]
    if not differing and stored["vote"].data.chunks != forest["vote"].data.chunks:
        differing = [f"blocks of {stored['vote'].data.chunksize[2:4]} draws and trees"]
    if differing:
        raise InputError(
            f"the store {path} was made with {', '.join(differing)}, which differs from what is "
            "asked now; repeat those parameters, or choose another path"
        )
    for name in forest.variables.keys() - CHUNKED:
        try:
            is_same = np.array_equal(stored[name].values, forest[name].values)
        except Exception:  # Zarr and the codecs raise many kinds
            is_same = False
        if not is_same:
            raise InputError(f"{name} of the store {path} is damaged; choose another path")


def _lay_out(path: Path, forest: xr.Dataset) -> None:
    """Write schema, coordinates and provenance; the folder appears only when they are complete."""
    encoding: dict[Any, Any] = {name: {"compressors": COMPRESSORS} for name in forest.variables}
    for name in CHUNKED:
        encoding[name]["chunks"] = forest[name].data.chunksize
    with whole(path) as partial:
        forest.to_zarr(partial, compute=False, zarr_format=3, consolidated=False, encoding=encoding)


@contextmanager
def _mark(path: Path) -> Iterator[str]:
    """Leave a file in a store by which workers tell that they see it."""
    mark = path / "vote" / f"{uuid4().hex}{PARTIAL}"
    mark.touch()
    try:
        yield str(mark)
    finally:
        mark.unlink(missing_ok=True)


def _grow(
    path: Path, mark: str, forest: xr.Dataset, blocks: list[Block], layouts: Mapping[str, Layout]
) -> None:
    """Grow blocks, draw after draw."""
    blocks = sorted(blocks, key=lambda block: block[2])
    # all at once, as asking for one block walks the whole graph; and not optimised one by one, or
    # the task that grows a block would be merged into both and run twice
    grown = {name: forest[name].data.to_delayed(optimize_graph=False) for name in GROWN}
    write = dask.delayed(_write_block, pure=False)
    compute(
        [
            write(str(path), mark, block, layouts, *(grown[name][*block, 0] for name in GROWN))
            for block in blocks
        ],
        "growing trees",
        costs=[_seconds(forest, block) for block in blocks],
        receive=lambda files: write_files(path, files),
    )


def _write_block(
    path: str,
    mark: str,
    block: Block,
    layouts: Mapping[str, Layout],
    *grown: NDArray[np.generic],
) -> dict[str, bytes]:
    """Write the files of a block, or return them where the store is not seen."""
    files = {
        chunk_file(name, (*block, 0)): encode(values, layouts[name])
        for name, values in zip(GROWN, grown, strict=True)
    }
    if not os.path.exists(mark):
        return files
    write_files(path, files)
    return {}


def _order(path: Path, mark: str, unordered: list[Draws], layout: Layout) -> None:
    """Put the signatures of draws in the order of genes, once all blocks are written."""

    def finish(left: list[Draws]) -> None:
        if left:
            _write_in_order_of_genes(str(path), left, layout)

    order = dask.delayed(_order_where_seen, pure=False)
    compute(
        [
            order(str(path), mark, unordered[first : first + ORDERED_TOGETHER], layout)
            for first in range(0, len(unordered), ORDERED_TOGETHER)
        ],
        "putting signatures in the order of genes",
        receive=finish,
    )


def _order_where_seen(path: str, mark: str, unordered: list[Draws], layout: Layout) -> list[Draws]:
    """Put draws in order, or return which where the store is not seen."""
    if not os.path.exists(mark):
        return unordered
    _write_in_order_of_genes(path, unordered, layout)
    return []


def _write_in_order_of_genes(path: str, unordered: list[Draws], layout: Layout) -> None:
    """Write the signatures of some draws by genes."""
    forest = xr.open_zarr(path, chunks=None, consolidated=False)
    position = forest["gene_position"].values
    for v, r, d in unordered:
        numbers = range(forest.sizes["draw"])[d * layout.shape[2] : (d + 1) * layout.shape[2]]
        draws = forest.isel(tree_size=v, weight_range=r, draw=slice(numbers.start, numbers.stop))
        signature = by_gene(
            draws["tree_signature"].values,
            numbers,
            position,
            tree_size=int(draws["tree_size"]),
            weight_range=int(draws["weight_range"]),
            parameters=forest.attrs,
        )
        file = chunk_file("signature", (v, r, d, 0))
        write_files(path, {file: encode(signature[None, None], layout)})


def _missing(
    path: Path,
    forest: xr.Dataset,
    layouts: Mapping[str, Layout],
    digests: Mapping[str, str] | None,
) -> tuple[list[Block], list[Draws]]:
    """Blocks to grow, and draws whose signatures are to be put in order."""

    def is_there(name: str, *block: int) -> bool:
        return is_right(path, chunk_file(name, block), layouts[name], digests)

    filled = _filled(forest)
    blocks, unordered = [], []
    for v, r, d in product(*map(range, forest["vote"].data.numblocks[:3])):
        blocks += [
            (v, r, d, t)
            for t in range(filled[v])
            if not all(is_there(name, v, r, d, t, 0) for name in GROWN)
        ]
        if not is_there("signature", v, r, d, 0):
            unordered.append((v, r, d))
    return blocks, unordered


def _filled(forest: xr.Dataset) -> list[int]:
    """Blocks of a draw, by tree size: beyond a condition's last tree there is nothing to write."""
    first_tree = np.cumsum([0, *forest["vote"].data.chunks[3][:-1]])
    return [int((first_tree < _n_trees(forest, v)).sum()) for v in range(forest.sizes["tree_size"])]


def _n_trees(forest: xr.Dataset, v: int) -> int:
    """Trees of a draw with the v-th number of genes a tree."""
    V = int(forest["tree_size"][v])
    return n_trees_of_draw(forest.attrs["design"], forest.attrs["n_genes"], V)


def _seconds(forest: xr.Dataset, block: Block) -> float:
    """Time a block takes, roughly."""
    v, r, d, t = block
    _, _, draws, trees, _ = forest["vote"].data.chunks
    grown = min(trees[t], _n_trees(forest, v) - sum(trees[:t]))
    V, R = int(forest["tree_size"][v]), int(forest["weight_range"][r])
    return draws[d] * grown * tree_seconds(V, R, forest.sizes["observation"])
