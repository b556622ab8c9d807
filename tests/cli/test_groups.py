"""Stores of more than two classes, each against the rest: grown, filtered, opened, refused."""

import json
from shutil import copytree, rmtree

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import deepnic
from deepnic.manifest import seal
from deepnic.store import open_classes, open_items, write_forest
from deepnic.store.group import places
from tests.cli.made import FEW, LABELS, contents, make_classes

NAMES = ["EWS", "R-MS", "Ävö x"]


def stored(folder):
    return {path.relative_to(folder): content for path, content in contents(folder).items()}


def write_table(path, labels, n_genes=6):
    values = np.random.default_rng(0).normal(8, 1, (len(labels), n_genes)).round(3)
    table = pd.DataFrame(values, columns=[f"g{k}" for k in range(n_genes)])
    table.insert(0, "state", labels)
    table.to_csv(path, index_label="id")
    return path


def test_grow__of_several_classes_makes_each_store_as_positive_does(run, classes, tmp_path):
    code, output, error = run("grow", classes / "c.csv", "-o", tmp_path / "f.zarr", *FEW)
    assert code == 0, error
    assert "3 classes, each taken against the rest: EWS 19, R/MS 19, Ävö x 20" in output
    for name, label in zip(NAMES, LABELS, strict=True):
        alone = tmp_path / f"{name}.zarr"
        run("grow", classes / "c.csv", "-o", alone, *FEW, "--positive", label)
        assert stored(alone) == stored(tmp_path / "f.zarr" / name)
    code, output, _ = run("grow", classes / "c.csv", "-o", tmp_path / "f.zarr", *FEW)
    assert "0 blocks of trees grown" in output


def test_grow__holds_the_same_patients_of_each_class_out(classes):
    stores = open_classes(classes / "forest.zarr")
    assert [*stores] == LABELS
    hidden = [store.state.values < 0 for (store,) in stores.values()]
    assert (hidden[0] == hidden[1]).all()
    assert (hidden[0] == hidden[2]).all()
    known = ~np.isin(np.arange(60), [3, 7])
    assert [int(hidden[0][known & (np.arange(60) % 3 == k)].sum()) for k in range(3)] == [5, 5, 5]


def test_grow__goes_on_with_a_group_that_was_interrupted(run, classes, tmp_path, monkeypatch):
    grown = []

    def fail_at_the_second(forest, path):
        if grown:
            raise KeyboardInterrupt
        grown.append(path)
        return write_forest(forest, path)

    path, asked = tmp_path / "f.zarr", [*FEW, "--hold-out", 0.25]
    with monkeypatch.context() as patched:
        patched.setattr(deepnic, "write_forest", fail_at_the_second)
        assert run("grow", classes / "c.csv", "-o", path, *asked)[0] == 130
    code, _, error = run("pixels", path, "-o", tmp_path / "t.zarr")
    assert code == 2
    assert "is unfinished: it lacks its manifest" in error
    _, output, _ = run("grow", classes / "c.csv", "-o", path, *asked)
    assert "4 blocks of trees grown" in output  # of two of three
    assert stored(path) == stored(classes / "forest.zarr")


def test_grow__refuses_another_path_or_other_parameters(refuse, classes, tmp_path):
    group = tmp_path / "f.zarr"
    copytree(classes / "forest.zarr", group)
    before = stored(group)
    table = classes / "c.csv"
    assert "was made with --n-trees 6" in refuse(
        "grow", table, "-o", group, "--n-trees", 7, *FEW[2:]
    )
    assert "choose another path" in refuse("grow", table, "-o", group / "EWS", *FEW)
    sentence = refuse("grow", table, "-o", group, *FEW, "--positive", "EWS")
    assert "a group of 3 stores" in sentence
    assert f"{group / 'R-MS'} (R/MS)" in sentence
    for more in (["--hold-out", 0.5], ["--hold-out", 0.25, "--seed", 1], []):
        assert "choose another path" in refuse("grow", table, "-o", group, *FEW, *more)
    renamed = make_classes().replace({"state": {"EWS": "PNET"}})
    renamed.to_csv(tmp_path / "renamed.csv", index=False)
    sentence = refuse("grow", tmp_path / "renamed.csv", "-o", group, *FEW)
    assert "no group of stores of each class against the rest (PNET" in sentence
    assert stored(group) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    assert "is no group of stores" in refuse("grow", table, "-o", tmp_path / "other", *FEW)


