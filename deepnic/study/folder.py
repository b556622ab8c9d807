"""The folder of a study: what is done already, the tables that all of it makes, reading them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.analysis.patients import read_patients_of
from deepnic.analysis.ranking import BASELINE, OURS, PLACEMENT, RANDOM
from deepnic.analysis.results import StudyResults
from deepnic.columns import WORDS, column_rows
from deepnic.errors import EngineError, InputError
from deepnic.files import (
    check_new,
    csv_text,
    read_csv,
    read_json,
    whole,
    write_csv,
    write_json,
)
from deepnic.manifest import (
    check_files,
    digest,
    manifest,
    put_aside,
    restore,
    seal,
    to_mend,
    unseal,
)
from deepnic.pixels import account
from deepnic.store.table import open_dataset
from deepnic.study.arms import Arm, Outcome
from deepnic.study.cohorts import FOLDS, Split
from deepnic.study.fold import has_tables, read_tables
from deepnic.study.settings import StudySettings

A = TypeVar("A", bound=Arm[Any, Any])

STUDY = "study.json"
EXAMPLES = "examples"
TABLES = ("summary", "predictions", "history", "calibration", "costs")
OPTIONAL = ("control", "control_units", "chosen_genes")
"""There if labels were permuted too, or a filter is by relevance."""
FIRST = (
    "cohort", "permutation", "arm", "kind", "path", "strength", "unit", "metric", "stage",
    "repeat", "fold", "seed",
)  # fmt: skip
"""Columns that come first in every table that has them."""
NO_HISTORY = ("cohort", "repeat", "fold", "seed", "arm", "epoch", "training_loss")
LAST = ("role", "family")


def begin(output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the folder of a study, or go on with it; the facts, with the time of the first start.

    An `InputError` tells of a folder that holds something else, or another study.
    """
    file = output / STUDY
    restore(output)
    if not file.exists():
        check_new(output)
        write_json(file, facts)
        return facts
    try:
        before = read_json(file)
        had = _identity(before)
        before["started"]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file} is damaged, which says what is studied there; choose another folder"
        ) from error
    asks = _identity(facts)
    differing = [name for name in had | asks if had.get(name) != asks.get(name)]
    if differing:
        raise InputError(
            f"{output} holds another study, which differs in {', '.join(differing)}; choose "
            "another folder"
        )
    _put_aside(output)
    unseal(output)
    facts |= {"started": before["started"]}
    write_json(file, facts)
    return facts


def _put_aside(output: Path) -> None:
    """Take files of a finished study out of its way that somebody changed: they are made anew.

    Stores know of theirs by themselves.
    """
    if manifest(output) is None:
        return
    for one in to_mend(output):
        if ".zarr/" not in one.file and (output / one.file).exists():
            put_aside(output / one.file)


def is_done(folder: Path, arm: Arm[Any, Any], seed: int) -> bool:
    """Tell whether an arm's predictions are in a fold's folder, as they were written."""
    file = outcome_file(folder, arm, seed)
    try:
        record = read_json(file.with_suffix(".json"))
        as_written = record.pop("sha256", None) in (None, _digest(file.read_text("utf-8"), record))
        return as_written and record.get("revision", 1) == arm.revision
    except (OSError, ValueError, AttributeError):  # not there, or damaged: it is made anew
        return False


def not_done(folder: Path, todo: Sequence[tuple[A, int]]) -> list[tuple[A, int]]:
    """Arms and seeds whose predictions are not in a fold's folder."""
    return [(arm, seed) for arm, seed in todo if not is_done(folder, arm, seed)]


def write_outcome(folder: Path, arm: Arm[Any, Any], seed: int, outcome: Outcome) -> None:
    """Write an arm's predictions; they appear at once and last, when all else is there."""
    file = outcome_file(folder, arm, seed)
    record: dict[str, Any] = {
        "cost": outcome.cost, "history": outcome.history, "revision": arm.revision
    }  # fmt: skip
    with whole(file) as partial:
        partial.write_text(csv_text(outcome.predictions), encoding="utf-8", newline="")
        write_json(
            file.with_suffix(".json"),
            record | {"sha256": _digest(partial.read_text("utf-8"), record)},
        )


