"""`deepnic genes`: from a store to the list of its genes."""

import shutil

import pandas as pd
import pytest

from tests.cli.made import FEW, make_table, succeed


def test_genes__writes_the_list_and_says_the_first(place, tmp_path):
    output = succeed("genes", place / "forest.zarr", "-o", tmp_path / "genes")
    genes = pd.read_csv(tmp_path / "genes" / "genes.csv")
    assert f"first: {', '.join(genes['gene'])}" in output
    assert "10 genes in" in output
    assert {*genes["gene"][:4]} < {f"g{k}" for k in range(5)}
    assert "q" not in genes
    companions = pd.read_csv(tmp_path / "genes" / "companions.csv")
    assert {*companions["gene"]} == {*genes["gene"]}
    told = pd.read_csv(tmp_path / "genes" / "columns.csv")
    assert {*told["table"]} == {"genes", "companions"}


def test_genes__with_permutations_says_how_sure_and_goes_on(place, tmp_path):
    words = ["genes", place / "forest.zarr", "-o", tmp_path / "g", "--permutations"]
    output = succeed(*words, 2)
    assert "0 genes have q up to 0.1; the lowest is 1" in output
    assert "2 of 2 conditions tell next to nothing" in output  # 5 of 15 in the bag
    assert "perfect there too: V3 R3, V4 R3" in output
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "g").glob("null/*/zarr.json")}
    succeed(*words, 3, "--workers", 1)
    again = {file: file.stat().st_mtime_ns for file in (tmp_path / "g").glob("null/*/zarr.json")}
    assert written.items() < again.items()
    assert len(again) == 3
    conditions = pd.read_csv(tmp_path / "g" / "conditions.csv")
    assert conditions[["tree_size", "weight_range"]].to_numpy().tolist() == [[3, 3], [4, 3]]


def test_genes__are_verified_and_made_anew_as_a_whole(place, tmp_path, run, refuse):
    succeed("genes", place / "forest.zarr", "-o", tmp_path / "g", "--permutations", 2)
    (tmp_path / "g" / "mine.txt").write_text("a note")
    assert "is whole" in succeed("verify", tmp_path / "g")
    first = tmp_path / "g" / "genes.csv"
    first.write_text(first.read_text().replace("0", "1"))
    assert "genes.csv" in run("verify", tmp_path / "g")[1]
    assert "run the command that made it again" in refuse("verify", tmp_path / "g")
    (tmp_path / "g" / "null" / "0.zarr" / "perfect" / "zarr.json").unlink()
    assert "null/0.zarr" in run("verify", tmp_path / "g")[1]
    succeed("genes", place / "forest.zarr", "-o", tmp_path / "h", "--permutations", 1)
    succeed("genes", place / "forest.zarr", "-o", tmp_path / "h")
    assert not (tmp_path / "h" / "conditions.csv").exists()
    assert "is whole" in succeed("verify", tmp_path / "h")


def test_genes__tells_the_cost_before(place, tmp_path):
    output = succeed("genes", place / "forest.zarr", "--permutations", 20, "--estimate")
    assert "36 cores like these" in output
    assert "--permutations 10" in output


def test_genes__anndata(place, tmp_path):
    anndata = pytest.importorskip("anndata")
    succeed("genes", place / "forest.zarr", "-o", tmp_path / "g", "--anndata")
    assert "nic1" in anndata.read_h5ad(tmp_path / "g" / "genes.h5ad").var


def test_genes__anndata_has_the_pseudonyms_of_the_store(place, tmp_path):
    anndata = pytest.importorskip("anndata")
    table = make_table()
    table.insert(1, "patient", [f"Smith {k // 2}" for k in range(40)])
    table.to_csv(tmp_path / "c.csv", index=False)
    key = tmp_path / "keys" / "key"
    hidden = ["--pseudonymise", "--key", key, "--groups", "patient"]
    (tmp_path / "data").mkdir()
    succeed("grow", tmp_path / "c.csv", "-o", tmp_path / "data" / "f.zarr", *FEW, *hidden)
    succeed("genes", tmp_path / "data" / "f.zarr", "-o", tmp_path / "data" / "g", "--anndata")
    obs = anndata.read_h5ad(tmp_path / "data" / "g" / "genes.h5ad").obs
    said = {*obs.index, *obs["patient"]}
    assert not said & {*table["id"], *table["patient"]}
    assert len(said) == 60


def test_genes__takes_a_cohort_that_was_moved(refuse, tmp_path):
    make_table().to_csv(tmp_path / "a.csv", index=False)
    succeed("grow", tmp_path / "a.csv", "-o", tmp_path / "f.zarr", *FEW)
    shutil.move(tmp_path / "a.csv", tmp_path / "b.csv")
    words = ["genes", tmp_path / "f.zarr", "-o", tmp_path / "g"]
    assert "a.csv" in refuse(*words)
    succeed(*words, "--cohort", tmp_path / "b.csv")
    make_table(seed=1).to_csv(tmp_path / "b.csv", index=False)
    assert "not what the trees were grown on" in refuse(*words, "--cohort", tmp_path / "b.csv")


def test_genes__refuses_with_one_sentence(refuse, place, classes, tmp_path):
    store = place / "forest.zarr"
    assert "give its path with -o" in refuse("genes", store)
    assert "add --permutations 20" in refuse("genes", store, "--estimate")
    assert "no store at" in refuse("genes", tmp_path / "none.zarr", "-o", tmp_path / "g")
    sentence = refuse("genes", classes / "forest.zarr", "-o", tmp_path / "g")
    assert "is a group of 3 stores" in sentence
    assert "holds something else" in refuse("genes", store, "-o", place)
    assert not list(tmp_path.iterdir())
