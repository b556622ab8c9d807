"""What version 0.1.0 began goes on under another version: a store, a study, a run, a checkpoint."""

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import read_cohort
from deepnic.columns import WORDS, column_rows
from deepnic.errors import InputError
from deepnic.files import read_csv
from deepnic.learn import load_network
from deepnic.rop import grow_forest
from deepnic.runs.config import read_config
from deepnic.runs.run import run
from deepnic.store import open_forest, open_items, open_table, write_forest
from deepnic.study import run_study
from deepnic.variables import kind_of

FOREST = {"n_trees": 6, "weight_ranges": [3, 5], "tree_sizes": [3, 4], "subsample": 0.5}
STUDY = {
    "folds": 2,
    "epochs": 2,
    "arms": {"paths": ["linear", "snail"], "strengths": [16], "fdr": 1},
    "forest": {
        "n_genes": 0, "n_trees": 6, "weight_ranges": [3], "tree_sizes": [3, 4], "subsample": 0.3
    },
}  # fmt: skip


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """What version 0.1.0 left, and a version of tomorrow."""
    with tarfile.open(Path(__file__).parent / "begun" / "version-0.1.0.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "deepnic" and "__version__" in vars(module):
            monkeypatch.setattr(module, "__version__", "0.2.7")
    return tmp_path


def written(folder, pattern):
    return {file: file.stat().st_mtime_ns for file in folder.glob(pattern)}


def assert_as_expected(table, file):
    """Compare with a table of version 0.1.0: words alike, numbers nearly, columns added or not."""
    expected = read_csv(file, WORDS)
    for name in expected:
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(table[name], expected[name], rtol=1e-3, atol=1e-5)
        else:
            assert table[name].tolist() == expected[name].tolist()


def test_kind_of__stores_of_version_0_1_0(begun):
    for name in ("forest", "table"):
        dataset = xr.open_zarr(begun / f"{name}.zarr", consolidated=False)
        assert "deepnic_kind" not in dataset.attrs
        assert kind_of(dataset) == name
    assert open_items(begun / "table.zarr").attrs["deepnic_kind"] == "table"
    with pytest.raises(InputError, match="is unfinished: 5 of its chunks are missing"):
        open_items(begun / "forest.zarr")


def test_store__goes_on(begun):
    path = begun / "forest.zarr"
    forest = grow_forest(read_cohort(begun / "cohort.csv"), **FOREST)
    assert forest.attrs["deepnic_version"] == "0.2.7"
    before = written(path, "vote/c/*/*/*/*/*")
    assert len(before) == 2
    assert write_forest(forest, path) == 2  # of one there was a half
    assert before.items() <= written(path, "vote/c/*/*/*/*/*").items()
    whole = open_forest(path)
    xr.testing.assert_equal(whole.compute(), forest.compute())
    assert whole.attrs["deepnic_version"] == "0.1.0"  # which began it


def test_study__whose_images_were_not_cross_fitted_is_refused_and_left(begun):
    folder, file = begun / "study", {"file": str(begun / "cohort.csv")}
    before = written(folder, "**/*")
    assert len(before) > 10
    with pytest.raises(
        InputError, match="another study, which differs in arms, parts; choose another"
    ):
        run_study({"made": read_cohort(file["file"])}, folder, STUDY | {"cohorts": {"made": file}})
    assert written(folder, "**/*") == before


def test_run__goes_on(begun):
    given = {
        "data": {"source": begun / "table.zarr"},
        "assembly": {"path": "snail"},
        "training": {"epochs": 4},
        "run": {"output": begun / "runs", "device": "cpu"},
    }
    first = read_csv(begun / "runs" / "snail-bab84054c121961e" / "history.csv", WORDS)
    result = run(read_config(None, given), resume=True).result
    assert [folder.name for folder in (begun / "runs").iterdir()] == ["snail-bab84054c121961e"]
    history = read_csv(result.folder / "history.csv", WORDS)
    for name in first:  # to the last digit: they were not trained again
        assert history[name].tolist()[: len(first)] == first[name].tolist()
    assert_as_expected(history, begun / "expected" / "run-history.csv")
    predictions = read_csv(result.folder / "predictions.csv", WORDS)
    assert_as_expected(predictions, begun / "expected" / "run-predictions.csv")
    column_rows({"history": history, "predictions": predictions})  # all are declared


def test_checkpoint__predicts(begun):
    predicted = load_network(begun / "expected" / "checkpoint.pt").predict(
        open_table(begun / "table.zarr")
    )
    assert_as_expected(predicted, begun / "expected" / "checkpoint-predictions.csv")