def test_grow__gives_odd_labels_names_of_folders(run, tmp_path):
    labels = ["a/b", "A-B", "..", "1", "2", "manifest", "zarr.json", "x" * 300, "ü", "u\u0308 y",
              "c.damaged-", "\u2603"]  # fmt: skip
    table = write_table(tmp_path / "c.csv", [labels[k % 12] for k in range(60)])
    path = tmp_path / "f.zarr"
    code, _, error = run("grow", table, "-o", path, *FEW)
    assert code == 0, error
    assert [*open_classes(path)] == sorted(labels)
    folders = [place.name for place in places(path).values()]
    assert len({name.casefold() for name in folders}) == 12
    there = {place.name for place in path.iterdir()}
    assert there == {*folders, "manifest", "zarr.json"}
    assert run("verify", path)[0] == 0


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["a", "b"] * 10 + ["c"], "1 observation has state 1 ('c' is 1)"),
        (["a", "b"] * 10 + ["c"] * 2, "leaves 1 of the class 'c' to grow on and 1 to test on"),
    ],
)
def test_grow__refuses_classes_of_too_few(refuse, tmp_path, labels, sentence):
    table = write_table(tmp_path / "c.csv", labels)
    out = ["-o", tmp_path / "f.zarr", "--hold-out", 0.2]
    assert sentence in refuse("grow", table, *out, *FEW)
    assert not (tmp_path / "f.zarr").exists()


def test_grow__estimates_all_classes_together(run, classes):
    code, output, error = run("grow", classes / "c.csv", "--estimate", *FEW)
    assert code == 0, error
    assert "each taken against the rest" in output


def test_pixels__of_a_group_are_those_of_each_store(run, classes, tmp_path):
    asked = ["--k", 64, "--fdr", 1, "--max-undefined", 0.9]
    for name in NAMES:
        code, _, error = run(
            "pixels", classes / "forest.zarr" / name, "-o", tmp_path / name, *asked
        )
        assert code == 0, error
        assert stored(tmp_path / name) == stored(classes / "table.zarr" / name)


def test_group__opens_with_zarr_and_xarray(classes):
    for group in ("forest.zarr", "table.zarr"):
        found = zarr.open_group(classes / group, mode="r")
        assert found.attrs["deepnic_classes"] == dict(zip(NAMES, LABELS, strict=True))
        tree = xr.open_datatree(classes / group, engine="zarr", consolidated=False)
        assert {*NAMES} <= {*tree.children}
        assert tree["R-MS"].attrs["positive"] == "R/MS"


def test_open__names_the_children_of_a_group(classes):
    for group, open_one in (
        ("forest.zarr", deepnic.open_forest),
        ("table.zarr", deepnic.open_table),
        ("table.zarr", open_items),
    ):
        with pytest.raises(deepnic.InputError, match=r"group of 3 stores.* one of them: .*EWS"):
            open_one(classes / group)
    for opened in (
        xr.open_zarr(classes / "table.zarr", consolidated=False),
        xr.open_datatree(classes / "table.zarr", engine="zarr", consolidated=False),
    ):
        with pytest.raises(deepnic.InputError, match="EWS"):
            deepnic.assemble(opened)


def test_group__that_says_another_thing_than_its_stores_is_refused(refuse, classes, tmp_path):
    group, table = tmp_path / "f.zarr", tmp_path / "t.zarr"
    copytree(classes / "forest.zarr", group)
    described = json.loads((group / "zarr.json").read_text())
    names = described["attributes"]["deepnic_classes"]
    names["EWS"], names["R-MS"] = names["R-MS"], names["EWS"]
    (group / "zarr.json").write_text(json.dumps(described))
    assert "zarr.json is changed" in refuse("pixels", group, "-o", table)
    rmtree(group / "manifest")
    assert "is unfinished" in refuse("pixels", group, "-o", table)
    seal(group)
    assert "is not of the class" in refuse("pixels", group, "-o", table)
    names["../EWS"] = names.pop("EWS")
    (group / "zarr.json").write_text(json.dumps(described))
    refuse("pixels", group, "-o", table)
