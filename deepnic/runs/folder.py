"""The folder of a run: what a training leaves there, written and read.

`deepnic.train` keeps checkpoints and learning curves in it while it runs; what is said of the whole
run, in ``run.json``, comes last.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from deepnic.analysis.patients import patients_of, read_patients_of, without_ids
from deepnic.analysis.results import ClassesResults, RunResults
from deepnic.analysis.training import NETWORK
from deepnic.columns import WORDS, column_rows
from deepnic.errors import InputError
from deepnic.files import read_csv, read_json, write_csv, write_json
from deepnic.learn.settings import CHECKPOINT_FILE, LAST_FILE
from deepnic.manifest import check_files, manifest, seal
from deepnic.runs.attribution import read_attributions
from deepnic.variables import FORMAT

RUN = "run.json"
HISTORY, PREDICTIONS, RANKING = "history.csv", "predictions.csv", "ranking.csv"
CLASSES = "classes.json"  # of joined runs, in the place of `RUN`
ATTRIBUTION = "attribution"  # what the network looks at, if it was asked
PATIENTS = "patients.csv"  # of two classes, where some of known class were held out


def write_run(
    folder: Path,
    facts: dict[str, Any],
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    ranking: pd.DataFrame | None = None,
) -> None:
    """Leave in a run's folder what `read_run` reads, and ``columns.csv``, which explains it."""
    tables = {HISTORY: history, PREDICTIONS: predictions}
    if ranking is not None:
        tables[RANKING] = ranking
    if facts["items"] == "observations" and not (judged := _judged(predictions)).empty:
        tables[PATIENTS] = patients_of(judged)
    for name, table in tables.items():
        write_csv(folder / name, table)
    columns = column_rows({Path(name).stem: table for name, table in tables.items()})
    write_csv(folder / "columns.csv", pd.DataFrame(columns))
    write_json(folder / RUN, facts | {"format": FORMAT})
    seal(folder, [*tables, "columns.csv", RUN, CHECKPOINT_FILE, LAST_FILE], copied=[RUN])


def read_run(folder: str | Path, *, ids: bool = False) -> RunResults:
    """Read a folder of ``deepnic train``; no item's id is read unless it is asked for."""
    folder = Path(folder)
    if not (folder / RUN).is_file():
        raise InputError(f"no training run in {folder}: run `deepnic train` first")
    lacking = [name for name in (HISTORY, PREDICTIONS) if not (folder / name).exists()]
    if lacking:
        raise InputError(
            f"the training run in {folder} lacks {', '.join(lacking)}: "
            "run `deepnic train` first, to its end"
        )
    check_files(folder)
    with _told(folder):
        facts = read_json(folder / RUN)
        is_sealed = facts.get("format", 1) < 2 or manifest(folder) is not None
        states = pd.read_csv(folder / PREDICTIONS, usecols=lambda name: name in ("state", "truth"))
        looked_at, overlays = read_attributions(folder / ATTRIBUTION)
        results = RunResults(
            facts=facts,
            history=read_csv(folder / HISTORY, WORDS),
            n_judged=_n_judged(states),
            ranking=read_csv(folder / RANKING, WORDS) if (folder / RANKING).exists() else None,
            patients=read_patients_of(folder / PATIENTS, ids=ids),
            looked_at=looked_at,
            overlays=overlays,
        )
    if not is_sealed:
        raise InputError(
            f"the training run in {folder} has no manifest, which is written last: run `deepnic "
            "train` again"
        )
    return results


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Tell in a sentence of a folder that cannot be read."""
    try:
        yield
    except (ValueError, LookupError, AttributeError, TypeError, OSError) as error:
        raise InputError(
            f"the training run in {folder} cannot be read ({type(error).__name__}): run `deepnic "
            "train` again"
        ) from error


def write_classes_run(folder: Path, facts: dict[str, Any], predictions: pd.DataFrame) -> None:
    """Leave in the folder of joined runs what `read_classes_run` reads, beside its checkpoint."""
    write_csv(folder / PREDICTIONS, predictions)
    rows = column_rows({Path(PREDICTIONS).stem: predictions})
    for row in rows:
        row["meaning"] = _meanings(facts["classes"]).get(row["name"], row["meaning"])
    write_csv(folder / "columns.csv", pd.DataFrame(rows))
    write_json(folder / CLASSES, facts | {"format": FORMAT})
    seal(folder, [PREDICTIONS, "columns.csv", CLASSES, CHECKPOINT_FILE], copied=[CLASSES])


def read_classes_run(folder: Path, *, ids: bool = False) -> ClassesResults:
    """Read the folder of joined runs; no item's id is read unless it is asked for."""
    check_files(folder)
    with _told(folder):
        facts = read_json(folder / CLASSES)
        predictions = read_csv(folder / PREDICTIONS, WORDS)
        predictions = predictions if ids else without_ids(predictions)
        is_sealed = manifest(folder) is not None
    if not is_sealed:
        raise InputError(
            f"the training run in {folder} has no manifest, which is written last: run `deepnic "
            "train` again with --resume"
        )
    return ClassesResults(facts, predictions)


def _meanings(labels: Sequence[str]) -> dict[str, str]:
    """What the columns of classes mean, of which `deepnic.columns` knows no labels."""
    numbers = ", ".join(f"{k} {label}" for k, label in enumerate(labels))
    return {
        "state": f"Class that was trained on, -1 of others: {numbers}.",
        "truth": f"Class of what was held out, -1 where unknown or trained on: {numbers}.",
        "predicted": f"Class of the highest probability: {numbers}.",
    } | {
        f"probability_{k}": f"Probability of {label} against the rest, by its own network."
        for k, label in enumerate(labels)
    }


def _judged(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions of the items held out whose class is known, of two classes."""
    if not {"truth", "probability"} <= {*predictions}:
        return pd.DataFrame()
    known = predictions[(predictions["state"] < 0) & (predictions["truth"] >= 0)]
    return known.assign(arm=NETWORK, kind="", state=known["truth"], score=known["probability"])


def _n_judged(states: pd.DataFrame) -> int:
    """Count the items held out whose class is known."""
    if "truth" not in states:
        return 0
    return int(((states["state"] < 0) & (states["truth"] >= 0)).sum())
