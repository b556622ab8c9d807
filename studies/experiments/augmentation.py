"""Does it help to show a network several images of a patient? By disjoint draws of one forest.

    deepnic study studies/study.toml -o STUDY
    python -m studies.experiments.augmentation STUDY

Takes the forests, the kept pixels and the folds that a study's first repeat has left. A patient's
image is cut into 2 or 4, each by other trees than the others, so each is noisier; training patients
bring all of theirs, and the probabilities of a test patient's are averaged. Seeds are those of the
network.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import typer
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from sklearn.metrics import balanced_accuracy_score, brier_score_loss

from deepnic.assembly import Assembly, fit_assembly, lay
from deepnic.errors import InputError
from deepnic.learn.fit import train
from deepnic.nic import observation_images
from deepnic.pixels.filter import select_pixels
from deepnic.store import open_forest
from deepnic.study import StudySettings, read_settings
from deepnic.study.cohorts import FOLDS
from deepnic.study.fold import read_tables

IMAGES = (1, 2, 4)
SEEDS = range(3)
PATH = "snail"
MEASURES = {
    "balanced accuracy": lambda state, score: balanced_accuracy_score(state, score >= 0.5),
    "Brier": brier_score_loss,
}


class Grown(NamedTuple):
    """What a study has left of one fold of a cohort."""

    cohort: str
    forest: xr.Dataset
    table: xr.Dataset  # of the strongest filter
    settings: StudySettings


def folds(study: Path, repeat: str = "[0-9]*") -> Iterator[Grown]:
    """Folds of a study's cohorts, under the true labels; of one repeat if it is named."""
    settings = read_settings(study / "study.toml")
    strongest = min(k for k in settings.arms.strengths if isinstance(k, int))
    for cohort in settings.cohorts:
        for folder in sorted((study / FOLDS / cohort).glob(f"{repeat}-[0-9]*")):
            forest = open_forest(folder / "forest.zarr").load()
            table = read_tables(folder, settings)[strongest].load()
            yield Grown(cohort, forest, table, settings.of_cohort(cohort))


def true_predictions(study: Path) -> pd.DataFrame:
    """Predictions of a study under the true labels."""
    told = pd.read_csv(study / "predictions.csv", dtype={"item": str, "cohort": str})
    return told[told["permutation"] < 0]


def true_states(study: Path) -> pd.Series:
    """States of a study's observations by cohort and item."""
    told = true_predictions(study).drop_duplicates(["cohort", "item"])
    return told.set_index(["cohort", "item"])["state"]


def several(forest: xr.Dataset, table: xr.Dataset, n_images: int) -> xr.Dataset:
    """Table of several images of each item, by disjoint draws; all first ones come first."""
    if n_images == 1:
        return table
    n_draws = forest.sizes["draw"]
    genes = list(dict.fromkeys(table["gene"].values))
    parts = []
    for k in range(n_images):
        images = observation_images(forest, genes=genes, draws=range(k, n_draws, n_images))
        part = select_pixels(images, table)
        names = [f"{item}, image {k}" for item in part["item"].values]
        parts.append(part.assign_coords(item=np.array(names, object)))
    return xr.concat(parts, "item", data_vars="minimal", coords="minimal", compat="override")


def predict(
    table: xr.Dataset, place: Assembly, n_images: int, epochs: int, seed: int
) -> NDArray[np.float64]:
    """Probability of each item, the mean over its images."""
    told = train(lay(table, place), epochs=epochs, seed=seed, device="cpu").predictions
    return told["probability"].to_numpy().reshape(n_images, -1).mean(axis=0)


def measure(study: Path) -> pd.DataFrame:
    """Mean over seeds of every measure: a row for each cohort and number of images."""
    truth, said = true_states(study), []
    for fold in track(list(folds(study, repeat="0")), "training"):
        place = fit_assembly(fold.table, path=PATH)
        test = fold.table["state"].values < 0
        items = fold.table["item"].values[test]
        state = truth.loc[fold.cohort].loc[map(str, items)].to_numpy()
        for n_images in IMAGES:
            table = several(fold.forest, fold.table, n_images)
            for seed in SEEDS:
                score = predict(table, place, n_images, fold.settings.epochs, seed)[test]
                key = {"cohort": fold.cohort, "images": n_images, "seed": seed}
                said.append(pd.DataFrame(key | {"state": state, "score": score}))
    if not said:
        raise InputError(f"{study} holds no fold of a study; run `deepnic study` first")
    groups = pd.concat(said).groupby(["cohort", "images", "seed"], sort=False)
    values = groups.apply(
        lambda one: pd.Series({name: f(one["state"], one["score"]) for name, f in MEASURES.items()})
    )
    return values.groupby(["cohort", "images"], sort=False).mean()


def main(study: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Print the table."""
    table = measure(study)
    Console(soft_wrap=True).print(table.unstack("images").round(3).to_string())  # noqa: PD010


if __name__ == "__main__":
    typer.run(main)