def _digest(predictions: str, record: dict[str, Any]) -> str:
    return digest((predictions + json.dumps(record, sort_keys=True, default=str)).encode())


def gather(
    output: Path, splits: Iterable[Split], todo: Sequence[tuple[Arm, int]], settings: StudySettings
) -> tuple[dict[str, pd.DataFrame], list[dict]]:
    """Put together what all folds hold: tables, and the filter's account by fold and strength.

    The tables are predictions, history and costs, the last two of the true labels only. What could
    not be made is in none of them. Where a cohort has groups, predictions tell them.
    """
    parts: dict[str, list[pd.DataFrame]] = {"predictions": [], "history": [], "costs": []}
    accounts: list[dict] = []
    splits = [*splits]
    are_grouped = any("group" in split.cohort.coords for split in splits)
    for split in splits:
        folder = output / split.folder
        place: dict[str, Any] = {"cohort": split.name, "repeat": split.repeat, "fold": split.fold}
        true = split.permutation < 0
        items = {"items": split.test.size}
        if true:
            pipelines = sorted(folder.glob("part-*"))
            costs = [
                {"stage": file.stem} | read_json(file)
                for pipeline in pipelines
                for file in sorted(pipeline.glob("*.json"))
            ]
            if costs:
                of_stages = pd.DataFrame(costs).groupby("stage", as_index=False).sum()
                parts["costs"].append(of_stages.assign(**place, **items))
            accounts += [
                place | {"strength": strength, "kept_pixels": table.sizes["pixel"]}
                | {"account": account(table)}
                for pipeline in pipelines
                if has_tables(pipeline, settings)
                for strength, table in read_tables(pipeline, settings).items()
            ]  # fmt: skip
        for arm, seed in todo:
            if not is_done(folder, arm, seed):
                continue
            file = outcome_file(folder, arm, seed)
            predictions, record = read_csv(file, WORDS), read_json(file.with_suffix(".json"))
            columns = place | {"permutation": split.permutation, "seed": seed} | arm.columns
            tested = split.cohort["state"].sel(observation=predictions["item"].to_numpy())
            columns |= {"state": tested.values}
            if are_grouped:
                columns["group"] = tested.coords.get("group", tested["observation"]).values
            parts["predictions"].append(predictions.assign(**columns))
            if true:
                columns = place | {"seed": seed, "arm": arm.name}
                parts["costs"].append(pd.DataFrame([columns | record["cost"] | items]))
                if record["history"]:
                    parts["history"].append(pd.DataFrame(record["history"]).assign(**columns))
    if not parts["predictions"]:
        raise EngineError(f"no arm of the study in {output} could be made; see study.json for why")
    tables = {
        name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=NO_HISTORY)
        for name, frames in parts.items()
    }
    return tables, accounts


def seal_study(output: Path) -> None:
    """Write the manifest: of what the study made, not of what is made of it."""
    tables = [file.name for file in output.glob("*.csv")]
    how = [STUDY, "study.toml"]
    seal(output, [*how, "accounts.json", "findings.json", *tables, FOLDS, EXAMPLES], copied=how)


