"""The disk: asked for room before growing, told of when it refuses, and gone on with."""

import errno
import os
import pickle
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from deepnic.errors import EngineError, InputError
from deepnic.files import whole
from deepnic.manifest import OF_STORE, manifest
from deepnic.store import forest as store
from deepnic.store import open_forest, write_forest, write_table
from deepnic.store.attributes import check_attributes
from deepnic.store.disk import least_bytes
from deepnic.store.sealed import SealedStore
from tests.store.test_forest import (
    BLOCKS,
    PARAMETERS,
    TWO_DRAWS,
    cut_forest,
    made_cohort,
    made_table,
)

Usage = namedtuple("Usage", "free")


@pytest.fixture(scope="module")
def forest():
    return cut_forest(made_cohort(), TWO_DRAWS, **PARAMETERS)


@pytest.fixture
def path(forest, tmp_path):
    write_forest(forest, tmp_path / "f.zarr")
    return tmp_path / "f.zarr"


@pytest.mark.parametrize("subsample", [0.3, 0.8, 1])
@pytest.mark.parametrize("design", ["balanced", "stratified"])
@pytest.mark.parametrize("groups", [None, [*"aabcdebcffgh"]])
def test_least_bytes__is_less_than_what_is_written(tmp_path, subsample, design, groups):
    options = {"n_trees": 40, "tree_sizes": [3], "subsample": subsample, "design": design}
    cohort, most = made_cohort(genes=200), 8 if groups else 5
    if groups:
        cohort = cohort.assign_coords(group=("observation", np.array(groups, object)))
    forest = cut_forest(cohort, (40, 200), weight_ranges=[3], **options)
    write_forest(forest, tmp_path / "f")
    size = sum(file.stat().st_size for file in (tmp_path / "f/vote/c").rglob("*") if file.is_file())
    least = least_bytes(forest)
    assert least == pytest.approx(0, abs=1e-6) if subsample == 1 else least < size < most * least


def test_write_forest__asks_for_room_before_it_begins(forest, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(free=1))
    with pytest.raises(EngineError, match=r"f.zarr takes at least 0.0 MB, and its disk has 0.0 MB"):
        write_forest(forest, tmp_path / "new" / "f.zarr")
    assert not (tmp_path / "new" / "f.zarr").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EMFILE])
def test_write_forest__tells_what_the_disk_refuses_and_goes_on(
    forest, tmp_path, monkeypatch, number
):
    write, written = store.write_noted, []

    def refuse_after_five(*arguments):
        written.append(arguments)
        if len(written) > 5:
            raise OSError(number, os.strerror(number))
        write(*arguments)

    with monkeypatch.context() as patch, dask.config.set(scheduler="sync"):
        patch.setattr(store, "write_noted", refuse_after_five)
        words = rf"f.zarr cannot be written \({os.strerror(number)}\); what was finished before is"
        with pytest.raises(EngineError, match=words):
            write_forest(forest, tmp_path / "f.zarr")
    assert write_forest(forest, tmp_path / "f.zarr") < BLOCKS
    xr.testing.assert_equal(open_forest(tmp_path / "f.zarr").load(), forest.compute())


def test_write_table__tells_what_the_disk_refuses(tmp_path, monkeypatch):
    def full(self, path, **_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", full)
    with pytest.raises(EngineError, match=r"t.zarr cannot be written \(No space left on device\)"):
        write_table(made_table(), tmp_path / "t.zarr")
    assert not [*tmp_path.glob("t.zarr*")]


CROWDED = """
import resource, sys
from deepnic.errors import DeepnicError
from deepnic.store import write_forest
from tests.store.test_forest import *
forest = cut_forest(made_cohort(), TWO_DRAWS, **PARAMETERS)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    write_forest(forest, sys.argv[1])
except DeepnicError as error:
    sys.exit(str(error))
"""


def test_write_forest__under_a_limit_of_the_system(forest, tmp_path):
    """The journal alone grows beyond it: what was written before stays."""
    command = [sys.executable, "-c", CROWDED, str(tmp_path / "f.zarr"), "2500"]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 1
    assert "f.zarr cannot be written (File too large); what was finished" in done.stderr
    assert "Traceback" not in done.stderr
    write_forest(forest, tmp_path / "f.zarr")
    xr.testing.assert_equal(open_forest(tmp_path / "f.zarr").load(), forest.compute())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_open_forest__tells_of_a_store_that_may_not_be_read(path):
    (path / "vote/c/0/0/0/0/0").chmod(0)
    with pytest.raises(EngineError, match=r"f.zarr cannot be read on .* \(Permission denied\)"):
        open_forest(path).load()


def test_sealed_store__travels_small_and_knows_its_manifest(path):
    sent = pickle.dumps(SealedStore(path))
    assert len(sent) < 1000
    got = pickle.loads(sent)
    assert got.digests == manifest(path)
    (path / OF_STORE).write_text("{}")
    assert got.digests  # this process has read it
    other = pickle.loads(sent.replace(got._seal.encode(), got._seal[::-1].encode()))
    with pytest.raises(InputError, match=r"the file manifest/zarr.json of the store .* is changed"):
        other.get_sync("zarr.json")


def test_sealed_store__does_not_see_what_is_not_of_the_store(path, forest):
    (path / "mine").mkdir()
    (path / "mine" / "zarr.json").write_text("{")
    (path / "vote/c/9").mkdir()
    (path / "vote/c/9/0").write_text("strange")
    xr.testing.assert_equal(open_forest(path).load(), forest.compute())  # warnings are errors here


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"design": "fair"}, "attribute design: Input should be 'balanced' or 'stratified'"),
        ({"seed": -1}, "attribute seed: Input should be greater than or equal to 0"),
        ({"seed": "0"}, "attribute seed: Input should be a valid integer"),
        ({"subsample": None}, "attribute subsample"),
        ({"n_trees": 4}, "its attributes say draw 4, and it holds 5"),
        ({"n_genes": 70}, "its attributes say tree 35, and it holds 4"),
        ({"tree_sizes": [2, 4]}, r"its attributes say tree_size \[2, 4\], and it holds \[2, 3\]"),
        ({"weight_ranges": []}, "attribute weight_ranges: List should have at least 1 item"),
    ],
)
def test_check_attributes__of_a_forest(forest, change, words):
    check_attributes(forest, "forest")
    with pytest.raises(ValueError, match=words):
        check_attributes(forest.assign_attrs(change), "forest")


@pytest.mark.parametrize("account", ["[", "3", '[{"stage": 1}]', '[{"stage": "a", "kept": -1}]'])
def test_check_attributes__of_a_table(account):
    check_attributes(made_table(), "table")
    with pytest.raises(ValueError, match=r"attribute account|Expecting value"):
        check_attributes(made_table().assign_attrs(account=account), "table")


def test_whole__leaves_nothing_on_a_full_disk(tmp_path):
    with pytest.raises(EngineError, match="No space left"), whole(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not [*tmp_path.iterdir()]
