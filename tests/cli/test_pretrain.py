"""Pretraining by the command line, and predicting by what came of it."""

import numpy as np
import pandas as pd
import pytest

from deepnic.config import read_toml, to_toml
from tests.cli.made import FEW, make_table, succeed
from tests.pretrain.test_run import TINY

ALL = ["--k", 64, "--fdr", 1, "--max-undefined", 0.9]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Folder with networks of two cohorts, and what was printed."""
    folder = tmp_path_factory.mktemp("pretrain")
    for k in (1, 2):
        make_table(k).to_csv(folder / f"c{k}.csv", index=False)
    cohorts = {name: {"file": f"{name}.csv"} for name in ("c1", "c2")}
    (folder / "few.toml").write_text(to_toml(TINY | {"cohorts": cohorts}))
    said = succeed("pretrain", folder / "few.toml", "-o", folder / "made")
    return folder, said


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Tables of three parts of a cohort of which ten patients are held out."""
    folder = tmp_path_factory.mktemp("tables")
    make_table().to_csv(folder / "c.csv", index=False)
    asked = ["--hold-out", 0.25, "--parts", 3]
    succeed("grow", folder / "c.csv", "-o", folder / "forest.zarr", *FEW, *asked)
    succeed("pixels", folder / "forest.zarr", "-o", folder / "table.zarr", *ALL)
    return folder


def test_init__writes_settings_to_edit(tmp_path):
    said = succeed("pretrain", "--init", tmp_path / "mine.toml")
    assert "deepnic pretrain" in said
    assert read_toml(tmp_path / "mine.toml")["prior"]["observations"] == [15, 200]


def test_predict__by_a_pretrained_network(pretrained, tables, tmp_path):
    folder, said = pretrained
    assert f"networks: {folder / 'made' / 'pretrained.pt'}" in said
    file = folder / "made" / "pretrained.pt"
    said = succeed("predict", "--network", file, tables / "table.zarr", "-o", tmp_path / "p.csv")
    assert "was trained on 2 cohorts, none of these" in said
    assert "calibrated on 30 patients" in said
    told = pd.read_csv(tmp_path / "p.csv")
    assert told["item"].tolist() == [f"p{k}" for k in range(40)]
    np.testing.assert_allclose(told["probability of healthy"] + told["probability of sick"], 1)
    assert (told["remark"] == "calibrated on").sum() == 30


def test_predict__by_those_that_come_with_deepnic(tables, tmp_path):
    """Half of the genes of these patients differ by two standard deviations."""
    out = tmp_path / "p.csv"
    succeed("predict", "--network", "pretrained", tables / "table.zarr", "-o", out)
    told = pd.read_csv(out)
    new = told[told["remark"].isna()]
    truth = np.where(new["item"].str[1:].astype(int) % 2, "sick", "healthy")
    assert (new["predicted"] == truth).mean() >= 0.8


def test_predict__of_a_source_by_the_network_without_it(pretrained, tmp_path):
    folder, _ = pretrained
    succeed("grow", folder / "c2.csv", "-o", tmp_path / "f.zarr", *FEW, "--parts", 2)
    succeed("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr", *ALL)
    asked = ["predict", "--network", folder / "made" / "pretrained.pt", tmp_path / "t.zarr"]
    said = succeed(*asked, "-o", tmp_path / "p.csv")
    assert "one of those of the networks, c2: the one without it answers" in said


def test_predict__is_refused_in_a_sentence(pretrained, place, tables, refuse, tmp_path):
    network = ["--network", pretrained[0] / "made" / "pretrained.pt"]
    out = ["-o", tmp_path / "p.csv"]
    assert "is not of the parts" in refuse("predict", *network, place / "table.zarr", *out)
    assert "give a checkpoint" in refuse("predict", place / "table.zarr", *out)
    assert "give a checkpoint" in refuse("predict", *out)
    layer = ["--layer", "raw"]
    assert "tables of patients" in refuse("predict", *network, tables / "table.zarr", *out, *layer)
    run = place / "cohort.csv"
    assert "not a checkpoint" in refuse("predict", "--network", run, tables / "table.zarr", *out)


def test_pretrain__is_refused_in_a_sentence(refuse, tmp_path):
    assert "no settings were named" in refuse("pretrain")
    (tmp_path / "none.toml").write_text("simulated = 3\n")
    assert "no cohort is named" in refuse("pretrain", tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_text('prior = {effect = [2, 1]}\ncohorts.a = {file = "a.csv"}\n')
    assert "a range has a least and a largest" in refuse("pretrain", tmp_path / "odd.toml")
