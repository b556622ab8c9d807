"""Manifests, against what was done to the files."""

import hashlib

import pytest
import xarray as xr

from deepnic.errors import InputError
from deepnic.manifest import Damage, damaged, manifest, restore, seal, unseal


@pytest.fixture
def folder(tmp_path):
    """A study, so to say, with a sealed store in it."""
    store = tmp_path / "study" / "fold" / "table.zarr"
    xr.Dataset({"value": ("item", [1.0, 2.0])}).to_zarr(store, zarr_format=3, consolidated=False)
    seal(store)
    (tmp_path / "study" / "results.csv").write_text("a,b\n1,2\n")
    seal(tmp_path / "study")
    return tmp_path / "study"


def test_seal__records_each_file_and_inner_stores_by_their_manifest(folder):
    expected = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("results.csv", "fold/table.zarr/manifest/zarr.json")
    }
    assert manifest(folder) == expected
    assert damaged(folder) == []


def test_seal__leaves_a_store_that_plain_xarray_opens(folder):
    store = folder / "fold" / "table.zarr"  # warnings are errors here
    assert xr.open_zarr(store, consolidated=False)["value"].values.tolist() == [1, 2]


def test_damaged__names_what_changed_is_missing_or_came(folder):
    (folder / "results.csv").write_text("a,b\n1,3\n")
    (folder / "new.csv").write_text("")
    (folder / "results.csv.lock").write_text("a lock comes and goes")
    (folder / "fold" / "table.zarr" / "value" / "c" / "0").unlink()
    assert damaged(folder) == [
        Damage("fold/table.zarr/value/c/0", "missing"),
        Damage("new.csv", "unknown"),
        Damage("results.csv", "changed"),
    ]


def test_damaged__of_a_store_without_its_first_file(folder):
    (folder / "fold" / "table.zarr" / "zarr.json").unlink()
    assert damaged(folder / "fold" / "table.zarr") == [Damage("zarr.json", "missing")]


@pytest.mark.parametrize("content", ["", "3", "{}", '{"sha256": {"a": 1}}', '{"sha256": 1}'])
def test_manifest__tells_of_a_damaged_one(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"is damaged; `deepnic verify .* --repair` makes it anew"):
        manifest(folder)


def test_manifest__knows_that_a_digit_of_it_changed(folder):
    place = folder / "manifest.json"
    place.write_text(place.read_text().replace("results.csv", "results.csw"))
    with pytest.raises(InputError, match=r"manifest\.json is damaged; `deepnic verify"):
        manifest(folder)


def test_restore__writes_what_is_damaged_and_nothing_else(folder):
    store = folder / "fold" / "table.zarr"
    before = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    (store / "zarr.json").write_text("{}")
    (store / "value" / "zarr.json").unlink()
    assert restore(store) == ["value/zarr.json", "zarr.json"]
    assert {file: file.read_bytes() for file in before} == before
    assert restore(store) == restore(folder) == []


def test_unseal__leaves_a_folder_without(folder):
    unseal(folder)
    assert manifest(folder) is None
    with pytest.raises(InputError, match="has no manifest: it is unfinished, or of an earlier"):
        damaged(folder)
