"""`deepnic attribute`: what networks look at, and how trees vote, in a folder."""

import json

import numpy as np
import pandas as pd
import pytest

from deepnic.columns import WORDS
from deepnic.files import read_csv
from deepnic.manifest import damaged
from tests.cli.made import FEW, contents, dtype_of, make_classes, make_table, succeed

pytest.importorskip("captum")
SVG = b"<?xml"


@pytest.fixture(scope="module")
def trained(place, tmp_path_factory):
    """Folder of two runs of other seeds, the checkpoints, and a table of new patients."""
    folder = tmp_path_factory.mktemp("attribute")
    for seed in (0, 1):
        words = ["--cohort", place / "cohort.csv", "--seed", seed, "--epochs", 20]
        succeed("train", place / "table.zarr", *words, "-o", folder / f"run{seed}")
    new = make_table(seed=5).drop(columns="state")
    new.assign(id=[f"SECRET{k}" for k in range(40)]).iloc[:6].to_csv(folder / "new.csv")
    return folder, [*sorted(folder.glob("run*/*/checkpoint.pt"))]


def test_attribute__writes_tables_and_pictures_of_two_networks(trained, tmp_path):
    folder, checkpoints = trained
    output = succeed("attribute", *checkpoints, folder / "new.csv", "-o", tmp_path / "a")
    tables = ("genes", "combinations", "conditions", "pixels", "items", "by_item", "agreement")
    assert {file.name for file in (tmp_path / "a").iterdir()} == {
        *(f"{name}.csv" for name in (*tables, "columns")), "overlay-1.svg", "attribution.json",
        "manifest.json",
    }  # fmt: skip
    assert damaged(tmp_path / "a") == []
    assert "is whole" in succeed("verify", tmp_path / "a")
    assert (tmp_path / "a" / "overlay-1.svg").read_bytes().startswith(SVG)
    told = read_csv(tmp_path / "a" / "columns.csv", WORDS).set_index(["table", "name"])
    for name in tables:
        table = read_csv(tmp_path / "a" / f"{name}.csv", {*WORDS} - {"column"})
        assert len(table)
        for column in table:
            assert dtype_of(table[column]) == told.loc[(name, column), "dtype"], (name, column)
    genes = read_csv(tmp_path / "a" / "genes.csv", WORDS)
    assert {*genes["gene"]} <= {f"g{k}" for k in range(10)}
    assert f"sick, looked at most: {', '.join(genes['gene'][:10])}" in output
    assert "networks agree on genes by" in output
    facts = json.loads((tmp_path / "a" / "attribution.json").read_text())
    assert (facts["n_items"], facts["classes"], len(facts["networks"])) == (6, ["sick"], 2)
    assert "SECRET" not in json.dumps(facts) + output
    again = ["attribute", *checkpoints, folder / "new.csv", "-o", tmp_path / "b"]
    succeed(*again)
    one, other = (contents(tmp_path / name) for name in "ab")
    assert [*one.values()] == [*other.values()]


def test_attribute__of_one_patient_and_hidden_ids(trained, secrets):
    folder, checkpoints = trained
    words = ["attribute", checkpoints[0], folder / "new.csv"]
    one = secrets / "one"
    output = succeed(*words, "-o", one, "--item", "SECRET3")
    assert pd.read_csv(one / "items.csv")["item"].tolist() == ["SECRET3"]
    assert "others may tell another story" in output
    hidden = secrets / "hidden"
    succeed(*words, "-o", hidden, "--pseudonymise", "--key", secrets / "keys" / "key")
    assert not any(b"SECRET" in content for content in contents(hidden).values())
    values = [pd.read_csv(at / "by_item.csv") for at in (one, hidden)]
    of_one = values[1][values[1]["item"] == pd.read_csv(hidden / "items.csv")["item"][3]]
    np.testing.assert_array_equal(of_one["attribution"], values[0]["attribution"])


