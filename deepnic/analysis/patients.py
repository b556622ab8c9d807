"""Patient by patient: the mean probability while held out, how often wrong, how sure."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, roc_curve

from deepnic.analysis.interval import Interval
from deepnic.analysis.metrics import probability, summarise
from deepnic.columns import WORDS
from deepnic.files import read_csv


def patients_of(predictions: pd.DataFrame) -> pd.DataFrame:
    """List the patients of each arm, most probable first.

    Parameters
    ----------
    predictions : DataFrame
        Columns arm, kind, item, state, score, predicted, and perhaps group; a row for each
        prediction made while the patient was held out.

    Returns
    -------
    DataFrame
        Columns arm, item, group where there is one, truth, probability (NaN of an arm that gives
        none), n, wrong and sure; see `deepnic.columns`.

    Examples
    --------
    >>> predictions = pd.DataFrame({
    ...     "arm": "x", "kind": "k", "item": ["q", "p", "p"], "state": [0, 1, 1],
    ...     "score": [0.2, 0.9, 0.4], "predicted": [0, 1, 0]})
    >>> patients_of(predictions)[["item", "probability", "wrong"]].to_numpy().tolist()
    [['p', 0.65, 0.5], ['q', 0.2, 0.0]]
    """
    table = predictions.assign(
        probability=probability(predictions), wrong=predictions["predicted"] != predictions["state"]
    )
    of_item = [name for name in ("group",) if name in table]
    patients = [
        arm.groupby("item", sort=False)
        .agg(
            arm=("arm", "first"),
            **{name: (name, "first") for name in of_item},
            truth=("state", "first"),
            probability=("probability", "mean"),
            n=("state", "size"),
            wrong=("wrong", "mean"),
        )
        .sort_values("probability", ascending=False, kind="stable")
        .reset_index()
        for _, arm in table.groupby("arm", sort=False)
    ]
    listed = pd.concat(patients, ignore_index=True)
    listed["sure"] = (2 * listed["probability"] - 1).abs()
    return listed[["arm", "item", *of_item, "truth", "probability", "n", "wrong", "sure"]]


def judge_patients(patients: pd.DataFrame) -> tuple[dict[str, Interval], np.ndarray]:
    """Judge what is said of the patients of one cohort and arm.

    Returns the metrics by name, with intervals over patients, and the counts (truth, predicted).
    """
    single = as_predictions(patients)
    summary = summarise(single).set_index("metric")
    counts = confusion_matrix(single["state"], single["predicted"], labels=[0, 1])
    rows = summary[["mean", "low", "high"]].itertuples(index=False)
    return dict(zip(summary.index, map(Interval.of, rows), strict=True)), counts


def as_predictions(patients: pd.DataFrame) -> pd.DataFrame:
    """One prediction a patient: their mean probability, and what most predictions call them."""
    called = patients["wrong"].where(patients["truth"] == 0, 1 - patients["wrong"])
    predicted = (called >= 0.5).astype(int)
    groups = {"group": patients["group"]} if "group" in patients else {}
    return pd.DataFrame(
        {
            "arm": patients["arm"], "kind": "mean", "repeat": 0, "fold": 0, "seed": 0,
            "item": np.arange(len(patients)), "state": patients["truth"],
            "score": patients["probability"], "predicted": predicted, **groups,
        }
    )  # fmt: skip


def roc(patients: pd.DataFrame) -> pd.DataFrame:
    """Points of the ROC curve of the mean probabilities: columns false and true positive rate."""
    fpr, tpr, _ = roc_curve(patients["truth"], patients["probability"])
    return pd.DataFrame({"false_positive": fpr, "true_positive": tpr})


def read_patients_of(file: Path, *, ids: bool) -> pd.DataFrame | None:
    """Read a table of patients, their ids only if asked for; None where there is none."""
    if not file.exists():  # version 0.1.0 wrote none
        return None
    table = read_csv(file, WORDS)
    return table if ids else without_ids(table)


def without_ids(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the ids of patients, and put numbers for those of their groups.

    Examples
    --------
    >>> without_ids(pd.DataFrame({"item": ["a", "b"], "group": ["p", "p"]}))["group"].tolist()
    ['0', '0']
    """
    numbers = {
        name: pd.factorize(table[name])[0].astype(str) for name in ("group",) if name in table
    }
    return table.drop(columns="item").assign(**numbers)
