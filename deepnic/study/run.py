"""Every arm on the same folds of every cohort, from the cohorts to a folder of results."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.analysis import find
from deepnic.analysis.complete import comparable, left_out
from deepnic.analysis.ranking import OURS, best_arm
from deepnic.analysis.tables import make_tables
from deepnic.assembly.cross_fitted import without_part
from deepnic.compute import progress
from deepnic.config import checked, to_toml
from deepnic.errors import EngineError, InputError
from deepnic.extras import needs
from deepnic.files import as_path, locked, whole, write_json
from deepnic.learn.baselines import check_classifiers
from deepnic.learn.imported import imported
from deepnic.nic import observation_images
from deepnic.store.disk import check_space, least_bytes
from deepnic.store.table import write_store
from deepnic.study.arms import Arm, CanvasArm, arms_of
from deepnic.study.chosen import chosen_genes
from deepnic.study.cohorts import Split, check_cohorts, cut, join
from deepnic.study.examples import example_images
from deepnic.study.failures import Failure, note, reason_of
from deepnic.study.fold import (
    Fold,
    cut_fold,
    fit_fold,
    is_usable,
    is_whole,
    lazy_forest,
    part_folder,
)
from deepnic.study.folder import (
    EXAMPLES,
    STUDY,
    begin,
    gather,
    not_done,
    read_tables_of,
    seal_study,
    write_tables,
)
from deepnic.study.genes.run import run_gene_study
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.provenance import facts_of, facts_of_cohort, now
from deepnic.study.settings import StudySettings
from deepnic.study.work import run_arms


def run_study(
    cohorts: xr.Dataset | Mapping[str, xr.Dataset],
    output: str | os.PathLike[str],
    settings: StudySettings | GeneStudySettings | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Compare the assemblies with each other and with everything else, by cross-validation.

    In each fold the test labels are hidden first; genes, forest, pixels, order, network and
    baselines are then fitted on what is left, and the test observations are predicted. A study
    that was interrupted goes on where it stopped. With a Dask client, trees, pixels and arms are
    computed by its workers; the results are the same.

    An arm or a fold that cannot be made stops nothing: it is logged, told in ``study.json``
    (failures) and on the page, and tried again when the study is run again. Arms are compared where
    they have the same folds, see `deepnic.analysis.complete.comparable`.

    Parameters
    ----------
    cohorts : Dataset, or mapping of name to Dataset
        From `read_cohort`; observations without a label are left out, and those of one ``group``,
        if there is such a coordinate, stay together in the folds and in the bags of trees.
        Intervals are over groups, and permutations keep them.
    output : path
        Folder of the results; see `docs/guide/studies.md`.
    settings : StudySettings or mapping, optional
        See `StudySettings`. Those of a study of genes (``items = "genes"``) make one of these, see
        `deepnic.study.genes.run.run_gene_study`.

    Returns
    -------
    DataFrame
        The summary: cohort, arm, kind, path, strength, unit, metric, mean, low, high.

    Raises
    ------
    InputError
        Too few observations for the folds, a fold that cannot be learnt from, a parameter out of
        its range, or another study in the folder.
    EngineError
        No arm could be made at all.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> few = {"folds": 2, "epochs": 2, "arms": {"paths": ["snail"], "strengths": [16]},
    ...        "forest": {"n_trees": 4, "weight_ranges": [3], "tree_sizes": [3]}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = run_study({"demo": cohort}, folder, few)
    >>> summary.query("kind == 'assembly'")[["cohort", "arm", "metric"]].values.tolist()[0]
    ['demo', 'snail, 16 pixels', 'accuracy']
    """
    needs("train")
    output = as_path(output)
    if not isinstance(settings, StudySettings):
        settings = settings or {}
        if isinstance(settings, GeneStudySettings) or settings.get("items") == "genes":
            return run_gene_study(cohorts, output, settings)
        settings = checked(StudySettings, settings)
    check_classifiers(settings.arms.classifiers)
    for name in settings.arms.networks:
        if ":" in name:
            imported(name, "network")
    _check_goal(settings)
    cohorts = check_cohorts(cohorts, settings.folds, settings.transfers)
    splits = list(cut(cohorts, settings))
    needed = _check_splits(splits, settings)
    if not output.exists():
        check_space(output, needed)
    with locked(output):
        return _run(cohorts, splits, settings, output)


