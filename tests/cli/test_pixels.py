"""`deepnic pixels`: from a store to a table."""

import pytest

from deepnic.store import open_table
from tests.cli.made import FEW, contents, succeed


def test_pixels__says_what_was_removed(place, tmp_path):
    output = succeed("pixels", place / "forest.zarr", "-o", tmp_path / "t.zarr", "--redundancy")
    assert all(stage in output for stage in ("structural", "data", "relevance"))
    assert open_table(tmp_path / "t.zarr").sizes["item"] == 40


def test_pixels__of_genes_and_no_training_on_them(place, tmp_path, refuse):
    succeed("pixels", place / "forest.zarr", "-o", tmp_path / "g.zarr", "--items", "genes")
    assert open_table(tmp_path / "g.zarr")["item"].values.tolist() == [f"g{k}" for k in range(10)]
    sentence = refuse("train", tmp_path / "g.zarr")
    assert "holds genes without classes; give a table of observations" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--items", "trees"], ["unknown items 'trees'; choose from observations, genes"]),
        (["--fdr", 0], ["--fdr must lie above 0 and up to 1"]),
        (
            ["--max-undefined", -1],
            ["no pixel of 565 combinations is left", "raise --max-undefined"],
        ),
    ],
)
def test_pixels__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("pixels", place / "forest.zarr", "-o", tmp_path / "out", *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


def test_pixels__refuses_in_bag_votes(refuse, place, tmp_path):
    words = [*FEW[:-1], "1"]
    succeed("grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *words)
    sentence = refuse("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr")
    assert "in-bag votes are the label itself; grow it with subsample below 1" in sentence
    assert not (tmp_path / "t.zarr").exists()


@pytest.mark.parametrize("options", [["--k", 0], ["--workers", -1]])
def test_pixels__refuses_numbers_too_small(run, place, tmp_path, options):
    code, _, error = run("pixels", place / "forest.zarr", "-o", tmp_path / "out", *options)
    assert code == 2
    assert f"Invalid value for '{options[0]}'" in error
    assert not list(tmp_path.iterdir())


def test_pixels__leaves_a_table_alone(refuse, place):
    before = contents(place / "table.zarr")
    sentence = refuse("pixels", place / "forest.zarr", "-o", place / "table.zarr")
    assert "exists already; choose another path" in sentence
    assert contents(place / "table.zarr") == before
