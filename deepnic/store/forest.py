"""Forests on disk: schema, writing that can be interrupted, reading that notices.

A store is one Zarr (format 3) group that plain ``xarray.open_zarr`` reads. Its schema is laid out
before a tree is grown; each block (some trees of some draws of one condition, one chunk of
``tree_signature`` and of ``vote``) is then written by the task that grew it, with the signatures in
the order of the genes where it has all trees of its draws; else these come in the end. The files
alone tell what is done. A worker that does not see the store (by a mark in it) sends its files to
the caller, who writes them. The manifest comes last; with it, growing again mends what is damaged
since.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import dask
import numpy as np
import xarray as xr
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from deepnic.compute import compute, of_this_process, under_way
from deepnic.errors import InputError
from deepnic.files import PARTIAL, as_path, locked, writable
from deepnic.manifest import METADATA, digests_of, manifest, seal
from deepnic.rop import engine
from deepnic.rop.draws import Parameters, by_gene
from deepnic.rop.forest import growth_of
from deepnic.rop.graph import Growth
from deepnic.store.blocks import (
    CHUNKED,
    Block,
    Draws,
    blocks_of,
    draws_of,
    file_of,
    files_of,
    grown_of,
    missing,
    ordered_at_once,
    seconds,
)
from deepnic.store.chunks import Layout, encode, is_right
from deepnic.store.disk import check_space, least_bytes
from deepnic.store.group import check_single
from deepnic.store.journal import keep, noted, write_noted
from deepnic.store.layout import chunk_shapes, lay_out, mend_layout
from deepnic.store.sealed import SealedStore
from deepnic.store.table import open_store
from deepnic.variables import FOREST, expect, validate

# what wrote a store, and what follows from its input or tells where that lies
UNDECIDING = ("deepnic_version", "deepnic_format", "origin", "cohort")
TOGETHER_SECONDS = 1.0  # of blocks that one task grows, if they are short ...
LEAST_TASKS = 64  # ... and if as many are left for the cores of a machine, or of two
ORDERED_TOGETHER = 4  # draws; opening the store costs as much as putting one in order
NAMES = ["gene", "observation"]  # a chip's take longer to read than all else of a schema

Asked = tuple[engine.Block, Mapping[str, str]]  # what is grown, and files of its variables
Sources = Mapping[Draws, Mapping[str, str | None]]  # digests, where known, of the files of draws


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
    expect(forest, "forest")
    validate(forest, FOREST)
    growth = growth_of(forest)
    path = as_path(path).absolute()  # workers may run in other folders
    check_single(path)
    with locked(path), writable(path):
        sealed = manifest(path)
        with under_way("looking at what the store holds"):
            if not path.exists():
                check_space(path, least_bytes(forest))
                lay_out(path, forest, forest["vote"].data.chunksize[2:4])
            known = noted(path) if sealed is None else sealed
            mend_layout(path, forest, known)
            stored = _check_same(path, forest)
            for leftover in path.rglob(f"*{PARTIAL}"):
                leftover.unlink()
            blocks, unordered = missing(path, stored, known, _otherwise(stored, sealed))
        if blocks or unordered:
            check_space(path, least_bytes(forest) * len(blocks) / len(blocks_of(stored)))
            layouts = {name: Layout.of(path, name) for name in CHUNKED}
            asked, left = ordered_at_once(stored, blocks, unordered)
            with _mark(path) as mark:
                _grow(path, mark, growth, stored, asked, layouts)
                _order(path, mark, stored, left, layouts["signature"])
        with under_way("checking what was written"):
            if sealed is None:
                sealed = _check_grown(path, stored, noted(path))
                seal(path, digests=sealed)
            elif blocks or unordered:
                _check_grown(path, stored, sealed)
            keep(path, sealed)
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
    path = as_path(path)
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


def read_forest(path: Path) -> xr.Dataset:
    """Read a finished store into memory, here: workers may not see it."""
    return open_forest(path).load(scheduler=of_this_process())


def _check_finished(path: Path, forest: xr.Dataset) -> None:
    lacking = sum(map(len, missing(path, forest, noted(path), _otherwise(forest, None))))
    if lacking or forest.attrs["deepnic_format"] > 1:
        what = "it lacks its manifest"
        if lacking:
            what = f"{lacking} of its chunks are missing or cut off"
        raise InputError(
            f"the store {path} is unfinished: {what}; run the same `deepnic grow` again, it goes "
            "on where it stopped"
        )


def _otherwise(stored: xr.Dataset, sealed: Mapping[str, str] | None) -> str | None:
    """Digest of a chunk that neither manifest nor journal knows: version 0.1.0 noted none."""
    return None if sealed is None and stored.attrs["deepnic_format"] == 1 else ""


def _check_grown(path: Path, forest: xr.Dataset, known: Mapping[str, str]) -> dict[str, str]:
    """Digest of every file of a store, none of which is missing or not what was written."""
    found = digests_of(path)
    expected = {file for draws in draws_of(forest) for file in files_of(forest, draws)}
    wrong = {file for file, recorded in known.items() if found.get(file) != recorded}
    wrong |= expected - found.keys()
    if wrong:
        raise InputError(
            f"{len(wrong)} files of the store {path} ({min(wrong)} first) are not what was written "
            "there, now or before: the file system loses them, or other rules grew them; run the "
            "same `deepnic grow` again, or choose another path"
        )
    if METADATA in known:  # strange files are not the store's
        return {file: found[file] for file in found.keys() & (expected | known.keys())}
    return found


def _check_same(path: Path, forest: xr.Dataset) -> xr.Dataset:
    """Open a store, and refuse one of another forest, or damaged; how it is cut is its own."""
    stored = open_store(path, "forest", unfinished=True)
    differing = [
        f"{name}={stored.attrs.get(name)!r}"
        for name in forest.attrs | dict.fromkeys(Parameters.__optional_keys__)
        if stored.attrs.get(name) != forest.attrs.get(name) and name not in UNDECIDING
    ]
    differing += [f"no {name}" for name in forest.variables if name not in stored.variables]
    if differing:
        raise InputError(
            f"the store {path} was made with {', '.join(differing)}, which differs from what is "
            "asked now; repeat those parameters, or choose another path"
        )
    for name in forest.variables.keys() - CHUNKED:
        try:
            here = of_this_process()  # workers may not see the store
            own, asked = (one[name].compute(scheduler=here) for one in (stored, forest))
            is_same = np.array_equal(own, asked)
        except Exception:  # Zarr and the codecs raise many kinds
            is_same = False
        if not is_same:
            raise InputError(f"{name} of the store {path} is damaged; choose another path")
    cut = stored["vote"].data.chunksize[2:4]
    for name, chunks in chunk_shapes(forest, cut).items():
        if stored[name].data.chunksize != chunks:
            raise InputError(
                f"{name} of the store {path} is not cut as deepnic cuts; choose another path"
            )
    return stored


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
    path: Path,
    mark: str,
    growth: Growth,
    forest: xr.Dataset,
    blocks: Mapping[Block, Sequence[str]],
    layouts: Mapping[str, Layout],
) -> None:
    """Grow the chunks that blocks lack, draw after draw, of each the longest first."""
    costs = dict(zip(blocks, seconds(forest, grown_of(forest, blocks)), strict=True))
    order = sorted(blocks, key=lambda block: (block[2], -costs[block]))
    most = min(TOGETHER_SECONDS, sum(costs.values()) / LEAST_TASKS)
    groups: list[list[Asked]] = []
    spent: list[float] = []
    for block, part in zip(order, grown_of(forest, order), strict=True):
        if not groups or spent[-1] + costs[block] > most:
            groups.append([])
            spent.append(0.0)
        groups[-1].append((part, {name: file_of(name, block) for name in blocks[block]}))
        spent[-1] += costs[block]
    # a task of its own: sent once, and again where all workers that had it are lost
    given = dask.delayed(growth, pure=False)
    # Dask takes tasks that wait for the same in the order of their names, from the last on
    names = [f"grow-{number:08}-{uuid4().hex}" for number in reversed(range(len(groups)))]
    writes = (partial(_write_blocks, str(path), mark, layouts, group) for group in groups)
    layer = {name: (write, given.key) for name, write in zip(names, writes, strict=True)}
    # one layer for all: as many as there are tasks would take Dask longer than the tasks
    graph = HighLevelGraph.from_collections("grow", layer, dependencies=[given])
    tasks = [Delayed(name, graph, layer="grow") for name in names]
    compute(tasks, "growing trees", costs=spent, receive=partial(write_noted, path))


def _write_blocks(
    path: str, mark: str, layouts: Mapping[str, Layout], asked: Sequence[Asked], growth: Growth
) -> dict[str, bytes]:
    """Grow blocks and write their files, or return them where the store is not seen."""
    unseen: dict[str, bytes] = {}
    for block, names in asked:
        signatures, votes = growth.parts(growth.grow(block))
        values = {"tree_signature": signatures[None, None], "vote": votes[None, None]}
        if "signature" in names:
            values["signature"] = growth.by_gene(block, signatures)[None, None]
        files = {file: encode(values[name], layouts[name]) for name, file in names.items()}
        if os.path.exists(mark):
            write_noted(path, files)
        else:
            unseen |= files
    return unseen


def _order(
    path: Path, mark: str, forest: xr.Dataset, unordered: list[Draws], layout: Layout
) -> None:
    """Put the signatures of draws in the order of genes, once all blocks are written."""
    known = manifest(path) or noted(path)
    sources = [
        (draws, {file: known.get(file) for file in files_of(forest, draws, ("tree_signature",))})
        for draws in unordered
    ]

    def finish(left: Sources) -> None:
        if left:
            _write_in_order_of_genes(str(path), left, layout)

    order = dask.delayed(_order_where_seen, pure=False)
    compute(
        [
            order(str(path), mark, dict(sources[first : first + ORDERED_TOGETHER]), layout)
            for first in range(0, len(sources), ORDERED_TOGETHER)
        ],
        "putting signatures in the order of genes",
        receive=finish,
    )


def _order_where_seen(path: str, mark: str, sources: Sources, layout: Layout) -> Sources:
    """Put draws in order, or return which where the store is not seen."""
    if not os.path.exists(mark):
        return sources
    _write_in_order_of_genes(path, sources, layout)
    return {}


def _write_in_order_of_genes(path: str, sources: Sources, layout: Layout) -> None:
    """Write the signatures of some draws by genes, from the trees' in files that are right."""
    forest = xr.open_zarr(path, chunks=None, consolidated=False, drop_variables=NAMES)
    position = forest["gene_position"].values
    for (v, r, d), recorded in sources.items():
        if damaged := [file for file in recorded if not is_right(Path(path), file, recorded[file])]:
            raise InputError(
                f"{damaged[0]} of the store {path} was damaged as soon as it was written; run the "
                "same `deepnic grow` again, it goes on where it stopped"
            )
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
        file = file_of("signature", (v, r, d, 0))
        write_noted(path, {file: encode(signature[None, None], layout)})
