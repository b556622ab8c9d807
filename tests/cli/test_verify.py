"""`deepnic verify`: what is damaged is named, and made anew as it was."""

import shutil

import pandas as pd
import pytest

from deepnic.manifest import manifest
from tests.cli.made import FEW, contents, succeed

SOURCES = {"forest.zarr": "cohort.csv", "table.zarr": "forest.zarr"}


@pytest.fixture
def copies(place, tmp_path):
    for name in (*SOURCES, "cohort.csv"):
        copy = shutil.copytree if name.endswith(".zarr") else shutil.copy
        copy(place / name, tmp_path / name)
    return tmp_path


def spoil(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", SOURCES)
def test_verify__names_what_is_damaged_and_makes_it_anew(run, copies, name):
    path = copies / name
    first = {"forest.zarr": "vote/c/0/0/0/0/0", "table.zarr": "value/c/0/0"}[name]
    before = contents(path)
    whole = f"{path} is whole: {len(manifest(path))} files are as they were written"
    assert whole in succeed("verify", path)
    spoil(path / first)
    (path / "state" / "zarr.json").unlink() if name == "table.zarr" else spoil(
        path / "observation/c/0"
    )
    (path / "notes.txt").write_text("mine")
    code, told, error = run("verify", path)
    assert code == 2
    assert f"changed: {first}" in told
    assert "unknown: notes.txt" in told
    assert f"error: 2 files of {path} are damaged; `deepnic verify {path} --repair" in error
    succeed("verify", path, "--repair", "--from", copies / SOURCES[name])
    assert (path / "notes.txt").read_text() == "mine"
    (path / "notes.txt").unlink()
    assert contents(path) == before


@pytest.mark.parametrize("name", SOURCES)
def test_verify__makes_a_damaged_manifest_anew(refuse, copies, name):
    path = copies / name
    before = contents(path)
    (path / "manifest" / "zarr.json").write_text('{"zarr_format": 3, "node_ty')
    assert "manifest/zarr.json is damaged; `deepnic verify" in refuse("verify", path)
    succeed("verify", path, "--repair", "--from", copies / SOURCES[name])
    assert contents(path) == before
    assert (copies / f"{name}.damaged-manifest.json").exists()


def test_verify__touches_nothing_by_the_manifest_of_another_store(refuse, copies):
    path, other = copies / "forest.zarr", copies.parent / f"{copies.name}-seed.zarr"
    succeed("grow", copies / "cohort.csv", "-o", other, "--tree-sizes", 3, "--seed", 9)
    shutil.copy(other / "manifest/zarr.json", path / "manifest")
    before = contents(path)
    words = ["verify", path, "--repair", "--from", copies / "cohort.csv"]
    assert "are not those of its manifest" in refuse(*words)
    assert contents(path) == before


def test_verify__refuses_what_makes_something_else(refuse, copies):
    spoil(copies / "table.zarr" / "value/c/0/0")
    before = contents(copies)
    words = ["verify", copies / "table.zarr", "--repair"]
    assert "what the table was made from is needed; add --from" in refuse(*words)
    other = copies.parent / f"{copies.name}-other.zarr"
    succeed("grow", copies / "cohort.csv", "-o", other, "--n-trees", 8, "--tree-sizes", 3)
    assert "does not come out of" in refuse(*words, "--from", other)
    spoil(copies / "forest.zarr" / "state/c/0")
    words = ["verify", copies / "forest.zarr", "--repair", "--from", copies / "cohort.csv"]
    assert "run the same `deepnic grow` again" in refuse(*words)
    before[copies / "forest.zarr" / "state/c/0"] = None
    assert {file: before[file] for file in before if before[file]}.items() <= contents(
        copies
    ).items()


def test_verify__grows_again_with_the_limit_of_bags(place, tmp_path):
    path, source = tmp_path / "f.zarr", place / "cohort.csv"
    succeed("grow", source, "-o", path, *FEW, "--max-bag", 3)
    before = contents(path)
    spoil(path / "vote/c/0/0/0/0/0")
    succeed("verify", path, "--repair", "--from", source)
    assert contents(path) == before


@pytest.mark.parametrize("more", [[], ["--groups", "patient"]])
def test_verify__grows_again_with_the_bags_of_groups(place, tmp_path, more):
    """The store knows its groups; where it has lost them, the cohort does."""
    path, source = tmp_path / "f.zarr", tmp_path / "cohort.csv"
    table = pd.read_csv(place / "cohort.csv")
    table.assign(patient=[f"P{k // 2}" for k in range(len(table))]).to_csv(source, index=False)
    succeed("grow", source, "-o", path, *FEW, "--groups", "patient", "--hold-out", 0.25)
    before = contents(path)
    spoil(path / "vote/c/0/0/0/0/0")
    if more:
        spoil(path / "group/c/0")
    words = ["verify", path, "--repair", "--from", source]
    succeed(*words, *(more or ["--drop", "patient"]))
    assert contents(path) == before


@pytest.mark.parametrize("name", SOURCES)
def test_verify__restores_metadata_from_the_manifest_alone(copies, name):
    path = copies / name
    before = contents(path)
    for file in path.rglob("zarr.json"):
        if file.parent.name != "manifest":
            spoil(file)
    succeed("verify", path, "--repair")
    assert contents(path) == before