def _run(
    cohorts: Mapping[str, xr.Dataset],
    splits: Sequence[Split],
    settings: StudySettings,
    output: Path,
) -> pd.DataFrame:
    """Do what is left of a study, alone in its folder."""
    facts = begin(output, _facts(cohorts, settings, output))
    (output / EXAMPLES).mkdir(exist_ok=True)
    with whole(output / "study.toml") as partial:
        partial.write_text(to_toml(facts["settings"]), encoding="utf-8")
    todo = [
        (arm, settings.seed + k)
        for arm in arms_of(settings)
        for k in range(settings.seeds if arm.draws else 1)
    ]
    failures = _run_splits(splits, todo, settings, output)
    facts["failures"] = [failure.to_dict() for failure in failures]
    write_json(output / STUDY, facts)
    tables, accounts = gather(output, splits, todo, settings)
    n_seeds = Counter(arm.name for arm, _ in todo)
    made = tables["predictions"]
    tables["predictions"] = comparable(made, n_seeds)
    facts["left_out"] = left_out(made, tables["predictions"], n_seeds)
    judged = tables["predictions"].query("permutation < 0")
    if judged.empty:
        raise EngineError(
            f"no arm was made in every fold of a cohort of {output}, so nothing can be compared; "
            f"{_why(failures)}"
        )
    there = {name: cohorts[name] for name in cohorts if name in {*judged["cohort"]}}
    of_one = {name for name, cohort in there.items() if "one_of" in cohort.attrs}
    tables |= make_tables(tables["predictions"], {*there}, of_one)
    accounts = [one for one in accounts if one["cohort"] in {*judged["cohort"]}]
    of_judged = [split for split in splits if split.name in {*judged["cohort"]}]
    if len(chosen := chosen_genes(output, of_judged)):
        tables["chosen_genes"] = chosen
    write_json(output / "accounts.json", accounts)
    write_tables(output, tables)
    summary = tables["summary"]
    facts["finished"] = now()
    write_json(output / STUDY, facts)  # now, so that nothing that follows can lose it
    write_json(output / "findings.json", find(read_tables_of(output)).to_dict())
    if settings.data_parallel:
        try:
            facts["data_parallel"] = _data_parallel(output, splits[0], summary, settings)
        except Exception as error:
            ids = splits[0].cohort["observation"].values
            note(failures, Failure.of(splits[0], reason_of(error, ids), "data_parallel"))
            facts["failures"] = [failure.to_dict() for failure in failures]
        write_json(output / STUDY, facts)
    seal_study(output)
    return summary


def _check_goal(settings: StudySettings) -> None:
    """Refuse arms named beforehand that the study has not."""
    if settings.goal is None:
        return
    arms = arms_of(settings)
    images = [arm.name for arm in arms if arm.unit]  # has a canvas
    classical = [arm.name for arm in arms if not arm.unit]
    for what, names in (("image", images), ("classical", classical)):
        if (name := getattr(settings.goal, what)) not in names:
            raise InputError(
                f"the goal's {what} arm {name!r} is none of the study's; choose from "
                f"{', '.join(names)}"
            )


def _check_splits(splits: Sequence[Split], settings: StudySettings) -> float:
    """Refuse a fold that no forest can be grown on, and parameters out of range, before any is.

    The bytes that all forests take on disk at least.
    """
    bytes_of: dict[tuple[object, ...], float] = {}
    needed = 0.0
    for split in splits:
        for cohort in _of_pipelines(split, settings):
            state = cohort["state"].values
            counts = np.bincount(state[state >= 0], minlength=2)
            if counts.min() < 2:
                raise InputError(
                    f"a part of fold {split.fold} of {split.name} leaves {counts.min()} "
                    f"observations of state {counts.argmin()} to grow trees on, and at least 2 are "
                    "needed; take fewer folds, or groups that hold fewer of them"
                )
            group = cohort["group"].values if "group" in cohort.coords else np.arange(state.size)
            units = tuple(len(np.unique(group[state == label])) for label in (0, 1))
            key = (split.name, *counts.tolist(), *units)
            if key not in bytes_of:
                some = cohort.isel(gene=slice(settings.forest.n_genes or None))
                try:
                    forest = lazy_forest(some, settings.of_cohort(split.name))
                    observation_images(forest)
                except InputError as error:
                    raise InputError(f"{split.name}: {error}") from error
                bytes_of[key] = least_bytes(forest)
            needed += bytes_of[key]
    return needed


