"""A study of genes, from the cohorts to a folder of results."""

import os
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from deepnic.analysis.gene_scores import differences, score_genes, summarise_genes
from deepnic.analysis.ranking import OURS, PLACEMENT, RANDOM
from deepnic.compute import progress
from deepnic.config import checked, to_toml
from deepnic.errors import EngineError
from deepnic.extras import needs
from deepnic.files import as_path, locked, whole, write_json
from deepnic.manifest import seal
from deepnic.study.cohorts import FOLDS, check_cohorts
from deepnic.study.failures import Failure, note, reason_of
from deepnic.study.folder import STUDY, begin, not_done, write_tables
from deepnic.study.genes.arms import GeneArm, arms_of
from deepnic.study.genes.fold import GeneSplit, Half, cut
from deepnic.study.genes.folder import Todo, gather, is_looked_at, look_closely, of_task
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.provenance import facts_of, now
from deepnic.study.work import run_arms


def run_gene_study(
    cohorts: xr.Dataset | Mapping[str, xr.Dataset],
    output: str | os.PathLike[str],
    settings: GeneStudySettings | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Compare the assemblies with each other and with everything else, on genes.

    The patients of each cohort are cut in halves, `halves` times. Images are made of a forest that
    saw the labels of the first half alone; what is asked of a gene is judged by the other half, or
    is whether it plays in a rule that was planted. Genes are cut into parts, those that vary
    together in one: arms learn from the training genes, and the test genes are judged.
    A study that was interrupted goes on where it stopped.

    Parameters
    ----------
    cohorts : Dataset, or mapping of name to Dataset
        From `read_cohort`; observations without a label are left out, and those of one ``group``,
        if there is such a coordinate, stay in one half.
    output : path
        Folder of the results: ``summary.csv``, ``scores.csv``, ``differences.csv``, ``costs.csv``
        and, of what was looked at closely, ``occlusion.csv``; ``columns.csv`` explains them.
    settings : GeneStudySettings or mapping, optional

    Returns
    -------
    DataFrame
        The summary: task, arm, column, n_cohorts, mean, low, high; see `summarise_genes`.

    Raises
    ------
    InputError
        A cohort that cannot be cut, or another study in the folder.
    EngineError
        No arm could be made at all.
    """
    needs("train")
    output = as_path(output)
    if not isinstance(settings, GeneStudySettings):
        settings = checked(GeneStudySettings, settings or {})
    known = check_cohorts(cohorts, folds=2)
    splits = cut(known, settings)
    todo = [
        (arm, settings.seed + k)
        for arm in arms_of(settings.arms)
        for k in range(settings.seeds if arm.draws else 1)
    ]
    with locked(output):
        facts = begin(output, facts_of(known, settings, output))
        with whole(output / "study.toml") as partial:
            partial.write_text(to_toml(facts["settings"]), encoding="utf-8")
        failures = _run_splits(splits, todo, settings, output)
        facts["failures"] = [failure.to_dict() for failure in failures]
        summary = _finish(splits, todo, output, failures)
        facts["finished"] = now()
        write_json(output / STUDY, facts)
        tables = [file.name for file in output.glob("*.csv")]
        seal(output, [STUDY, "study.toml", *tables, FOLDS], copied=[STUDY, "study.toml"])
    return summary


def _run_splits(
    splits: Sequence[GeneSplit], todo: Todo, settings: GeneStudySettings, output: Path
) -> list[Failure]:
    """Do what is left of all cuts; what could not be made.

    What an earlier start did counts as done, and not in the time left.
    """
    left = [
        {task: not_done(output / split.folder / task, of_task(todo, task)) for task in split.tasks}
        for split in splits
    ]
    total = sum(len(of_task(todo, task)) for split in splits for task in split.tasks)
    done = total - sum(len(pending) for of_split in left for pending in of_split.values())
    failures: list[Failure] = []
    with progress() as bars:
        job = bars.add_task("study", total=total, completed=done)
        for split, of_split in zip(splits, left, strict=True):
            failures += _run_split(
                split, of_split, settings, output, lambda n=1: bars.advance(job, n)
            )
    return failures


def _run_split(
    split: GeneSplit,
    left: Mapping[str, Todo],
    settings: GeneStudySettings,
    output: Path,
    advance: Any,
) -> list[Failure]:
    """Do what is left of one cut of a cohort; what could not be made."""
    folder, ids = output / split.folder, split.given["observation"].values
    half: Half | None = None
    failures: list[Failure] = []
    for task, pending in left.items():
        closely = split.half == 0 and task in settings.arms.closely
        unseen = closely and not is_looked_at(folder / task)
        if not pending and not unseen:
            continue
        try:
            half = half or Half(split, settings, folder)
            fold = half.fold(task)
            if unseen:
                look_closely(fold, settings, folder / task)
        except Exception as error:
            note(failures, _failure(split, task, reason_of(error, ids)))
            advance(len(pending))
            continue
        for arm, seed, reason in run_arms(fold, pending, folder / task, advance):
            note(failures, _failure(split, task, reason, arm.name, seed))
    return failures


def _failure(
    split: GeneSplit, task: str, reason: str, arm: str = "", seed: int | None = None
) -> Failure:
    return Failure(f"{split.name}, {task}", -1, split.half, 0, arm, seed, reason)


def _finish(
    splits: Sequence[GeneSplit],
    todo: Todo,
    output: Path,
    failures: Sequence[Failure],
) -> pd.DataFrame:
    """Judge what was made, and write the tables."""
    predictions, told = gather(output, splits, todo)
    if not predictions:
        raise EngineError(
            f"no arm of the study in {output} could be made; {failures[0] if failures else ''}"
        )
    scores = pd.concat(map(score_genes, predictions), ignore_index=True)
    arms = list(dict.fromkeys(arm for arm, _ in todo))
    described = pd.DataFrame([arm.columns for arm in arms])
    summary = summarise_genes(scores)
    tables = {
        "scores": scores.merge(described, on="arm"),
        "summary": summary.merge(described, on="arm"),
        "differences": differences(scores, pairs_of(arms)),
    }
    write_tables(output, tables | told)
    return summary


def pairs_of(arms: Sequence[GeneArm]) -> list[tuple[str, str]]:
    """Arms to compare: canvases with the random placement, and paths with each other."""
    canvases = [arm for arm in arms if arm.role in (OURS, PLACEMENT)]
    pairs = [
        (arm.name, chance.name)
        for arm, chance in product(canvases, arms)
        if chance.role == RANDOM and chance.beside == arm.beside
    ]
    for one, other in combinations([arm for arm in canvases if arm.role == OURS], 2):
        if (one.beside, one.unit) == (other.beside, other.unit):
            pairs.append((other.name, one.name))
    return pairs
