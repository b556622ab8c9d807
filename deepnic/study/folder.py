"""The folder of a study: what is done already, and the tables that everything done makes."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.errors import InputError
from deepnic.pixels import account
from deepnic.study.arms import Arm, Outcome
from deepnic.study.cohorts import Split
from deepnic.study.fold import read_tables
from deepnic.study.settings import StudySettings

STUDY = "study.json"


def begin(output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the folder of a study, or go on with it; the facts, with the time of the first start.

    Raises
    ------
    InputError
        The folder holds something else, or another study.
    """
    file = output / STUDY
    if not file.exists():
        if output.is_file() or (output.is_dir() and any(output.iterdir())):
            raise InputError(f"{output} exists already; choose another path, or delete it first")
        output.mkdir(parents=True, exist_ok=True)
        write_json(file, facts)
        return facts
    found = json.loads(file.read_text(encoding="utf-8"))
    had, asked = _identity(found), _identity(facts)
    differing = [name for name in had | asked if had.get(name) != asked.get(name)]
    if differing:
        raise InputError(
            f"{output} holds another study, which differs in {', '.join(differing)}; choose "
            "another folder, or delete it first"
        )
    return facts | {"started": found["started"]}


def is_done(folder: Path, arm: Arm, seed: int) -> bool:
    """Tell whether an arm's predictions are in a fold's folder."""
    return _file(folder, arm, seed).exists()


def write_outcome(folder: Path, arm: Arm, seed: int, outcome: Outcome) -> None:
    """Write an arm's predictions; they appear at once and last, when all else is there."""
    file = _file(folder, arm, seed)
    file.parent.mkdir(exist_ok=True)
    write_json(file.with_suffix(".json"), {"cost": outcome.cost, "history": outcome.history})
    draft = file.with_suffix(".draft")
    outcome.predictions.to_csv(draft, index=False)
    draft.rename(file)


def gather(
    output: Path, splits: Iterable[Split], todo: Sequence[tuple[Arm, int]], settings: StudySettings
) -> tuple[dict[str, pd.DataFrame], list[dict]]:
    """Put together what all folds hold.

    Returns
    -------
    dict of DataFrame
        predictions, history, costs; the last two of the true labels only.
    list of dict
        Account of the filter by fold and strength.
    """
    parts: dict[str, list[pd.DataFrame]] = {"predictions": [], "history": [], "costs": []}
    accounts: list[dict] = []
    for split in splits:
        folder = output / split.folder
        place: dict[str, Any] = {"cohort": split.name, "repeat": split.repeat, "fold": split.fold}
        true = split.permutation < 0
        items = {"items": split.test.size}
        if true:
            for file in sorted(folder.glob("*.json")):
                cost = json.loads(file.read_text()) | items
                parts["costs"].append(pd.DataFrame([place | {"stage": file.stem} | cost]))
            accounts += [
                place | {"strength": strength, "kept_pixels": table.sizes["pixel"]}
                | {"account": account(table)}
                for strength, table in read_tables(folder, settings).items()
            ]  # fmt: skip
        for arm, seed in todo:
            predictions, record = _read_outcome(folder, arm, seed)
            told = place | {"permutation": split.permutation, "seed": seed} | arm.columns
            state = split.cohort["state"].to_series()[predictions["item"]].to_numpy()
            parts["predictions"].append(predictions.assign(state=state, **told))
            if true:
                told = place | {"seed": seed, "arm": arm.name}
                parts["costs"].append(pd.DataFrame([told | record["cost"] | items]))
                if record["history"]:
                    parts["history"].append(pd.DataFrame(record["history"]).assign(**told))
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    return tables, accounts


def write_json(path: Path, value: object) -> None:
    """Write a file that appears whole."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")
    draft.rename(path)


def _file(folder: Path, arm: Arm, seed: int) -> Path:
    return folder / "arms" / f"{re.sub(r'[ ,]+', '-', arm.name)}-{seed}.csv"


def _read_outcome(folder: Path, arm: Arm, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    file = _file(folder, arm, seed)
    # ids stay words, and every digit of a score counts
    predictions = pd.read_csv(file, dtype={"item": str, "score": str}, keep_default_na=False)
    predictions["score"] = predictions["score"].astype(np.float64)
    return predictions, json.loads(file.with_suffix(".json").read_text())


def _identity(facts: dict[str, Any]) -> dict[str, Any]:
    """What must not differ between two starts of a study; files may have moved."""
    cohorts = {f"the cohort {name}": one for name, one in facts["cohorts"].items()}
    return facts["settings"] | cohorts | {"cohorts": None, "deepnic": facts["deepnic"]}
