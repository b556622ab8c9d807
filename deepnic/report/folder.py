"""The folder a study or a training run leaves, read for showing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from deepnic.errors import InputError

STUDY, RUN = "study.json", "run.json"  # tell what a folder holds
TABLES = ("summary", "predictions", "history", "calibration", "costs")
CONTROL = "control.csv"  # there if labels were permuted too
EXAMPLES = "examples"
RUN_FILES = (RUN, "history.csv", "predictions.csv")
STATES = ("state", "truth")
WORDS = ("cohort", "arm", "kind", "path", "strength", "unit", "stage", "item")


@dataclass(frozen=True)
class StudyFolder:
    """What a report needs of a study.

    Attributes
    ----------
    facts : dict
        ``study.json``: settings, cohorts, machine, deepnic, command, started, finished,
        data_parallel.
    summary, predictions, history, calibration, costs : DataFrame
        Of the true labels.
    accounts : list of dict
        The filter's account in each training fold, by cohort and strength.
    examples : dict of Dataset
        One gene and one observation of each cohort as images.
    control : DataFrame or None
        What became of the arms under permuted labels.
    """

    facts: dict[str, Any]
    summary: pd.DataFrame
    predictions: pd.DataFrame
    history: pd.DataFrame
    calibration: pd.DataFrame
    costs: pd.DataFrame
    accounts: list[dict[str, Any]]
    examples: dict[str, xr.Dataset]
    control: pd.DataFrame | None

    @property
    def cohorts(self) -> list[str]:
        """All that is compared in: cohorts, then transfers between them."""
        return list(self.facts["cohorts"])

    @property
    def own(self) -> list[str]:
        """Cohorts of their own; a transfer is none."""
        return [name for name, one in self.facts["cohorts"].items() if "train" not in one]


@dataclass(frozen=True)
class TrainingFolder:
    """What a report needs of a training run.

    Attributes
    ----------
    facts : dict
        ``run.json``: name, items, counts, classes, config, metrics, device, machine, command,
        seconds.
    history : DataFrame
        One row per epoch.
    n_judged : int
        Items held out whose class is known: those that the test measures are of.
    ranking : DataFrame or None
        One row per ranking of the test genes and metric; None unless the network learnt which
        genes replicate.
    """

    facts: dict[str, Any]
    history: pd.DataFrame
    n_judged: int
    ranking: pd.DataFrame | None


def read_study(folder: str | Path) -> StudyFolder:
    """Read a study's folder.

    Parameters
    ----------
    folder : str or Path
        Written by `deepnic.run_study`.

    Returns
    -------
    StudyFolder

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> read_study("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no study in nowhere: run `deepnic study` first
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no study in {folder}: run `deepnic study` first")
    needed = (STUDY, *(f"{name}.csv" for name in TABLES), "accounts.json", EXAMPLES)
    lacking = [name for name in needed if not (folder / name).exists()]
    if lacking:
        raise InputError(
            f"the study in {folder} lacks {', '.join(lacking)}: "
            "run `deepnic study` first, to its end"
        )
    try:
        facts = _json(folder / STUDY)
        tables = {name: _table(folder / f"{name}.csv") for name in TABLES}
        tables["predictions"] = tables["predictions"].query("permutation < 0")
        return StudyFolder(
            facts=facts,
            **tables,
            accounts=_json(folder / "accounts.json"),
            examples={path.stem: _images(path) for path in (folder / EXAMPLES).glob("*.zarr")},
            control=_table(folder / CONTROL) if (folder / CONTROL).exists() else None,
        )
    except (ValueError, OSError) as error:
        raise InputError(
            f"the study in {folder} cannot be read ({error}): run `deepnic study` again"
        ) from error


def read_training(folder: str | Path) -> TrainingFolder:
    """Read a training run's folder.

    Parameters
    ----------
    folder : str or Path
        Written by ``deepnic train``.

    Returns
    -------
    TrainingFolder
        Without the id of any item: of the predictions only the states are read.

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> read_training("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no training run in nowhere: run `deepnic train` first
    """
    folder = Path(folder)
    if not (folder / RUN).is_file():
        raise InputError(f"no training run in {folder}: run `deepnic train` first")
    lacking = [name for name in RUN_FILES if not (folder / name).exists()]
    if lacking:
        raise InputError(
            f"the training run in {folder} lacks {', '.join(lacking)}: "
            "run `deepnic train` first, to its end"
        )
    ranking = folder / "ranking.csv"
    try:
        states = pd.read_csv(folder / "predictions.csv", usecols=lambda name: name in STATES)
        return TrainingFolder(
            facts=_json(folder / RUN),
            history=_table(folder / "history.csv"),
            n_judged=len(states.query("state < 0 <= truth")) if "truth" in states else 0,
            ranking=_table(ranking) if ranking.exists() else None,
        )
    except (ValueError, OSError) as error:
        raise InputError(
            f"the training run in {folder} cannot be read ({error}): run `deepnic train` again"
        ) from error


def _table(file: Path) -> pd.DataFrame:
    """Read a table; an arm called "none" or "1" keeps its name, and what it has not is ""."""
    table = pd.read_csv(
        file, dtype=dict.fromkeys(WORDS, str), keep_default_na=False, na_values=["", "nan"]
    )
    return table.fillna({name: "" for name in WORDS if name in table})


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _images(path: Path) -> xr.Dataset:
    return xr.open_zarr(path, consolidated=False).load()