def _of_pipelines(split: Split, settings: StudySettings) -> Iterator[xr.Dataset]:
    """What each pipeline of a fold is fitted on."""
    hidden = split.hidden
    try:
        part = cut_fold(hidden, settings)
    except InputError as error:
        raise InputError(f"fold {split.fold} of {split.name}: {error}") from error
    for k in range(part.max() + 1):
        yield without_part(hidden, part, k)


def _run_splits(
    splits: Sequence[Split],
    todo: Sequence[tuple[Arm, int]],
    settings: StudySettings,
    output: Path,
) -> list[Failure]:
    """Do what is left of all folds; what could not be made.

    What an earlier start did counts as done, and not in the time left.
    """
    left = [not_done(output / split.folder, todo) for split in splits]
    done = len(splits) * len(todo) - sum(map(len, left))
    failures: list[Failure] = []
    with progress() as bars:
        job = bars.add_task("study", total=len(splits) * (2 + len(todo)), completed=done)
        for split, pending in zip(splits, left, strict=True):
            failures += _run_split(
                split, pending, settings, output, lambda n=1: bars.advance(job, n)
            )
    return failures


def _run_split(
    split: Split,
    pending: Sequence[tuple[Arm, int]],
    settings: StudySettings,
    output: Path,
    advance: Callable[..., None],
) -> list[Failure]:
    """Do what is left of one fold; what could not be made."""
    settings = settings.of_cohort(split.name)
    folder = output / split.folder
    examples = output / EXAMPLES / f"{split.name}.zarr"
    shown = split.permutation < 0 and not is_usable(examples)  # of the first fold that can be made
    failures: list[Failure] = []
    parts = range(cut_fold(split.hidden, settings).max() + 1)
    whole_parts = all(is_whole(part_folder(folder, k), settings) for k in parts)
    if not pending and not shown and whole_parts:
        advance(2)
        return failures
    try:
        fold = _make_fold(split, settings, folder, examples if shown else None)
    except Exception as error:
        reason = reason_of(error, split.cohort["observation"].values)
        note(failures, Failure.of(split, reason))
        advance(2 + len(pending))
        return failures
    advance(2)
    for arm, seed, reason in run_arms(fold, pending, folder, advance):
        note(failures, Failure.of(split, reason, arm.name, seed))
    return failures


def _make_fold(split: Split, settings: StudySettings, folder: Path, examples: Path | None) -> Fold:
    """Grow and filter a fold, or read what its folder holds, and draw its examples if asked."""
    fold = fit_fold(split.hidden, settings, folder)
    if examples is not None:
        write_store(example_images(split, fold, folder, settings), examples)
    return fold


def _why(failures: Sequence[Failure]) -> str:
    return f"first: {failures[0]}" if failures else "run it again"


def _data_parallel(
    output: Path, split: Split, summary: pd.DataFrame, settings: StudySettings
) -> dict[str, Any]:
    """Train the best assembly on a fold again, on several workers."""
    from sklearn.metrics import roc_auc_score

    from deepnic.learn.fit import train  # loads torch where it is used

    settings = settings.of_cohort(split.name)
    ours = summary[(summary["cohort"] == split.name) & (summary["role"] == OURS)]
    best = best_arm(ours[ours["metric"] == "auroc"])[split.name]
    (arm,) = (arm for arm in arms_of(settings) if arm.name == best)
    assert isinstance(arm, CanvasArm)
    canvas = arm.canvas(fit_fold(split.hidden, settings, output / split.folder), settings.seed)
    start = perf_counter()
    result = train(
        canvas, epochs=settings.epochs, seed=settings.seed, workers=settings.data_parallel
    )
    return {
        "workers": settings.data_parallel,
        "device": result.device,
        "cohort": split.name,
        "arm": arm.name,
        "seconds": perf_counter() - start,
        "auroc": float(
            roc_auc_score(split.cohort["state"].values[split.test], result.margin[split.test])
        ),
        "n_test": int(split.test.sum()),
        "epochs": settings.epochs,
    }


def _facts(
    cohorts: Mapping[str, xr.Dataset], settings: StudySettings, output: Path
) -> dict[str, Any]:
    both = {}
    for transfer in settings.transfers:
        names = {"train": transfer.train, "test": transfer.test}
        cohort, _ = join(cohorts, **names)
        both["-to-".join(names.values())] = facts_of_cohort(cohort) | names
    facts = facts_of(cohorts, settings, output)
    return facts | {"cohorts": facts["cohorts"] | both, "data_parallel": None}
