"""More than two classes: the runs of each against the rest, joined, and the folder of that."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from deepnic.analysis.results import ClassesResults
from deepnic.errors import InputError
from deepnic.files import locked, make_folder, read_csv, read_json, write_csv, write_json
from deepnic.learn.fit import TrainResult
from deepnic.learn.one_vs_rest import OneVsRest
from deepnic.learn.saved import NETWORKS_OF_CLASSES, read_checkpoint, save_checkpoint
from deepnic.learn.settings import CHECKPOINT_FILE
from deepnic.manifest import check_files, manifest, seal, unseal
from deepnic.runs.folder import PREDICTIONS
from deepnic.variables import FORMAT, WORDS, column_rows

CLASSES = "classes.json"


@dataclass(frozen=True)
class JoinedResult:
    """What trainings of each class against the rest say together; see `TrainResult`.

    ``metrics`` have the balanced accuracy macro-averaged: the mean of the classes' recalls. In
    ``predictions`` classes have numbers, in the order of the networks.
    """

    metrics: dict[str, float]
    predictions: pd.DataFrame
    predictor: OneVsRest
    device: str
    folder: Path | None = None

    @property
    def checkpoint(self) -> Path | None:
        """File of all networks, which `load_network` reads."""
        return None if self.folder is None else self.folder / CHECKPOINT_FILE


def join(results: Mapping[str, TrainResult], tables: Mapping[str, xr.Dataset]) -> JoinedResult:
    """Join the results of networks by label, each of its table; the folder is not known yet.

    An `InputError` tells of tables that are not of the same observations.
    """
    first = next(iter(tables.values()))
    for table in tables.values():
        for name in ("item", "label"):
            if not np.array_equal(table[name].values, first[name].values):
                raise InputError(
                    "the tables of the classes are not of the same observations, or in another "
                    "order; make them together, by `deepnic pixels` of one group of stores"
                )
    predictor = OneVsRest(tuple(result.predictor for result in results.values()))
    number = {label: k for k, label in enumerate(results)}
    known = np.array([number.get(str(label), -1) for label in first["label"].values])
    trained = first["state"].values >= 0
    chances = [result.predictions["probability"].to_numpy() for result in results.values()]
    predictions = pd.DataFrame(
        {
            "item": first["item"].to_index(),
            "state": np.where(trained, known, -1),
            "truth": np.where(trained, -1, known),
            **{f"probability_{k}": values for k, values in enumerate(chances)},
            "predicted": np.argmax(chances, axis=0),
        }
    )
    one = next(iter(results.values()))
    metrics = {name: one.metrics[name] for name in ("n_training", "n_validation", "n_test")}
    judged = predictions[predictions["truth"] >= 0]
    truth, predicted = judged["truth"], judged["predicted"]
    if len(judged):
        metrics["test_accuracy"] = float(accuracy_score(truth, predicted))
    if truth.nunique() == len(results):  # the mean of their recalls needs all classes
        metrics["test_balanced_accuracy"] = float(balanced_accuracy_score(truth, predicted))
    return JoinedResult(metrics, predictions, predictor, one.device)


def folder_of(results: Mapping[str, TrainResult], path: str, storage: Path) -> Path:
    """Folder of joined runs, which theirs name."""
    runs = "\n".join(str(one.folder and one.folder.name) for one in results.values())
    return storage.resolve() / f"{path}-classes-{hashlib.sha256(runs.encode()).hexdigest()[:16]}"


def write_classes_run(
    joined: JoinedResult, facts: dict[str, Any], results: Mapping[str, TrainResult]
) -> None:
    """Leave in a folder what `read_classes_run` reads, and the checkpoint of all networks."""
    folder, checkpoint = joined.folder, joined.checkpoint
    assert folder is not None
    assert checkpoint is not None
    with locked(folder):
        make_folder(folder)
        unseal(folder)
        parts = [read_checkpoint(one.checkpoint) for one in results.values() if one.checkpoint]
        save_checkpoint(checkpoint, **{NETWORKS_OF_CLASSES: parts})
        write_csv(folder / PREDICTIONS, joined.predictions)
        rows = column_rows({Path(PREDICTIONS).stem: joined.predictions})
        for row in rows:
            row["meaning"] = _meanings(joined.predictor.classes).get(row["name"], row["meaning"])
        write_csv(folder / "columns.csv", pd.DataFrame(rows))
        write_json(folder / CLASSES, facts | {"format": FORMAT})
        covered = [PREDICTIONS, "columns.csv", CLASSES, CHECKPOINT_FILE]
        seal(folder, covered, copied=[CLASSES])


def _meanings(labels: Sequence[str]) -> dict[str, str]:
    """What the columns of classes mean, of which `deepnic.variables` knows no labels."""
    numbers = ", ".join(f"{k} {label}" for k, label in enumerate(labels))
    return {
        "state": f"Class that was trained on, -1 of others: {numbers}.",
        "truth": f"Class of what was held out, -1 where unknown or trained on: {numbers}.",
        "predicted": f"Class of the highest probability: {numbers}.",
    } | {
        f"probability_{k}": f"Probability of {label} against the rest; not calibrated."
        for k, label in enumerate(labels)
    }


def read_classes_run(folder: Path) -> ClassesResults:
    """Read the folder of joined runs; no item's id is read."""
    check_files(folder)
    try:
        facts = read_json(folder / CLASSES)
        predictions = read_csv(folder / PREDICTIONS, WORDS).drop(columns="item")
        is_sealed = manifest(folder) is not None
    except (ValueError, LookupError, AttributeError, TypeError, OSError) as error:
        raise InputError(
            f"the training run in {folder} cannot be read ({type(error).__name__}): run `deepnic "
            "train` again"
        ) from error
    if not is_sealed:
        raise InputError(
            f"the training run in {folder} has no manifest, which is written last: run `deepnic "
            "train` again with --resume"
        )
    return ClassesResults(facts, predictions)
