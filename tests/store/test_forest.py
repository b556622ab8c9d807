"""Stores: what is written, going on after an interruption, noticing damage."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from threading import current_thread, main_thread
from uuid import uuid4

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from distributed import Client, LocalCluster

from deepnic.cohort import make_cohort, read_cohort
from deepnic.compute import compute
from deepnic.errors import InputError
from deepnic.files import locked
from deepnic.manifest import manifest, seal, unseal
from deepnic.rop import graph, grow_forest
from deepnic.rop.graph import tree_seconds
from deepnic.rop.origin import stamp
from deepnic.store import forest as store
from deepnic.store import open_forest, open_items, open_table, write_forest, write_table
from deepnic.store.sealed import COMPRESSORS
from deepnic.variables import describe

PARAMETERS = {
    "n_trees": 5,
    "weight_ranges": [3, 4],
    "tree_sizes": [2, 3],
}
TWO_DRAWS, ONE_TREE = (2, 4), (1, 1)  # draws and trees of a block
BLOCKS = 12  # 2 tree sizes, 2 weight ranges, draws 0-1, 2-3 and 4
BLOCKS_BY_TREE = 70  # 2 weight ranges, 5 draws, 4 trees of two genes and 3 of three


def made_cohort(genes=7):
    """Twelve observations, one of them hidden."""
    expression = np.random.default_rng(1).normal(size=(12, genes))
    label = [*"nynnyynynyn", ""]
    return make_cohort(
        expression, label, [f"g{k}" for k in range(genes)], [f"o{k}" for k in range(12)]
    )


@pytest.fixture(scope="module")
def cohort():
    return made_cohort()


def cut_forest(cohort, cut, **parameters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "cut", lambda *_: cut)
        return grow_forest(cohort, **parameters)


@pytest.fixture(scope="module")
def forest(cohort):
    return cut_forest(cohort, TWO_DRAWS, **PARAMETERS)


@pytest.fixture(scope="module")
def forest_by_tree(cohort):
    return cut_forest(cohort, ONE_TREE, **PARAMETERS)


@pytest.fixture(scope="module")
def finished(forest, tmp_path_factory):
    """A finished store, not to be touched."""
    path = tmp_path_factory.mktemp("store") / "f.zarr"
    assert write_forest(forest, path) == BLOCKS
    return path


@pytest.fixture
def path(finished, tmp_path):
    """A finished store to be damaged."""
    return shutil.copytree(finished, tmp_path / "f.zarr")


def snapshot(folder):
    """Bytes and time of change of every file."""
    return {
        file.relative_to(folder): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def assert_same_content(path, forest):
    xr.testing.assert_identical(open_forest(path).compute(), forest.compute())
    assert not [file for file in path.parent.rglob("*") if file.suffix in (".lock", ".partial")]


def cut(file):
    """Leave the first half of a file."""
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


def test_write_forest__of_what_is_all_zero_is_whole(cohort, tmp_path):
    """The gene at place 0 alone: Zarr would write no chunk of that."""
    forest = grow_forest(cohort, genes=["g0"], **PARAMETERS)
    write_forest(forest, tmp_path / "s.zarr")
    xr.testing.assert_identical(open_forest(tmp_path / "s.zarr").compute(), forest.compute())
    assert (tmp_path / "s.zarr" / "gene_position" / "c" / "0").is_file()


def test_write_forest__opens_with_plain_xarray(finished, forest):
    plain = xr.open_zarr(finished, consolidated=False)
    xr.testing.assert_identical(plain.compute(), forest.compute())
    for name in ("signature", "tree_signature", "vote"):
        assert plain[name].chunks == forest[name].chunks
        assert plain[name].dtype == forest[name].dtype
    for file in finished.rglob("zarr.json"):
        described = json.loads(file.read_text())
        assert described["zarr_format"] == 3
        assert "consolidated_metadata" not in described
    assert plain.attrs["n_trees"] == 5
    assert {"deepnic_version", "input_sha256", "seed", "design", "subsample"} <= set(plain.attrs)


def test_open_forest__is_the_forest_lazily(finished, forest):
    opened = open_forest(finished)
    assert opened["signature"].chunks == forest["signature"].chunks
    assert_same_content(finished, forest)


def test_write_forest__second_call_writes_nothing(path, forest, monkeypatch):
    before = snapshot(path)
    assert write_forest(forest, path) == 0
    monkeypatch.chdir(path.parent)
    assert write_forest(forest, "f.zarr") == 0
    assert snapshot(path) == before


def test_write_forest__workers_get_an_absolute_path(forest, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(store, "_write_blocks", lambda path, *_: told.append(path) or {})
    monkeypatch.setattr(store, "_write_in_order_of_genes", lambda path, *_: told.append(path) or {})
    monkeypatch.setattr(store, "_check_grown", lambda *_: {})
    monkeypatch.chdir(tmp_path)
    write_forest(forest, "f.zarr")
    assert set(told) == {str(tmp_path / "f.zarr")}


def test_write_forest__on_a_cluster(forest, finished, tmp_path, monkeypatch):
    """Workers that see the store write it: no file comes to the caller."""
    path = tmp_path / "new" / "f.zarr"
    came = []
    write = store.write_noted

    def note_and_write(folder, files):
        if current_thread() is main_thread():
            came.extend(files)
        write(folder, files)

    monkeypatch.setattr(store, "write_noted", note_and_write)
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, Client(cluster):
        assert write_forest(forest, path) == BLOCKS
        assert write_forest(forest, path) == 0
    assert came == []
    assert_same_content(path, forest)
    here, there = snapshot(path), snapshot(finished)
    assert {name: data for name, (data, _) in here.items()} == {
        name: data for name, (data, _) in there.items()
    }


def test_write_forest__grows_every_block_once(cohort, tmp_path, monkeypatch):
    grown = []
    grow = graph.grow_block

    def note_and_grow(block, *given):
        grown.append(str(block))
        grow(block, *given)

    monkeypatch.setattr(graph, "grow_block", note_and_grow)
    assert write_forest(cut_forest(cohort, ONE_TREE, **PARAMETERS), tmp_path / "f") == len(grown)
    assert len(set(grown)) == BLOCKS_BY_TREE


@pytest.mark.parametrize("together", [0, 1e-4])
@pytest.mark.parametrize("scheduler", ["sync", "cluster"])
def test_write_forest__draw_after_draw_the_longest_first(
    forest_by_tree, tmp_path, monkeypatch, together, scheduler
):
    """Whatever is grown together, and on whatever; each block is written as soon as it is grown."""
    grown, written = [], []
    grow, write = graph.grow_block, store.write_noted

    def note_and_grow(block, *given):
        grown.append(block)
        grow(block, *given)

    def note_and_write(folder, files):
        written.extend([len(grown)] if "tree_signature" in str(files) else [])
        write(folder, files)

    monkeypatch.setattr(graph, "grow_block", note_and_grow)
    monkeypatch.setattr(store, "write_noted", note_and_write)
    monkeypatch.setattr(store, "TOGETHER_SECONDS", together)
    monkeypatch.setattr(store, "LEAST_TASKS", 1)
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with (
        cluster, Client(cluster) if scheduler == "cluster" else dask.config.set(scheduler="sync")
    ):  # fmt: skip
        write_forest(forest_by_tree, tmp_path / "f.zarr")
    assert written == [*range(1, BLOCKS_BY_TREE + 1)]
    assert [block.draws.start for block in grown] == sorted(block.draws.start for block in grown)
    for draw in range(PARAMETERS["n_trees"]):
        sizes = [tree_seconds(*b[:2], 12) for b in grown if b.draws.start == draw]
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("n_trees", "least"), [(5, 64), (70, 64), (70, 8)])
def test_write_forest__of_some_seconds_keeps_all_cores_at_work(
    cohort, tmp_path, monkeypatch, n_trees, least
):
    """No task takes much of the work, unless it is of one block."""
    asked = []

    def note_and_compute(tasks, *args, costs=None, **options):
        asked.extend([] if costs is None else [costs])
        return compute(tasks, *args, costs=costs, **options)

    monkeypatch.setattr(store, "compute", note_and_compute)
    monkeypatch.setattr(store, "LEAST_TASKS", least)
    forest = cut_forest(cohort, TWO_DRAWS, **PARAMETERS | {"n_trees": n_trees})
    n_blocks = write_forest(forest, tmp_path / "f.zarr")
    (costs,) = asked
    if n_blocks == BLOCKS:
        assert len(costs) == BLOCKS
    else:
        assert least <= len(costs) < n_blocks
        assert max(costs) <= sum(costs) / least


@pytest.mark.parametrize("change", ["part", "computed", "other votes", "attributes", "opened"])
def test_write_forest__refuses_what_is_not_as_it_was_laid_out(forest, finished, tmp_path, change):
    changed = {
        "part": lambda: forest.isel(tree_size=[0]),
        "computed": forest.compute,
        "other votes": lambda: forest.assign(vote=-forest["vote"]),
        "attributes": lambda: forest.assign_attrs(seed=3),
        "opened": lambda: open_forest(finished),
    }[change]()
    with pytest.raises(InputError, match="not as grow_forest lays it out: a part of it, changed"):
        write_forest(changed, tmp_path / "g.zarr")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "made with seed=0, which"),
        ({"n_trees": 4}, "made with n_trees=5, which"),
        (
            {"weight_ranges": [3, 5], "subsample": 0.7},
            r"weight_ranges=\[3, 4\], subsample=0\.8, wh",
        ),
        ({"max_bag": 3}, "made with max_bag=None, which"),
        ({"tree_sizes": [2]}, r"made with tree_sizes=\[2, 3\], which"),
        ({"design": "stratified"}, "made with design='balanced', which"),
        ({"genes": ["g1", "g0"]}, "made with input_sha256='[0-9a-f]{64}', which"),
    ],
)
def test_write_forest__refuses_other_parameters(path, cohort, change, words):
    before = snapshot(path.parent)
    with pytest.raises(InputError, match=words):
        write_forest(cut_forest(cohort, TWO_DRAWS, **PARAMETERS | change), path)
    assert snapshot(path.parent) == before


def test_write_forest__refuses_to_go_on_without_a_limit_of_bags(tmp_path, cohort):
    limited = cut_forest(cohort, TWO_DRAWS, max_bag=3, **PARAMETERS)
    write_forest(limited, tmp_path / "f")
    xr.testing.assert_identical(open_forest(tmp_path / "f").compute(), limited.compute())
    with pytest.raises(InputError, match="made with max_bag=3, which"):
        write_forest(cut_forest(cohort, TWO_DRAWS, **PARAMETERS), tmp_path / "f")


def test_write_forest__refuses_to_go_on_with_other_bags(tmp_path, cohort):
    """As a store of these observations, grown before bags were of groups."""
    pairs = np.array([f"P{k % 6}" for k in range(12)], object)
    paired = cohort.assign_coords(group=("observation", pairs))
    path, forest = tmp_path / "f.zarr", grow_forest(paired, **PARAMETERS)
    assert write_forest(forest, path) > 0
    assert write_forest(forest, path) == 0
    with pytest.raises(InputError, match=r"made with .*bags='groups'"):
        write_forest(grow_forest(cohort, **PARAMETERS), path)
    write_forest(grow_forest(cohort, **PARAMETERS), tmp_path / "before.zarr")
    with pytest.raises(InputError, match=r"made with bags=None, input_sha256='[0-9a-f]{64}'"):
        write_forest(forest, tmp_path / "before.zarr")


@pytest.mark.parametrize("cut", [ONE_TREE, (3, 99)])
@pytest.mark.parametrize("lost", ["chunks", "schema of votes", "schemas"])
def test_write_forest__goes_on_as_the_store_was_cut(cohort, path, forest, monkeypatch, cut, lost):
    """Whatever cut a new one would have, and even where its schema is lost."""
    monkeypatch.setattr("deepnic.store.layout.cut_before", lambda *_: TWO_DRAWS)
    before = {file: data for file, (data, _) in snapshot(path).items()}
    for file in path.glob("*/c/0/1/*/0/0" if lost == "chunks" else "vote/c/0/1/*/*/*"):
        file.unlink()
    for name in {"chunks": [], "schema of votes": ["vote"]}.get(lost, ["vote", "tree_signature"]):
        (path / name / "zarr.json").unlink()
    assert write_forest(cut_forest(cohort, cut, **PARAMETERS), path) == 3
    assert {file: data for file, (data, _) in snapshot(path).items()} == before
    assert_same_content(path, forest)


def test_write_forest__refuses_a_cut_that_no_version_makes(forest, tmp_path):
    """As version 0.1.0 laid it out, which noted no digests; but with other chunks."""
    path = tmp_path / "f.zarr"
    write_forest(forest, path)
    unseal(path)
    (path / "vote/written.journal").unlink()
    schema = json.loads((path / "vote/zarr.json").read_text())
    schema["chunk_grid"]["configuration"]["chunk_shape"][3] = 3
    (path / "vote/zarr.json").write_text(json.dumps(schema))
    with pytest.raises(InputError, match=r"tree_signature of .*f\.zarr is not cut as deepnic cuts"):
        write_forest(forest, path)


def test_write_forest__refuses_symbols_that_it_was_made_without(path, cohort):
    named = cohort.assign_coords(symbol=("gene", [f"S{k}" for k in range(cohort.sizes["gene"])]))
    with pytest.raises(InputError, match="made with no symbol, which differs"):
        write_forest(cut_forest(named, TWO_DRAWS, **PARAMETERS), path)


@pytest.mark.parametrize("what", ["expression", "state", "gene", "observation", "n_genes"])
def test_write_forest__refuses_other_input(path, cohort, what):
    other = cohort.copy(deep=True)
    if what == "n_genes":
        other = made_cohort(genes=8)
    elif what == "state":
        other.state[0] = 1
    elif what == "expression":
        other.expression[0, 0] += 1
    else:
        other = other.assign_coords({what: other[what].values[::-1]})
    before = snapshot(path.parent)
    with pytest.raises(InputError, match=r"input_sha256='[0-9a-f]{64}', which differs"):
        write_forest(cut_forest(other, TWO_DRAWS, **PARAMETERS), path)
    assert snapshot(path.parent) == before


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "other store"])
def test_forest__refuses_what_is_not_a_forest(forest, tmp_path, kind):
    path = tmp_path / "f.zarr"
    if kind == "file":
        path.write_text("precious")
    elif kind == "other store":
        xr.Dataset({"x": ("y", [1, 2])}).to_zarr(path, zarr_format=3, consolidated=False)
    else:
        path.mkdir()
        if kind == "folder":
            (path / "thesis.partial").write_text("precious")
    before = snapshot(tmp_path)
    for use in (lambda: write_forest(forest, path), lambda: open_forest(path)):
        with pytest.raises(InputError, match=r"f\.zarr is not a complete store of signature,"):
            use()
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("damage", [Path.unlink, cut, empty])
@pytest.mark.parametrize(
    ("chunks", "n_missing", "n_grown"),
    [
        (["signature/c/0/1/2/0"], 1, 0),
        (["vote/c/1/0/0/0/0"], 1, 1),
        (["tree_signature/c/1/0/0/0/0"], 1, 1),
        (["vote/c/1/0/0/0/0", "signature/c/1/0/0/0", "signature/c/1/1/1/0"], 3, 1),
    ],
)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_forest__damaged_chunks_are_noticed_and_grown_again(
    path, finished, forest, chunks, n_missing, n_grown, damage, is_sealed
):
    whole = snapshot(path)
    for chunk in chunks:
        damage(path / chunk)
    words = "of the store .* is (missing|changed) on .*; `deepnic verify"
    if not is_sealed:
        unseal(path)
        words = f"unfinished: {n_missing} of its chunks are missing or cut off; run the same"
    with pytest.raises(InputError, match=words):
        open_forest(path).load()
    assert write_forest(forest, path) == n_grown
    assert_same_content(path, forest)
    grown = {Path(chunk).parts[2:5] for chunk in chunks}
    for name, (data, changed) in snapshot(path).items():
        assert data == whole[name][0]
        if name.parts[2:5] not in grown and (is_sealed or name.parts[0] != "manifest"):
            assert changed == whole[name][1]


def test_write_forest__files_are_those_that_xarray_writes(finished, forest, tmp_path):
    names = ("signature", "tree_signature", "vote")
    encoding = {
        name: {"chunks": forest[name].data.chunksize, "compressors": COMPRESSORS} for name in names
    }
    forest[[*names]].to_zarr(
        tmp_path / "x.zarr", consolidated=False, encoding=encoding, write_empty_chunks=True
    )
    ours, theirs = snapshot(finished), snapshot(tmp_path / "x.zarr")
    chunks = {name for name in ours if name.parts[0] in names and "c" in name.parts}
    assert len(chunks) == 3 * BLOCKS
    assert {name: ours[name][0] for name in chunks} == {name: theirs[name][0] for name in chunks}


@pytest.mark.parametrize("where", ["nothing", "another forest", "half a copy"])
def test_open_forest__refuses_to_read_where_the_store_is_not(path, cohort, tmp_path, where):
    """A host that reads has nothing there, another store, or one that lacks a chunk."""
    opened = open_forest(path)
    if where == "half a copy":
        (path / "vote/c/0/1/1/0/0").unlink()
    else:
        path.rename(tmp_path / "moved")
    if where == "another forest":
        write_forest(cut_forest(cohort, TWO_DRAWS, **PARAMETERS | {"seed": 1}), path)
    with pytest.raises(InputError, match=r"of the store .*f\.zarr is (missing|changed) on .*copy"):
        opened["vote"].compute()


def test_open_forest__is_read_from_other_folders(path, forest, monkeypatch):
    monkeypatch.chdir(path.parent)
    opened = open_forest("f.zarr")
    monkeypatch.chdir("/")
    xr.testing.assert_identical(opened.compute(), forest.compute())


def test_write_forest__sweeps_what_a_killed_run_left(path, forest, tmp_path):
    stale = path / "signature/c/0/0/0/0.3f2a.partial"
    stale.write_bytes(b"half a chu")
    assert write_forest(forest, path) == 0
    assert_same_content(path, forest)
    laid_out_in_part = tmp_path / f"g.zarr.{uuid4().hex}.partial"
    laid_out_in_part.mkdir()
    (laid_out_in_part / "zarr.json").write_text("{")
    assert write_forest(forest, tmp_path / "g.zarr") == BLOCKS
    assert_same_content(tmp_path / "g.zarr", forest)


@pytest.mark.parametrize(
    ("cut", "n_blocks"), [("forest", BLOCKS), ("forest_by_tree", BLOCKS_BY_TREE)]
)
@pytest.mark.parametrize("survived", [0, 5, 11])
def test_write_forest__goes_on_after_an_error(
    request, forest, tmp_path, monkeypatch, cut, n_blocks, survived
):
    """Whatever the cut, what was written stays, and the content is the same."""
    asked = request.getfixturevalue(cut)
    path, number = tmp_path / "f.zarr", count()
    write = store.write_noted

    def fail_after_some(folder, files):
        if files and next(number) == survived:
            raise OSError("disk full")
        write(folder, files)

    with monkeypatch.context() as patch, dask.config.set(scheduler="sync"):
        patch.setattr(store, "write_noted", fail_after_some)
        with pytest.raises(OSError, match="disk full"):
            write_forest(asked, path)
    with pytest.raises(InputError, match=r"unfinished: [0-9]+ of its chunks"):
        open_forest(path)
    assert write_forest(asked, path) == n_blocks - survived
    assert_same_content(path, forest)


@pytest.fixture(scope="module")
def table_file(tmp_path_factory):
    """A CSV cohort whose forest takes a few seconds."""
    random = np.random.default_rng(2)
    genes = pd.DataFrame(random.normal(size=(40, 16)), columns=[f"g{k}" for k in range(16)])
    genes.insert(0, "response", np.where(random.random(40) < 0.5, "yes", "no"))
    genes.index = pd.Index([f"p{k}" for k in range(40)], name="patient")
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    genes.to_csv(path)
    return path


def start_growing(table_file, path):
    words = ["--state", "response", "--positive", "yes", "--tree-sizes", "3-6", "--n-trees", "40"]
    words += ["--seed", "4"]
    return subprocess.Popen(
        [sys.executable, "-m", "deepnic", "grow", str(table_file), "-o", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished_blocks(path):
    """When each block was written, signatures and votes."""
    written = {}
    for chunk in path.glob("tree_signature/c/*/*/*/*/0"):
        votes = path / "vote" / chunk.relative_to(path / "tree_signature")
        if votes.exists():
            written[chunk] = chunk.stat().st_mtime_ns, votes.stat().st_mtime_ns
    return written


def test_write_forest__goes_on_after_a_kill(table_file, tmp_path):
    """Killed while laying out, then while growing: the same store in the end."""
    path = tmp_path / "f.zarr"
    moments = (
        lambda: any(tmp_path.glob("f.zarr.*.partial")) or path.exists(),
        lambda: len(finished_blocks(path)) >= 3,
    )
    for has_come in moments:
        with start_growing(table_file, path) as process:
            while not has_come():
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert path.with_name("f.zarr.lock").exists()
    before = finished_blocks(path)
    assert 3 <= len(before) < 12
    cohort = read_cohort(table_file, state="response", positive="yes")
    forest = grow_forest(cohort, tree_sizes=range(3, 7), n_trees=40, seed=4)
    assert write_forest(forest, path) == 12 - len(before)
    assert before.items() <= finished_blocks(path).items()  # nothing finished was grown again
    noted = json.loads(open_forest(path).attrs["cohort"])  # by the command, for `train`
    assert noted["file"] == str(table_file)
    assert_same_content(path, forest.assign_attrs(cohort=json.dumps(noted)))


def test_write_forest__refuses_a_store_that_another_writes(path, forest):
    mark = path / "vote" / "of-the-other.partial"
    mark.touch()
    with locked(path), pytest.raises(
        InputError, match=rf"f\.zarr is being written by process {os.getpid()} on .*; wait until"
    ):  # fmt: skip
        write_forest(forest, path)
    assert mark.exists()
    assert write_forest(forest, path) == 0
    assert not mark.exists()


def restate(path, **attrs):
    """Change what a store states of itself; None takes it out."""
    file = path / "zarr.json"
    schema = json.loads(file.read_text())
    stated = schema["attributes"] | attrs
    schema["attributes"] = {name: value for name, value in stated.items() if value is not None}
    file.write_text(json.dumps(schema))
    if manifest(path):
        seal(path)


def test_write_forest__goes_on_with_another_version(path, forest):
    restate(path, deepnic_version="0.0.7")
    (path / "vote/c/0/0/0/0/0").unlink()
    assert write_forest(forest, path) == 1
    assert open_forest(path).attrs["deepnic_version"] == "0.0.7"
    restate(path, deepnic_version=None, deepnic_format=None, deepnic_rules=None, deepnic_kind=None)
    (path / "vote/c/0/0/0/0/0").unlink()
    assert write_forest(forest, path) == 1
    assert open_forest(path).attrs["deepnic_format"] == 1


def test_write_forest__goes_on_by_the_same_rules_only(path, forest):
    restate(path, deepnic_rules=0)
    with pytest.raises(InputError, match="made with deepnic_rules=0, which differs"):
        write_forest(forest, path)


@pytest.mark.parametrize("name", ["deepnic_format", "deepnic_rules"])
def test_open__refuses_what_a_newer_version_wrote(path, forest, tmp_path, name):
    newer = {name: 3, "deepnic_version": "9.1"}
    restate(path, **newer)
    write_table(made_table(), tmp_path / "t.zarr")
    restate(tmp_path / "t.zarr", **newer)
    for use in (
        lambda: open_forest(path),
        lambda: write_forest(forest, path),
        lambda: open_items(path),
        lambda: open_table(tmp_path / "t.zarr"),
    ):
        with pytest.raises(InputError, match=r"was written by deepnic 9\.1, .* update deepnic"):
            use()


def test_open_items__opens_by_kind(path, forest, tmp_path):
    write_table(made_table(), tmp_path / "t.zarr")
    for stated in ({}, {"deepnic_kind": None}):  # as version 0.1.0 wrote
        restate(path, **stated)
        restate(tmp_path / "t.zarr", **stated)
        assert open_items(path).chunks
        assert not open_items(tmp_path / "t.zarr").chunks
    canvas = xr.Dataset({"image": (("item", "row", "column"), np.zeros((1, 1, 1), np.float32))})
    canvas = canvas.assign(index=(("row", "column"), np.zeros((1, 1), np.int32)))
    canvas.to_zarr(tmp_path / "c.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(InputError, match=r"c\.zarr holds a canvas; give the store of a forest"):
        open_items(tmp_path / "c.zarr")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="is not a complete store of a forest or of pixels"):
        open_items(tmp_path / "file")


def made_table():
    value = np.random.default_rng(0).random((6, 4), np.float32)
    table = xr.Dataset(
        {
            "value": (("item", "pixel"), value),
            "relevance": ("pixel", np.float32([4, 3, np.inf, 0])),
        },
        coords={"item": pd.Index(list("abcdef"), dtype=object), "pixel": np.arange(4)},
        attrs={"account": "[]"},
    )
    return describe(table, "table")


def test_table__comes_back(tmp_path):
    path = tmp_path / "new" / "t.zarr"
    write_table(made_table(), path)
    table = open_table(path)
    assert table.attrs["deepnic_kind"] == "table"
    xr.testing.assert_identical(table, made_table().assign_attrs(stamp()))
    assert table.chunks == {}
    assert json.loads((path / "zarr.json").read_text())["zarr_format"] == 3
    before = snapshot(path)
    with pytest.raises(InputError, match=r"t\.zarr exists already; choose another path"):
        write_table(made_table(), path)
    assert snapshot(path) == before


def test_write_table__leaves_no_half_table(tmp_path, monkeypatch):
    def interrupted(self, path, **_):
        Path(path).mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "to_zarr", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_table(made_table(), tmp_path / "t.zarr")
    with pytest.raises(InputError, match="no table at"):
        open_table(tmp_path / "t.zarr")
    write_table(made_table(), tmp_path / "t.zarr")
    assert [file.name for file in tmp_path.iterdir()] == ["t.zarr"]


@pytest.mark.parametrize("file", ["zarr.json", "value/zarr.json", "value/c/0/0", "item/c/0"])
def test_open_table__refuses_a_damaged_table(tmp_path, file):
    path = tmp_path / "t.zarr"
    write_table(made_table(), path)
    cut(path / file)
    with pytest.raises(InputError, match=rf"the file {file} of the store .*t\.zarr is changed on"):
        open_table(path)


def test_write__refuses_other_variables(tmp_path, forest):
    with pytest.raises(InputError, match="a table is needed, and this is a forest"):
        write_table(forest, tmp_path / "t.zarr")
    with pytest.raises(InputError, match="a forest is needed, and this is a table"):
        write_forest(made_table(), tmp_path / "f.zarr")
    assert not list(tmp_path.iterdir())
