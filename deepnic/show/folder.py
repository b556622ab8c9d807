"""The folder a study or a training run leaves, read for showing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from deepnic.errors import InputError

STUDY, RUN = "study.json", "run.json"  # tell what a folder holds
FILES = (STUDY, "results.csv", "summary.csv", "history.csv", "accounts.json")
EXAMPLES = "examples.zarr"
RUN_FILES = (RUN, "history.csv", "predictions.csv")
STATES = ("state", "truth")


@dataclass(frozen=True)
class StudyFolder:
    """What a report needs of a study.

    Attributes
    ----------
    facts : dict
        ``study.json``: cohort, parameters, machine, command, seconds, permuted, data_parallel.
    results, summary, history : DataFrame
        One row per fold, per metric, per epoch of each arm.
    accounts : list of dict
        The filter's account in each training fold.
    examples : Dataset
        One gene and one observation as images.
    """

    facts: dict[str, Any]
    results: pd.DataFrame
    summary: pd.DataFrame
    history: pd.DataFrame
    accounts: list[dict[str, Any]]
    examples: xr.Dataset


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
    lacking = [name for name in (*FILES, EXAMPLES) if not (folder / name).exists()]
    if lacking:
        raise InputError(
            f"the study in {folder} lacks {', '.join(lacking)}: "
            "run `deepnic study` first, to its end"
        )
    try:
        return StudyFolder(
            facts=json.loads((folder / STUDY).read_text(encoding="utf-8")),
            results=_table(folder / "results.csv"),
            summary=_table(folder / "summary.csv"),
            history=_table(folder / "history.csv"),
            accounts=json.loads((folder / "accounts.json").read_text(encoding="utf-8")),
            examples=xr.open_zarr(folder / EXAMPLES, consolidated=False).load(),
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
            facts=json.loads((folder / RUN).read_text(encoding="utf-8")),
            history=_table(folder / "history.csv"),
            n_judged=len(states.query("state < 0 <= truth")) if "truth" in states else 0,
            ranking=_table(ranking) if ranking.exists() else None,
        )
    except (ValueError, OSError) as error:
        raise InputError(
            f"the training run in {folder} cannot be read ({error}): run `deepnic train` again"
        ) from error


def _table(file: Path) -> pd.DataFrame:
    """Read a table; an arm called "none" or "1" keeps its name."""
    names = {"arm": str, "kind": str}
    return pd.read_csv(file, dtype=names, keep_default_na=False, na_values=["", "nan"])