def write_tables(output: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of a study, what rows are of first, and ``columns.csv``, which explains."""
    for name, table in tables.items():
        first = [column for column in FIRST if column in table]
        last = [column for column in LAST if column in table]
        rest = table.columns.difference([*first, *last], sort=False)
        write_csv(output / f"{name}.csv", table[[*first, *rest, *last]])
    write_csv(output / "columns.csv", pd.DataFrame(column_rows(tables)))


def read_study(folder: str | Path, *, ids: bool = False) -> StudyResults:
    """Read a study's folder.

    Parameters
    ----------
    folder : str or Path
        Written by `deepnic.run_study`.
    ids : bool
        Read the ids in the table of patients too.

    Returns
    -------
    StudyResults

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
    results = read_tables_of(folder, ids=ids)
    if results.facts.get("format", 1) > 1:
        check_sealed(folder)
    return results


def check_sealed(folder: Path) -> None:
    """Refuse the folder of a study that is not finished."""
    if manifest(folder) is None:
        raise InputError(
            f"the study in {folder} has no manifest, which is written last: run `deepnic study` to "
            "its end"
        )


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Tell in a sentence of the folder of a study that cannot be read."""
    try:
        yield
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise InputError(
            f"the study in {folder} cannot be read ({type(error).__name__}): run `deepnic study` "
            "again"
        ) from error


def read_tables_of(folder: Path, *, ids: bool = False) -> StudyResults:
    """Read a study's folder that may not be sealed yet."""
    needed = (STUDY, *(f"{name}.csv" for name in TABLES), "accounts.json", EXAMPLES)
    lacking = [name for name in needed if not (folder / name).exists()]
    if lacking:
        raise InputError(
            f"the study in {folder} lacks {', '.join(lacking)}: "
            "run `deepnic study` first, to its end"
        )
    check_files(folder)
    with told(folder):
        tables = {name: _read_table(folder / f"{name}.csv") for name in TABLES}
        predictions = tables["predictions"]
        tables["predictions"] = predictions[predictions["permutation"] < 0]
        return StudyResults(
            facts=dict(read_json(folder / STUDY)),
            **tables,
            accounts=read_json(folder / "accounts.json"),
            examples={
                path.stem: _read_examples(path) for path in (folder / EXAMPLES).glob("*.zarr")
            },
            **{
                name: _read_table(folder / f"{name}.csv")
                for name in OPTIONAL
                if (folder / f"{name}.csv").exists()
            },
            patients=read_patients_of(folder / "patients.csv", ids=ids),
        )


def _read_examples(path: Path) -> xr.Dataset:
    """Read examples; version 0.1.0 wrote one observation, and not which cells have a pixel."""
    examples = open_dataset(path)
    if "shown" in examples.dims:
        return examples
    image = examples["observation_image"]
    there = xr.ones_like(image, bool)
    return examples.assign(
        observation_image=image.expand_dims("shown"), observation_there=there
    ).assign_coords(label=("shown", [examples.attrs["label"]]))


def outcome_file(folder: Path, arm: Arm[Any, Any], seed: int) -> Path:
    """Where the predictions of an arm are, in the folder of a fold; what else is told beside."""
    return folder / "arms" / f"{re.sub(r'[ ,]+', '-', arm.name)}-{seed}.csv"


def _identity(facts: dict[str, Any]) -> dict[str, Any]:
    """What must not differ between two starts of a study; files may have moved."""
    cohorts = {f"the cohort {name}": one for name, one in facts["cohorts"].items()}
    settings, rules = facts["settings"], {"rules": facts.get("rules", 1)}  # 0.1.0 wrote none
    # what has no value, or asks for nothing, may be of a later version
    tables = {
        table: {name: value for name, value in settings[table].items() if value}
        for table in ("forest", "arms")
    }
    return settings | cohorts | {"cohorts": None} | tables | rules


def _read_table(file: Path) -> pd.DataFrame:
    """Read a table, and add what version 0.1.0 did not write of arms yet, as it named them."""
    table = read_csv(file, WORDS)
    if {*LAST} <= {*table} or not {"arm", "kind", "path"} <= {*table}:
        return table
    placement = np.where(table["path"] == "random", RANDOM, PLACEMENT)
    role = np.select(
        [table["kind"] == "assembly", table["kind"] == "placement"], [OURS, placement], BASELINE
    )
    on_pixels = np.where(table["kind"] == "pixels", " on pixels", "")
    return table.assign(role=role, family=table["arm"].str.split(", ").str[0] + on_pixels)
