"""A run's folder: what is written is read, and what is missing or damaged is told."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from deepnic.errors import InputError
from deepnic.runs.folder import read_run, write_run

FACTS = {"name": "snail-0", "items": "genes", "classes": ["a", "b"], "n_test": 3}


@pytest.fixture
def folder(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "training_loss": [0.7, 0.25]})
    predictions = pd.DataFrame(
        {"item": ["x", "y", "z", "w"], "state": [-1, -1, 1, -1], "truth": [1, -1, 1, 0],
         "probability": [0.5, 0.1, 0.9, 0.2], "predicted": [1, 0, 1, 0]}
    )  # fmt: skip
    ranking = pd.DataFrame({"ranking": ["network"], "metric": ["auroc"], "difference": [None]})
    write_run(tmp_path, FACTS, history, predictions, ranking)
    return tmp_path


def test_read_run__reads_what_was_written(folder):
    run = read_run(folder)
    assert run.facts == FACTS | {"format": 2}
    assert run.history.to_dict("list") == {"epoch": [1, 2], "training_loss": [0.7, 0.25]}
    assert run.n_judged == 2  # x and w: held out, of known class
    assert run.ranking.ranking.tolist() == ["network"]
    assert run.ranking.difference.isna().all()


def test_read_run__without_truth_or_ranking(folder):
    history, predictions = (
        pd.read_csv(folder / f"{name}.csv") for name in ("history", "predictions")
    )
    (folder / "ranking.csv").unlink()
    write_run(folder, FACTS, history, predictions.drop(columns="truth"))
    run = read_run(folder)
    assert (run.n_judged, run.ranking) == (0, None)


def test_write_run__explains_every_column(folder):
    rows = pd.read_csv(folder / "columns.csv")
    for name in ("history", "predictions", "ranking"):
        columns = pd.read_csv(folder / f"{name}.csv", nrows=0)
        assert rows.query("table == @name")["name"].tolist() == list(columns)
    assert rows["meaning"].str.endswith(".").all()


def test_read_run__refuses_what_is_no_run(folder):
    with pytest.raises(InputError, match=r"no training run in .*absent: run `deepnic train` first"):
        read_run(folder / "absent")
    (folder / "history.csv").unlink()
    with pytest.raises(InputError, match=r"lacks history.csv: run .* first, to its end"):
        read_run(folder)
    (folder / "history.csv").write_text("epoch\n1\n")
    with pytest.raises(InputError, match=r"history.csv is changed since it was written; `deepnic"):
        read_run(folder)


def test_read_run__refuses_each_damaged_file_and_what_is_not_sealed(folder):
    for file in [file for file in folder.iterdir() if file.name != "manifest.json"]:
        content = file.read_bytes()
        for damaged in (content[:-3], content.replace(b"1", b"2", 1) + b" ", b""):
            file.write_bytes(damaged)
            with pytest.raises(InputError, match=f"{file.name} is changed since it was written"):
                read_run(folder)
        file.write_bytes(content)
    assert read_run(folder).n_judged == 2
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match="has no manifest, which is written last"):
        read_run(folder)


def test_read_run__of_version_0_1_0(folder):
    """Which wrote no manifest."""
    (folder / "manifest.json").unlink()
    (folder / "run.json").write_text(json.dumps(FACTS))
    assert read_run(folder).facts == FACTS
    (folder / "run.json").write_text(json.dumps(FACTS)[:20])
    with pytest.raises(InputError, match=r"cannot be read .*: run `deepnic train` again"):
        read_run(folder)


def test_configuration_and_folder__load_neither_torch_nor_ray():
    code = (
        "import sys, deepnic.runs.config, deepnic.runs.folder, deepnic.learn.baselines\n"
        "print({'torch', 'ray', 'matplotlib'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
