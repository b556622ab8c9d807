"""One fold, to the tables of pixels: nothing in it has seen a test label.

The training observations are cut into parts, and a pipeline of genes, forest and filter is fitted
without each: a part is shown by the pipeline that has not seen its labels.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.assembly.cross_fitted import cut_parts, without_part
from deepnic.cohort import filled
from deepnic.columns import NO_FILTER
from deepnic.errors import InputError
from deepnic.manifest import put_aside, to_mend
from deepnic.nic import forest_vote, observation_images
from deepnic.pixels import filter_pixels
from deepnic.pixels.filter import account
from deepnic.pixels.stages import f_test
from deepnic.rop import grow_forest
from deepnic.store import open_table, write_forest, write_table
from deepnic.store.forest import read_forest
from deepnic.store.table import open_dataset, write_store
from deepnic.study.chosen import CHOSEN, genes_of_pixels
from deepnic.study.costs import is_noted, noted
from deepnic.study.settings import StudySettings


class Pipeline(NamedTuple):
    """What was fitted on some of the labels shows of all observations."""

    vote: NDArray[np.float64]  # (observation,), the forest's own
    tables: dict[int | str, xr.Dataset]  # kept pixels by strength of the filter


@dataclass(frozen=True)
class Fold:
    """What the arms of a fold learn from and predict."""

    cohort: xr.Dataset  # the test labels hidden
    part: NDArray[np.int8]  # (observation,), of the training observations; -1 = test
    pipelines: tuple[Pipeline, ...]  # each has not seen the labels of its part
    settings: StudySettings

    @property
    def epochs(self) -> int:
        """Epochs of the networks."""
        return self.settings.epochs

    @property
    def ids(self) -> NDArray:
        """Of the observations; no message may hold them."""
        return self.cohort["observation"].values

    @property
    def state(self) -> NDArray[np.int8]:
        """0 or 1 of the training observations, -1 of the test ones."""
        return self.cohort["state"].values

    def told(self, score: NDArray, predicted: NDArray) -> pd.DataFrame:
        """Rows of the test observations: item, score (higher = state 1), predicted (0 or 1)."""
        test = self.cohort["state"].values < 0
        return pd.DataFrame(
            {
                "item": self.ids[test],
                "score": np.asarray(score, np.float64)[test],
                "predicted": np.asarray(predicted, np.int8)[test],
            }
        )


def cut_fold(hidden: xr.Dataset, settings: StudySettings) -> NDArray[np.int8]:
    """Part of each training observation of a fold, -1 of the others."""
    how = {"parts": settings.parts, "seed": settings.seed}
    return cut_parts(hidden["state"].values, hidden.get("group"), **how)


def part_folder(folder: Path, k: int) -> Path:
    """Where a part's pipeline is kept, in the folder of a fold."""
    return folder / f"part-{k}"


def lazy_forest(cohort: xr.Dataset, settings: StudySettings) -> xr.Dataset:
    """Return the forest of a pipeline, not yet grown; parameters out of range are refused."""
    parameters = settings.forest.model_dump(exclude={"n_genes", "chosen_by"})
    chosen = preselect_genes(cohort, settings.forest.n_genes, settings.forest.chosen_by)
    return grow_forest(chosen, seed=settings.seed, **parameters)


def preselect_genes(cohort: xr.Dataset, n_genes: int, chosen_by: str = "f-test") -> xr.Dataset:
    """Keep the genes of largest F between the training classes, or of largest variance over them.

    They stay in the cohort's order; 0 keeps all.
    """
    if not 0 < n_genes < cohort.sizes["gene"]:
        return cohort
    state = cohort["state"].values
    known = cohort["expression"].values[state >= 0]
    score = known.var(axis=0, dtype=np.float64)
    if chosen_by == "f-test":
        varies = known.min(axis=0) < known.max(axis=0)
        score = np.full(len(varies), -1.0)
        score[varies] = f_test(known[:, varies], state[state >= 0])[0]
    return cohort.isel(gene=np.sort(np.argsort(-score, kind="stable")[:n_genes]))


def grow(cohort: xr.Dataset, settings: StudySettings, folder: Path) -> xr.Dataset:
    """Grow what is missing of the forest of a pipeline in its folder, and read it into memory."""
    folder.mkdir(parents=True, exist_ok=True)
    with noted(folder / "forest.json"):
        write_forest(lazy_forest(cohort, settings), folder / "forest.zarr")
    return read_forest(folder / "forest.zarr")


