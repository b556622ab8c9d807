"""One fold, to the tables of pixels: nothing in it has seen a test label."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.manifest import put_aside, to_mend
from deepnic.nic import forest_vote, observation_images
from deepnic.pixels import filter_pixels
from deepnic.pixels.filter import account
from deepnic.pixels.stages import f_test
from deepnic.rop import grow_forest
from deepnic.store import open_forest, open_table, write_forest, write_table
from deepnic.store.table import open_dataset
from deepnic.study.costs import is_noted, noted
from deepnic.study.settings import StudySettings
from deepnic.variables import NO_FILTER


@dataclass(frozen=True)
class Fold:
    """What the arms of a fold learn from and predict."""

    cohort: xr.Dataset  # the test labels hidden
    vote: NDArray[np.float64]  # (observation,), the forest's own
    tables: dict[int | str, xr.Dataset]  # kept pixels by strength of the filter
    epochs: int  # of the networks

    @property
    def ids(self) -> NDArray:
        """Of the observations; no message may hold them."""
        return self.cohort["observation"].values

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


def lazy_forest(cohort: xr.Dataset, settings: StudySettings) -> xr.Dataset:
    """Return the forest of a fold, not yet grown; parameters out of range are refused."""
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
    """Grow what is missing of the forest of a fold in its folder, and read it into memory."""
    folder.mkdir(parents=True, exist_ok=True)
    with noted(folder / "forest.json"):
        write_forest(lazy_forest(cohort, settings), folder / "forest.zarr")
    with dask.config.set(scheduler="threads"):  # workers may not see the folder
        return open_forest(folder / "forest.zarr").load()


def filter_fold(
    cohort: xr.Dataset, forest: xr.Dataset, settings: StudySettings, folder: Path
) -> Fold:
    """Filter the pixels of a fold's forest by every strength, or read what its folder holds."""
    images = observation_images(forest)
    for name, options in _filters(settings).items():
        path = folder / f"{name}.zarr"
        if not is_usable(path):
            with noted(folder / f"{name}.json"):
                write_table(filter_pixels(images, **options), path)
    return Fold(cohort, forest_vote(forest), read_tables(folder, settings), settings.epochs)


def has_tables(folder: Path, settings: StudySettings) -> bool:
    """Tell whether a fold came as far as its pixels."""
    return all((folder / f"{name}.zarr").exists() for name in _filters(settings))


def is_whole(folder: Path, settings: StudySettings) -> bool:
    """Tell whether the stores of a fold are there and as written, and their costs too."""
    stores = [folder / f"{name}.zarr" for name in ("forest", *_filters(settings))]
    if not all(store.exists() for store in stores):
        return False
    try:
        if any(map(to_mend, stores)):
            return False
    except InputError:  # of a manifest
        return False
    return all(is_noted(store.with_suffix(".json")) for store in stores)


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
    """Read the kept pixels of a fold by strength, from the two tables of its folder.

    Pixels are stored best first, so that a stronger filter keeps the first of a weaker one.
    """
    with dask.config.set(scheduler="threads"):  # workers may not see the folder
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
    """Options of each table that a fold stores."""
    arms = settings.arms
    numbers = [k for k in arms.strengths if k != NO_FILTER]
    filters: dict[str, dict[str, Any]] = {}
    if numbers:
        filters["relevant"] = {"k": max(numbers), "fdr": arms.fdr}
    if NO_FILTER in arms.strengths:
        filters["varying"] = {"k": arms.unfiltered, "supervised": False}
    return filters
