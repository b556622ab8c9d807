"""Every arm on the same folds of every cohort, from the cohorts to a folder of results."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import dask
import numpy as np
import pandas as pd
import xarray as xr

from deepnic import __version__
from deepnic.analysis import find
from deepnic.analysis.ranking import OURS, best_arm
from deepnic.analysis.tables import make_tables
from deepnic.cohort.demo import BUNDLED
from deepnic.compute import compute, current_client, progress
from deepnic.config import checked, to_toml
from deepnic.extras import needs
from deepnic.files import locked, whole, write_json
from deepnic.host.provenance import machine
from deepnic.nic import observation_images
from deepnic.rop.forest import provenance
from deepnic.store.table import write_store
from deepnic.study.arms import Arm, CanvasArm, Outcome, arms_of, fit_predict
from deepnic.study.cohorts import Split, check_cohorts, cut, join
from deepnic.study.examples import example_images
from deepnic.study.fold import Fold, filter_fold, grow, is_usable, lazy_forest, read_tables
from deepnic.study.folder import (
    STUDY,
    begin,
    gather,
    is_done,
    read_tables_of,
    seal_study,
    write_outcome,
    write_tables,
)
from deepnic.study.settings import StudySettings
from deepnic.variables import FORMAT, RULES


def run_study(
    cohorts: xr.Dataset | Mapping[str, xr.Dataset],
    output: str | os.PathLike[str],
    settings: StudySettings | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Compare the assemblies with each other and with everything else, by cross-validation.

    In each fold the test labels are hidden first; genes, forest, pixels, order, network and
    baselines are then fitted on what is left, and the test observations are predicted. A study
    that was interrupted goes on where it stopped. With a Dask client, trees, pixels and arms are
    computed by its workers; the results are the same.

    Parameters
    ----------
    cohorts : Dataset, or mapping of name to Dataset
        From `read_cohort`; observations without a label are left out, and those of one ``group``,
        if there is such a coordinate, stay together in the folds. Bags of trees, intervals and
        permutations take every observation by itself.
    output : path
        Folder of the results; see the README.
    settings : StudySettings or mapping, optional
        See `StudySettings`.

    Returns
    -------
    DataFrame
        The summary: cohort, arm, kind, path, strength, unit, metric, mean, low, high.

    Raises
    ------
    InputError
        Too few observations for the folds, a parameter out of its range, or another study in the
        folder.

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
    output = Path(output)
    if not isinstance(settings, StudySettings):
        settings = checked(StudySettings, settings or {})
    cohorts = check_cohorts(cohorts, settings)
    for cohort in cohorts.values():
        some = cohort.isel(gene=slice(settings.forest.n_genes or None))
        observation_images(lazy_forest(some, settings))  # refuses what is out of range
    with locked(output):
        return _run(cohorts, settings, output)


def _run(cohorts: Mapping[str, xr.Dataset], settings: StudySettings, output: Path) -> pd.DataFrame:
    """Do what is left of a study, alone in its folder."""
    facts = begin(output, _facts(cohorts, settings, output))
    with whole(output / "study.toml") as partial:
        partial.write_text(to_toml(facts["settings"]), encoding="utf-8")
    splits = list(cut(cohorts, settings))
    todo = [
        (arm, settings.seed + k)
        for arm in arms_of(settings)
        for k in range(settings.seeds if arm.draws else 1)
    ]
    with progress() as bars:
        job = bars.add_task("study", total=len(splits) * (2 + len(todo)))
        for split in splits:
            _run_split(split, todo, settings, output, lambda n=1: bars.advance(job, n))
    tables, accounts = gather(output, splits, todo, settings)
    write_json(output / "accounts.json", accounts)
    tables |= make_tables(tables["predictions"], set(cohorts))
    write_tables(output, tables)
    summary = tables["summary"]
    facts["finished"] = _now()
    write_json(output / STUDY, facts)  # now, so that nothing that follows can lose it
    write_json(output / "findings.json", find(read_tables_of(output)).to_dict())
    if settings.data_parallel:
        facts["data_parallel"] = _data_parallel(output, splits[0], summary, settings)
        write_json(output / STUDY, facts)
    seal_study(output)
    return summary


def _run_split(
    split: Split,
    todo: Sequence[tuple[Arm, int]],
    settings: StudySettings,
    output: Path,
    advance: Callable[..., None],
) -> None:
    """Do what is left of one fold."""
    settings = settings.of_cohort(split.name)
    folder = output / split.folder
    pending = [(arm, seed) for arm, seed in todo if not is_done(folder, arm, seed)]
    examples = output / "examples" / f"{split.name}.zarr"
    is_first = (split.permutation, split.repeat, split.fold) == (-1, 0, 0)
    shown = is_first and not is_usable(examples)
    advance(len(todo) - len(pending))
    if pending or shown:
        hidden = split.hidden
        forest = grow(hidden, settings, folder)
        advance()
        fold = filter_fold(hidden, forest, settings, folder)
        advance()
        if shown:
            images = example_images(split, fold, forest, settings)
            write_store(images, examples)
        _run_arms(fold, pending, folder, advance)
    else:
        advance(2)


def _run_arms(
    fold: Fold,
    pending: Sequence[tuple[Arm, int]],
    folder: Path,
    advance: Callable[..., None],
) -> None:
    """Run arms on the workers of the current client, or here one after the other."""

    def receive(answer: tuple[Arm, int, Outcome]) -> None:
        write_outcome(folder, *answer)
        advance()

    if current_client() is None:
        for arm, seed in pending:
            receive(_run_arm(arm, seed, fold))
        return
    run, shared = dask.delayed(_run_arm, pure=False), dask.delayed(fold, traverse=False)
    compute([run(arm, seed, shared) for arm, seed in pending], "training", receive=receive)


def _run_arm(arm: Arm, seed: int, fold: Fold) -> tuple[Arm, int, Outcome]:
    return arm, seed, fit_predict(arm, fold, seed)


def _data_parallel(
    output: Path, split: Split, summary: pd.DataFrame, settings: StudySettings
) -> dict[str, Any]:
    """Train the best assembly on a fold again, on several workers."""
    from deepnic.learn.fit import train  # loads torch where it is used

    settings = settings.of_cohort(split.name)
    ours = summary[(summary["cohort"] == split.name) & (summary["role"] == OURS)]
    best = best_arm(ours[ours["metric"] == "accuracy"])[split.name]
    (arm,) = (arm for arm in arms_of(settings) if arm.name == best)
    assert isinstance(arm, CanvasArm)
    table = read_tables(output / split.folder, settings)[arm.strength]
    canvas = arm.canvas(table, settings.seed)
    start = perf_counter()
    result = train(
        canvas, epochs=settings.epochs, seed=settings.seed, workers=settings.data_parallel
    )
    predicted = result.predictions["predicted"].to_numpy()[split.test]
    return {
        "workers": settings.data_parallel,
        "device": result.device,
        "cohort": split.name,
        "arm": arm.name,
        "seconds": perf_counter() - start,
        "accuracy": float((predicted == split.cohort["state"].values[split.test]).mean()),
        "n_test": int(split.test.sum()),
        "epochs": settings.epochs,
    }


def _facts(
    cohorts: Mapping[str, xr.Dataset], settings: StudySettings, output: Path
) -> dict[str, Any]:
    plain = settings.model_dump(mode="json")
    for cohort in plain["cohorts"].values():
        if cohort["file"] not in BUNDLED:
            cohort["file"] = Path(os.path.relpath(cohort["file"], output)).as_posix()
    facts = {name: _facts_of(cohort) for name, cohort in cohorts.items()}
    for transfer in settings.transfers:
        names = {"train": transfer.train, "test": transfer.test}
        both, _ = join(cohorts, **names)
        facts["-to-".join(names.values())] = _facts_of(both) | names
    return {
        "settings": plain,
        "cohorts": facts,
        "machine": machine(),
        "deepnic": __version__,
        "format": FORMAT,
        "rules": RULES,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": _now(),
        "finished": None,
        "data_parallel": None,
    }


def _facts_of(cohort: xr.Dataset) -> dict[str, Any]:
    labels, counts = np.unique(cohort["label"].values.astype(str), return_counts=True)
    everything = np.arange(cohort.sizes["gene"])
    return {
        "source": cohort.attrs.get("source", "given in memory"),
        "observations": cohort.sizes["observation"],
        "genes": cohort.sizes["gene"],
        "groups": len(np.unique(cohort["group"].values)) if "group" in cohort.coords else None,
        "classes": dict(zip(labels.tolist(), counts.tolist(), strict=True)),
        "positive": cohort.attrs["positive"],
        "constant_genes": cohort.attrs["constant_genes"],
        "sha256": provenance(cohort, everything)["input_sha256"],
    }


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