def fit_fold(hidden: xr.Dataset, settings: StudySettings, folder: Path) -> Fold:
    """Grow and filter the pipelines of a fold, or read what its folder holds.

    What is missing is filled in each from the observations whose labels it sees.
    """
    part = cut_fold(hidden, settings)
    pipelines = [
        _fit_pipeline(filled(without_part(hidden, part, k)), settings, part_folder(folder, k))
        for k in range(part.max() + 1)
    ]
    return Fold(filled(hidden), part, tuple(pipelines), settings)


def seen_by(fold: Fold, pipeline: Pipeline, without: int = -1) -> Fold:
    """The fold as one pipeline alone shows it, which saw all training labels but those of a part.

    Training observations are shown by the trees that left them out, but genes and pixels were
    chosen with their labels: they look better than new ones.
    """
    cohort = without_part(fold.cohort, fold.part, without)
    part = np.where(cohort["state"].values >= 0, 0, -1).astype(np.int8)
    return Fold(cohort, part, (pipeline,), fold.settings)


def _fit_pipeline(cohort: xr.Dataset, settings: StudySettings, folder: Path) -> Pipeline:
    """Fit on the labels that are there, or read what the folder holds."""
    forest = grow(cohort, settings, folder)
    images = observation_images(forest)
    for name, options in _filters(settings).items():
        path = folder / f"{name}.zarr"
        if not is_usable(path):
            with noted(folder / f"{name}.json"):
                write_table(filter_pixels(images, **options), path)
    tables = read_tables(folder, settings)
    strengths = [k for k in tables if k != NO_FILTER]
    if strengths and not is_usable(folder / CHOSEN):
        write_store(genes_of_pixels(tables[min(strengths)], forest), folder / CHOSEN)
    return Pipeline(forest_vote(forest), tables)


def fit_on_all(fold: Fold) -> Pipeline:
    """Fit a pipeline on all training labels of a fold."""
    with TemporaryDirectory() as folder:
        return _fit_pipeline(fold.cohort, fold.settings, Path(folder))


def has_tables(folder: Path, settings: StudySettings) -> bool:
    """Tell whether a pipeline came as far as its pixels."""
    return all((folder / f"{name}.zarr").exists() for name in _filters(settings))


def is_whole(folder: Path, settings: StudySettings) -> bool:
    """Tell whether the stores of a pipeline are there and as written, and their costs too."""
    names = ("forest", *_filters(settings))
    stores = [folder / f"{name}.zarr" for name in names]
    if "relevant" in names:
        stores.append(folder / CHOSEN)
    if not all(store.exists() for store in stores):
        return False
    try:
        if any(map(to_mend, stores)):
            return False
    except InputError:  # of a manifest
        return False
    return all(is_noted(folder / f"{name}.json") for name in names)


def is_usable(path: Path) -> bool:
    """Tell whether a store is there and whole; one that is not is put aside, to be made anew."""
    if not path.exists():
        return False
    try:
        open_dataset(path)
    except Exception:  # Zarr raises many kinds
        put_aside(path)
        return False
    return True


def read_tables(folder: Path, settings: StudySettings) -> dict[int | str, xr.Dataset]:
    """Read the kept pixels of a pipeline by strength, from the two tables of its folder.

    Pixels are stored best first, so that a stronger filter keeps the first of a weaker one.
    """
    stored = {name: open_table(folder / f"{name}.zarr") for name in _filters(settings)}
    return {
        k: stored["varying"] if k == NO_FILTER else keep_best(stored["relevant"], int(k))
        for k in settings.arms.strengths
    }


def keep_best(table: xr.Dataset, k: int) -> xr.Dataset:
    """Cut a table as if it had been filtered with a smaller ``k``, its account too."""
    best = table.isel(pixel=slice(k))
    *before, last = account(table)
    (reason,) = last["removed"]
    gone = table.sizes["pixel"] - best.sizes["pixel"] + last["removed"][reason]
    last |= {"kept": best.sizes["pixel"], "removed": {reason: gone}}
    return best.assign_attrs(account=json.dumps([*before, last]))


def _filters(settings: StudySettings) -> dict[str, dict[str, Any]]:
    """Options of each table that a pipeline stores."""
    arms = settings.arms
    numbers = [k for k in arms.strengths if k != NO_FILTER]
    filters: dict[str, dict[str, Any]] = {}
    if numbers:
        filters["relevant"] = {"k": max(numbers), "fdr": arms.fdr}
    if NO_FILTER in arms.strengths:
        filters["varying"] = {"k": arms.unfiltered, "supervised": False}
    return filters
