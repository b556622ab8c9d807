"""More than two classes: the runs of each against the rest, joined."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from deepnic.errors import InputError
from deepnic.files import locked, make_folder
from deepnic.learn.one_vs_rest import OneVsRest
from deepnic.learn.result import TrainResult
from deepnic.learn.saved import NETWORKS_OF_CLASSES, read_checkpoint, save_checkpoint
from deepnic.learn.settings import CHECKPOINT_FILE
from deepnic.manifest import unseal
from deepnic.rop.origin import ORIGIN, of_same_patients
from deepnic.runs.folder import write_classes_run
from deepnic.variables import kind_of


@dataclass(frozen=True)
class JoinedResult:
    """What trainings of each class against the rest, ``of_classes``, say together.

    Of the ``metrics`` the balanced accuracy is macro-averaged: the mean of the classes' recalls. In
    ``predictions`` classes have numbers, in the order of the networks; see `TrainResult`.
    """

    metrics: dict[str, float]
    predictions: pd.DataFrame = field(repr=False)
    predictor: OneVsRest = field(repr=False)
    device: str
    of_classes: Mapping[str, TrainResult] = field(repr=False)
    folder: Path | None = None

    @property
    def checkpoint(self) -> Path | None:
        """File of all networks, which `load_network` reads."""
        return None if self.folder is None else self.folder / CHECKPOINT_FILE


def check_together(tables: Mapping[str, Sequence[xr.Dataset]]) -> None:
    """Refuse tables by label that are not of the same observations, before anything is trained."""
    each = [table for of_class in tables.values() for table in of_class]
    if any(kind_of(table) != "table" or "label" not in table.coords for table in each):
        raise InputError(
            "classes are learnt from a group of tables of observations; make it by `deepnic "
            "pixels` of the group of stores"
        )
    first = each[0]
    same = all(
        of_same_patients([table.attrs.get(ORIGIN) for table in of_pipeline])
        for of_pipeline in zip_longest(*tables.values(), fillvalue=xr.Dataset())
    )
    for table, name in product(each, ("item", "label")):
        same = same and np.array_equal(table[name].values, first[name].values)
    if not same:
        raise InputError(
            "the tables of the classes are not of the same observations, genes and parameters; "
            "make them together, by `deepnic pixels` of one group of stores"
        )
    if (labels := {*map(str, first["label"].values)} - {""}) != {*tables}:
        raise InputError(
            f"the observations are of the classes {', '.join(sorted(labels))}, and the tables of "
            f"{', '.join(tables)}; make a table of each class"
        )


def join(
    results: Mapping[str, TrainResult], labels: ArrayLike, group: xr.DataArray | None = None
) -> JoinedResult:
    """Join the results of networks by label; ``labels`` and ``group`` of items, no folder yet."""
    predictor = OneVsRest(tuple(result.predictor for result in results.values()))
    number = {label: k for k, label in enumerate(results)}
    known = np.array([number.get(str(label), -1) for label in np.asarray(labels)])
    one = next(iter(results.values()))
    trained = one.predictions["state"].to_numpy() >= 0
    chances = [result.predictions["probability"].to_numpy() for result in results.values()]
    predictions = pd.DataFrame(
        {
            "item": one.predictions["item"].to_numpy(),
            "state": np.where(trained, known, -1),
            "truth": np.where(trained, -1, known),
            **{f"probability_{k}": values for k, values in enumerate(chances)},
            "predicted": np.argmax(chances, axis=0),
        }
    )
    if group is not None:
        predictions.insert(1, "group", group.values)
    metrics = {name: one.metrics[name] for name in ("n_training", "n_validation", "n_test")}
    judged = predictions[predictions["truth"] >= 0]
    truth, predicted = judged["truth"], judged["predicted"]
    if len(judged):
        metrics["test_accuracy"] = float(accuracy_score(truth, predicted))
    if truth.nunique() == len(results):  # the mean of their recalls needs all classes
        metrics["test_balanced_accuracy"] = float(balanced_accuracy_score(truth, predicted))
    return JoinedResult(metrics, predictions, predictor, one.device, results)


def folder_of(results: Mapping[str, TrainResult], path: str, storage: Path) -> Path:
    """Folder of joined runs, which theirs name."""
    runs = "\n".join(str(one.folder and one.folder.name) for one in results.values())
    return storage.resolve() / f"{path}-classes-{hashlib.sha256(runs.encode()).hexdigest()[:16]}"


def write_joined(joined: JoinedResult, facts: dict[str, Any]) -> None:
    """Leave in its folder what `read_classes_run` reads, and the checkpoint of all networks."""
    folder, checkpoint = joined.folder, joined.checkpoint
    assert folder is not None
    assert checkpoint is not None
    with locked(folder):
        make_folder(folder)
        unseal(folder)
        runs = joined.of_classes.values()
        parts = [read_checkpoint(one.checkpoint) for one in runs if one.checkpoint]
        save_checkpoint(checkpoint, **{NETWORKS_OF_CLASSES: parts})
        write_classes_run(folder, facts, joined.predictions)
