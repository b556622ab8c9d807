"""A run from configuration to folder; other tests go through the command line."""

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import deepnic
from deepnic.errors import InputError
from deepnic.learn.loop import Learner
from deepnic.runs.config import read_config
from deepnic.runs.folder import read_run
from deepnic.runs.run import run

BEGUN = Path(__file__).parents[1] / "begun" / "version-0.1.0.tar.gz"


@pytest.fixture
def begun(tmp_path):
    """What version 0.1.0 began, and what it made of it when it was not interrupted."""
    with tarfile.open(BEGUN) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def config_of(folder, **training):
    return read_config(
        None,
        {
            "data": {"source": folder / "table.zarr"},
            "assembly": {"path": "snail"},
            "training": {"epochs": 4, **training},
            "run": {"output": folder / "runs", "device": "cpu"},
        },
    )


@pytest.mark.parametrize("releases", [("0.1.0", "2.13.0+cpu"), ("7.0.0", "9.9")])
def test_run__goes_on_with_one_of_version_0_1_0(begun, releases, monkeypatch):
    """Whatever the versions of deepnic and torch: they are told in run.json and decide nothing."""
    monkeypatch.setattr(deepnic, "__version__", releases[0])
    monkeypatch.setattr(torch, "__version__", releases[1])
    epochs = []
    train_epoch = Learner.train_epoch
    monkeypatch.setattr(
        Learner, "train_epoch", lambda self, *a: epochs.append(a[-1]) or train_epoch(self, *a)
    )
    (half_done,) = (begun / "runs").iterdir()
    n_before = len(pd.read_csv(half_done / "history.csv"))
    result, ranking = run(config_of(begun), resume=True)
    assert result.folder.name == half_done.name == "snail-bab84054c121961e"
    assert epochs == list(range(n_before, 4))
    assert 0 < n_before < 4
    assert ranking is None
    for table, name in [(result.history, "history"), (result.predictions, "predictions")]:
        expected = pd.read_csv(begun / "expected" / f"run-{name}.csv")
        pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-4)
    facts = read_run(result.folder).facts
    assert facts["machine"]["torch"] == releases[1]
    assert (facts["items"], facts["n_test"]) == ("observations", result.metrics["n_test"])


def test_run__other_settings_are_another_run(begun):
    result, _ = run(config_of(begun, seed=1), resume=True)
    assert result.folder.name != "snail-bab84054c121961e"
    with pytest.raises(InputError, match="was started in"):
        run(config_of(begun, seed=1))


def test_run__names_the_symbols_of_genes(begun, tmp_path):
    """Beside the ids of the items, where these are genes of an annotated cohort."""
    table = deepnic.open_table(begun / "table.zarr")
    symbols = [f"S{k}" for k in range(table.sizes["item"])]
    table = table.assign_coords(symbol=("item", np.array(symbols, object)))
    (tmp_path / "named").mkdir()
    deepnic.write_table(table, tmp_path / "named" / "table.zarr")
    result, _ = run(config_of(tmp_path / "named", epochs=1))
    written = pd.read_csv(result.folder / "predictions.csv")
    assert written["symbol"].tolist() == symbols
    assert written["item"].astype(str).tolist() == table["item"].values.tolist()
    columns = pd.read_csv(result.folder / "columns.csv")
    assert "Symbol of the gene" in columns.set_index("name").loc["symbol", "meaning"]
