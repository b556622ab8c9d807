"""Five assemblies and the baselines on the same folds, from a cohort to a folder of results."""

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import xarray as xr
from sklearn.model_selection import RepeatedStratifiedKFold

from deepnic.assembly.paths import shuffle
from deepnic.errors import InputError
from deepnic.machine import machine
from deepnic.nic import observation_images
from deepnic.progress import progress
from deepnic.study.examples import example_images
from deepnic.study.fold import N_BASELINES, Fold, lazy_forest, run_fold, train_path
from deepnic.study.settings import StudySettings
from deepnic.study.statistics import score_arms, summarise


def run_study(
    cohort: xr.Dataset, output: str | os.PathLike[str], settings: StudySettings | None = None
) -> pd.DataFrame:
    """Compare the assemblies with each other and with the baselines.

    In each fold the test labels are hidden first; genes, forest, pixels, order, network and
    baselines are then fitted on what is left, and the test observations are predicted.

    Parameters
    ----------
    cohort : Dataset
        From `read_cohort`; observations without a label are left out.
    output : path
        Folder of the results: ``results.csv`` (tidy), ``summary.csv``, ``summary.json``,
        ``predictions.csv``, ``history.csv``, ``accounts.json``, ``study.json``, ``examples.zarr``.
    settings : StudySettings, optional

    Returns
    -------
    DataFrame
        The summary: arm, kind, metric, mean, low, high.

    Raises
    ------
    InputError
        Too few observations for the folds, or a parameter out of its range.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> few = StudySettings(("snail",), folds=2, n_trees=4, weight_ranges=(3,), tree_sizes=(3,),
    ...                     k=16, epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = run_study(cohort, folder, few)
    >>> summary.query("kind == 'assembly'")[["arm", "metric"]].values.tolist()
    [['snail', 'accuracy'], ['snail', 'balanced_accuracy'], ['snail', 'auroc']]
    """
    settings = settings or StudySettings()
    output = Path(output)
    cohort = cohort.sel(observation=cohort["state"] >= 0)
    rarest = int(np.bincount(cohort["state"].values, minlength=2).min())
    if rarest < settings.folds:
        raise InputError(
            f"{settings.folds} folds need as many observations of each class and the rarer one has "
            f"{rarest}; take fewer folds"
        )
    observation_images(lazy_forest(cohort, settings))  # refuses what is out of range, grows nothing
    if settings.permute:
        cohort = _permuted(cohort, settings.seed)
    output.mkdir(parents=True, exist_ok=True)
    start = perf_counter()
    runs, examples = _run_folds(cohort, settings)
    predictions = pd.concat([_located(run, "predictions") for run in runs], ignore_index=True)
    history = pd.concat([_located(run, "history") for run in runs], ignore_index=True)
    results = score_arms(predictions)
    summary = summarise(predictions)
    examples.to_zarr(output / "examples.zarr", mode="w", zarr_format=3, consolidated=False)
    stages = pd.DataFrame([run["fold"].seconds for run in runs]).sum().to_dict()
    seconds = stages | {"total": perf_counter() - start}
    for name, frame in {
        "predictions": predictions, "history": history, "results": results, "summary": summary
    }.items():  # fmt: skip
        frame.to_csv(output / f"{name}.csv", index=False)
    summary.to_json(output / "summary.json", orient="records", indent=1)
    accounts = [
        {"repeat": run["repeat"], "fold": run["number"], "account": run["fold"].account,
         "kept_pixels": run["fold"].table.sizes["pixel"]}
        for run in runs
    ]  # fmt: skip
    _write_json(output / "accounts.json", accounts)
    facts = _facts(cohort, settings, seconds)
    _write_json(output / "study.json", facts)  # now, so that nothing that follows can lose it
    if settings.workers:
        facts["data_parallel"] = _data_parallel(runs[0]["fold"], results, settings)
        _write_json(output / "study.json", facts)
    return summary


def _run_folds(cohort: xr.Dataset, settings: StudySettings) -> tuple[list[dict], xr.Dataset]:
    splitter = RepeatedStratifiedKFold(
        n_splits=settings.folds, n_repeats=settings.repeats, random_state=settings.seed
    )
    state = cohort["state"].values
    steps = 1 + N_BASELINES + (len(settings.paths) + 1) * settings.seeds
    runs: list[dict] = []
    with progress() as bars:
        job = bars.add_task("study", total=steps * settings.folds * settings.repeats)
        for count, (_, rows) in enumerate(splitter.split(state[:, None], state)):
            repeat, number = divmod(count, settings.folds)
            test = np.isin(np.arange(state.size), rows)
            fold = run_fold(cohort, test, settings, lambda: bars.advance(job))
            runs.append({"repeat": repeat, "number": number, "fold": fold})
            if count == 0:
                examples = example_images(fold, settings.paths, settings.seed)
            fold.forest = xr.Dataset()  # the largest part of a fold, and nothing needs it again
    return runs, examples


def _data_parallel(fold: Fold, results: pd.DataFrame, settings: StudySettings) -> dict:
    """Train the best assembly on a fold again, on several workers."""
    assemblies = results[results["kind"] == "assembly"]
    path = str(assemblies.groupby("arm", sort=False)["accuracy"].mean().idxmax())
    start = perf_counter()
    result = train_path(fold, path, settings, 0, workers=settings.workers)
    return {
        "workers": settings.workers,
        "device": result.device,
        "path": path,
        "seconds": perf_counter() - start,
        "accuracy": result.metrics["test_accuracy"],
        "n_test": result.metrics["n_test"],
        "epochs": settings.epochs,
    }


def _located(run: dict, name: str) -> pd.DataFrame:
    """Predictions or history of a fold, with its place in the cross-validation."""
    frame = pd.concat(getattr(run["fold"], name), ignore_index=True)
    return frame.assign(repeat=run["repeat"], fold=run["number"])


def _permuted(cohort: xr.Dataset, seed: int) -> xr.Dataset:
    order = shuffle(cohort.sizes["observation"], seed)
    moved = {name: ("observation", cohort[name].values[order]) for name in ("state", "label")}
    return cohort.assign(state=moved["state"]).assign_coords(label=moved["label"])


def _facts(cohort: xr.Dataset, settings: StudySettings, seconds: dict) -> dict:
    labels, counts = np.unique(cohort["label"].values.astype(str), return_counts=True)
    return {
        "cohort": {
            "source": cohort.attrs.get("source", "given in memory"),
            "observations": cohort.sizes["observation"],
            "genes": cohort.sizes["gene"],
            "classes": dict(zip(labels.tolist(), counts.tolist(), strict=True)),
            "positive": cohort.attrs["positive"],
            "constant_genes": cohort.attrs["constant_genes"],
        },
        "parameters": asdict(settings),
        "machine": machine(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "seconds": seconds,
        "permuted": settings.permute,
        "data_parallel": None,
    }


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, default=str) + "\n")
