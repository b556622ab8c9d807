"""`deepnic grow`: from a table to a store, and what it refuses."""

import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from deepnic.store import open_forest
from tests.cli.made import FEW, SEVEN, contents, make_table, succeed


def test_grow__says_what_it_read(place, tmp_path):
    output = succeed("grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW)
    assert "40 observations x 10 genes, 20 of state 1 (sick)" in output
    assert "1 genes are constant and score 0 everywhere" in output
    assert "blocks of trees grown; the store" in output


def test_grow__estimates_without_growing(place):
    before = contents(place)
    output = succeed("grow", place / "cohort.csv", *FEW, "--estimate", "--cores", 1000)
    assert "time" in output
    assert "1000 cores like these" in output
    assert contents(place) == before


def test_grow__wants_a_store(refuse, place):
    assert "no store was named; give its path with -o" in refuse("grow", place / "cohort.csv")


def test_grow__hides_the_share_held_out_of_each_class(place):
    forest = open_forest(place / "forest.zarr")
    hidden = forest["state"].values < 0
    assert forest["label"].values[hidden].tolist().count("sick") == 5
    assert hidden.sum() == 10
    assert (forest["vote"].values[..., hidden] != 0).any()
    again = succeed("grow", place / "cohort.csv", "-o", place / "forest.zarr", *FEW,
                    "--hold-out", 0.25)  # fmt: skip
    assert "0 blocks of trees grown" in again


def test_grow__one_of_three_classes_against_the_rest(tmp_path):
    table = make_table()
    table.loc[:9, "state"] = "other"
    table.to_csv(tmp_path / "three.csv", index=False)
    words = ["grow", tmp_path / "three.csv", "-o", tmp_path / "f.zarr", *FEW]
    assert "40 observations x 10 genes, 10 of state 1 (other)" in succeed(
        *words, "--positive", "other", "--hold-out", 0.25
    )
    succeed("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr", "--k", 16)
    succeed("train", tmp_path / "t.zarr", "--epochs", 1, "-o", tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    predictions = pd.read_csv(folder / "predictions.csv").query("state < 0")
    expected = table.set_index("id")["state"].eq("other")[predictions["item"]]
    assert (predictions["truth"].values == expected.values).all()


def test_grow__same_store_from_a_dask_worker(place, tmp_path):
    words = ["grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW, "--hold-out", 0.25]
    assert "blocks of trees grown" in succeed(*words, "--workers", 1)
    here, there = open_forest(place / "forest.zarr"), open_forest(tmp_path / "f.zarr")
    xr.testing.assert_identical(here.load(), there.load())


def test_archive__refused_where_labels_do_not_match(refuse, tmp_path):
    table = make_table()
    genes = [f"g{k}" for k in range(10)]
    np.savez(tmp_path / "a.npz", X=table[genes].to_numpy(), genes=genes,
             samples=table["id"].to_numpy(str))  # fmt: skip
    labels = table.rename(columns={"id": "sample_id", "state": "label"})[["sample_id", "label"]]
    labels.iloc[1:].to_csv(tmp_path / "a.labels.csv", index=False)
    sentence = refuse("grow", tmp_path / "a.npz", "-o", tmp_path / "out", *FEW)
    assert "1 observations have no row in a.labels.csv (first: number 1)" in sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tree-sizes", "11"], ["--tree-sizes must lie in 1..10"]),
        (["--tree-sizes", "3,11"], ["--tree-sizes must lie in 1..10", "overflow"]),
        (["--weight-ranges", "3-12"], ["--weight-ranges must lie in 2..9", "overflow"]),
        (["--tree-sizes", "three"], ["--tree-sizes 'three' is not a list such as 3-8 or 3,5"]),
        (["--tree-sizes", "8-3"], ["--tree-sizes '8-3' is not a list such as"]),
        (["--weight-ranges", "3;5"], ["--weight-ranges '3;5' is not a list"]),
        (["--tree-sizes", ""], ["--tree-sizes '' is not a list"]),
        (["--subsample", 0], ["--subsample must lie in (0, 1]"]),
        (["--n-trees", 0], ["--n-trees must lie in 1..65,535"]),
        (["--seed", -1], ["--seed must be an integer from 0"]),
        (["--design", "odd"], ["unknown design 'odd'; choose from balanced, stratified"]),
        (["--hold-out", 1.5], ["hold-out must lie between 0 and 1; 0.25 is usual"]),
        (["--hold-out", 0.01], ["hold-out of 0.01 cannot be drawn", "choose another"]),
        (["--state", "etat"], ["has no column 'etat'"]),
        (["--positive", "ill"], ["no observation has the label 'ill'; choose among healthy, sick"]),
        (["--scheduler", "no.json"], ["no scheduler file no.json; start a Dask scheduler"]),
        (["--scheduler", "here:there"], ["no Dask scheduler answers at here:there; start it"]),
    ],
)
def test_grow__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW, *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


def test_grow__refuses_more_genes_in_a_tree_than_exist(refuse, tmp_path):
    make_table().drop(columns=["g8", "g9"]).to_csv(tmp_path / "8.csv", index=False)
    sentence = refuse("grow", tmp_path / "8.csv", "-o", tmp_path / "f", *FEW, "--tree-sizes", "3-9")
    assert "a tree of 9 genes was asked of a cohort of 8; take smaller --tree-sizes" in sentence
    assert not (tmp_path / "f").exists()


def test_grow__leaves_a_store_of_other_parameters_alone(refuse, place):
    before = contents(place / "forest.zarr")
    for words in ([*SEVEN, "--hold-out", 0.25], FEW):
        sentence = refuse("grow", place / "cohort.csv", "-o", place / "forest.zarr", *words)
        assert "was made with " in sentence
        assert "repeat those parameters, or choose another path" in sentence
    assert contents(place / "forest.zarr") == before


def test_grow__leaves_something_else_alone(refuse, place):
    before = contents(place)
    for other in ("table.zarr", "cohort.csv"):
        sentence = refuse("grow", place / "cohort.csv", "-o", place / other, *FEW)
        assert "choose another path, or make it anew" in sentence
    assert contents(place) == before


@pytest.mark.parametrize("half", [True, False])
def test_store_cut_off__is_noticed_and_finished(refuse, place, tmp_path, half):
    """The last block is missing, or only the first half of its file is there."""
    store = tmp_path / "f.zarr"
    shutil.copytree(place / "forest.zarr", store)
    whole = contents(store)
    chunk = store / "vote/c/1/0/0/0/0"
    kept = whole[chunk][: len(whole[chunk]) // 2]
    chunk.write_bytes(kept) if half else chunk.unlink()
    sentence = refuse("pixels", store, "-o", tmp_path / "t.zarr")
    assert (
        f"vote/c/1/0/0/0/0 of the store {store} is {'changed' if half else 'missing'}" in sentence
    )
    assert f"`deepnic verify {store}` tells what is damaged and how to mend it" in sentence
    assert not (tmp_path / "t.zarr").exists()
    words = ["grow", place / "cohort.csv", "-o", store, *FEW, "--hold-out", 0.25]
    assert "1 blocks of trees grown" in succeed(*words)
    assert contents(store) == whole


def test_store_damaged__is_refused(refuse, place, tmp_path):
    store = tmp_path / "f.zarr"
    shutil.copytree(place / "forest.zarr", store)
    (store / "vote" / "zarr.json").unlink()
    sentence = refuse("pixels", store, "-o", tmp_path / "t.zarr")
    assert "vote/zarr.json of the store" in sentence
    assert "is missing on" in sentence