def test_attribute__of_stores_of_classes_and_parts(classes, tmp_path):
    succeed("train", classes / "table.zarr", "--epochs", 1, "-o", tmp_path / "runs")
    (joined,) = (tmp_path / "runs").glob("linear-classes-*")
    words = ["attribute", joined / "checkpoint.pt", classes / "forest.zarr", "-o", tmp_path / "a"]
    succeed(*words, "--item", "p4", "--item", "p5")
    genes = pd.read_csv(tmp_path / "a" / "genes.csv")
    assert genes["class"].nunique() == 3
    assert len([*(tmp_path / "a").glob("overlay-*.svg")]) == 3
    make_classes().query("state != 'EWS'").to_csv(tmp_path / "c.csv", index=False)
    succeed("grow", tmp_path / "c.csv", "-o", tmp_path / "p.zarr", *FEW, "--parts", 2,
            "--positive", "R/MS")  # fmt: skip
    asked = ["--k", 30, "--fdr", 1, "--max-undefined", 0.9]
    succeed("pixels", tmp_path / "p.zarr", "-o", tmp_path / "pt.zarr", *asked)
    succeed("train", tmp_path / "pt.zarr", "--epochs", 1, "-o", tmp_path / "cross")
    (run,) = (tmp_path / "cross").glob("linear-*")
    words = ["attribute", run / "checkpoint.pt", tmp_path / "pt.zarr", "-o", tmp_path / "b"]
    assert "pipelines agree on genes by" in succeed(*words, "--item", "p3", "--item", "p4")
    pixels = pd.read_csv(tmp_path / "b" / "pixels.csv")
    assert {*pixels["pipeline"]} == {0, 1}


def test_attribute__of_a_store_tells_how_its_trees_vote(place, tmp_path):
    output = succeed("attribute", place / "forest.zarr", "-o", tmp_path / "v")
    assert "40 patients" in output
    patients, votes = (pd.read_csv(tmp_path / "v" / f"{k}.csv") for k in ("patients", "votes"))
    sums = votes.groupby("item")["votes_for"].sum()
    assert (sums[patients["item"]].values == patients["votes_for"]).all()
    told = pd.read_csv(tmp_path / "v" / "columns.csv")
    assert {*told["table"]} == {"patients", "votes"}
    succeed("attribute", place / "forest.zarr", "-o", tmp_path / "w", "--item", "p7")
    one = pd.read_csv(tmp_path / "w" / "votes.csv")
    whole = votes[votes["item"] == "p7"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, whole)


def test_attribute__votes_have_the_pseudonyms_of_the_store(secrets):
    store, key = secrets / "data" / "f.zarr", secrets / "keys" / "key"
    hidden = ["--pseudonymise", "--key", key]
    succeed("grow", secrets / "data" / "c.csv", "-o", store, *FEW, *hidden)
    succeed("attribute", store, "-o", secrets / "v")
    assert not any(b"SECRET" in content for content in contents(secrets / "v").values())


def test_attribute__refuses_with_one_sentence(refuse, trained, place, tmp_path):
    folder, checkpoints = trained
    out = ["-o", tmp_path / "a"]
    assert "give a table of patients too" in refuse("attribute", checkpoints[0], *out)
    sentence = refuse("attribute", checkpoints[0], folder / "new.csv", *out, "--item", "nobody")
    assert "there is no item nobody" in sentence
    assert "no checkpoint at" in refuse("attribute", tmp_path / "c.pt", folder / "new.csv", *out)
    taken = refuse("attribute", checkpoints[0], folder / "new.csv", "-o", place)
    assert "exists already" in taken
    assert not list(tmp_path.iterdir())


def test_genes__with_a_gmt_file_tells_which_sets_are_first(place, tmp_path, refuse):
    pytest.importorskip("gseapy")
    sets = tmp_path / "s.gmt"
    sets.write_text("planted\t\tg0\tg1\tg2\tg3\tg4\nothers\t\tg5\tg6\tg7\tg8\tg9\nfew\t\tg1\n")
    words = ["genes", place / "forest.zarr", "-o", tmp_path / "g", "--gmt"]
    output = succeed(*words, sets)
    assert "2 of 3 gene sets were tested" in output
    found = read_csv(tmp_path / "g" / "enrichment.csv", WORDS).set_index("set")
    assert found.loc["planted", "nes"] > 0
    told = pd.read_csv(tmp_path / "g" / "columns.csv")
    assert {*told["table"]} == {"genes", "companions", "enrichment"}
    sets.write_text("a\t\tTP53\tMYC\n")
    assert "none of 1 gene sets has 5 to 500 of the 10 ranked" in refuse(*words, sets)
    assert "no file of gene sets" in refuse(*words, tmp_path / "none.gmt")
