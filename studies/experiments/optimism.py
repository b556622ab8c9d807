"""Is what the images of training patients tell as good as what those of new ones tell?

    python -m studies.experiments.optimism STUDY

It is not where genes and pixels were chosen with the labels of the same patients, and is where they
were not: AUROC of the forest's vote and of a pixel that the strongest filter keeps, mean over
pixels, pipelines and folds of a study: of training patients who chose the pixels (out of bag), of
training patients as they are shown, by who had not seen their labels, and of test patients.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import rankdata

from deepnic.analysis.interval import over_cohorts
from deepnic.assembly.cross_fitted import read_parts
from deepnic.nic import forest_vote
from deepnic.store import open_forest
from deepnic.study import read_settings
from deepnic.study.cohorts import FOLDS
from deepnic.study.fold import read_tables

CHOSE, SHOWN, TEST = "who chose", "as shown", "test"


def true_predictions(study: Path) -> pd.DataFrame:
    """Predictions of a study under the true labels."""
    told = pd.read_csv(study / "predictions.csv", dtype={"item": str, "cohort": str})
    return told[told["permutation"] < 0]


def measure(study: Path) -> pd.DataFrame:
    """AUROC of the vote and of a kept pixel, by cohort; columns `CHOSE`, `SHOWN`, `TEST`."""
    settings = read_settings(study / "study.toml")
    strongest = min(k for k in settings.arms.strengths if isinstance(k, int))
    told = true_predictions(study).drop_duplicates(["cohort", "item"])
    truth = told.set_index(["cohort", "item"])["state"]
    rows = []
    for cohort in told["cohort"].unique():
        for folder in sorted((study / FOLDS / cohort).glob("[0-9]*-[0-9]*")):
            parts = sorted(folder.glob("part-*"))
            tables = [read_tables(part, settings)[strongest] for part in parts]
            ids = [str(item) for item in tables[0]["item"].values]
            state = truth.loc[cohort].loc[ids].to_numpy()
            part, _ = read_parts(tables)
            votes = [forest_vote(open_forest(one / "forest.zarr"))[:, None] for one in parts]
            values = [table["value"].values for table in tables]
            for what, of_pipelines in (("vote", votes), ("kept pixel", values)):
                areas = [*_areas(of_pipelines, part, state)]
                rows.append((cohort, what, *np.nanmean(areas, axis=0)))
    columns = ["cohort", "AUROC of", CHOSE, SHOWN, TEST]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns[:2], sort=False)[columns[2:]].mean()


def _areas(
    values: list[NDArray[np.floating]], part: NDArray[np.int8], state: NDArray[np.integer]
) -> Iterator[list[float]]:
    """Of each pipeline, the means over its columns, which point as those who chose them say."""
    for k, columns in enumerate(values):
        who = [(part >= 0) & (part != k), part == k, part < 0]
        chose, *others = (auroc(state[rows], columns[rows]) for rows in who)
        turned = chose < 0.5
        areas = [np.where(turned, 1 - area, area) for area in (chose, *others)]
        yield [float(np.nanmean(area)) if np.isfinite(area).any() else np.nan for area in areas]


def auroc(state: NDArray[np.integer], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """AUROC of each column of values (patient, column), NaN where one class is defined or none."""
    known = np.isfinite(values)
    ones, zeros = ((known & (state == k)[:, None]) for k in (1, 0))
    n_ones, n_zeros = ones.sum(axis=0), zeros.sum(axis=0)
    # what is undefined is above all others, whose ranks are then what they are alone
    rank = rankdata(np.where(known, values, np.inf), axis=0)
    above = np.where(ones, rank, 0).sum(axis=0) - n_ones * (n_ones + 1) / 2
    return np.where(n_ones * n_zeros > 0, above / np.maximum(n_ones * n_zeros, 1), np.nan)


def main(study: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Print the table, and the mean over cohorts of what training patients have ahead."""
    table = measure(study)
    console = Console(soft_wrap=True)
    console.print(table.round(3).to_string())
    for what, rows in table.groupby("AUROC of", sort=False):
        for name in (CHOSE, SHOWN):
            ahead = over_cohorts(rows[name] - rows[TEST])
            console.print(f"{what}, {name} less test, mean over cohorts: {ahead.points()} points")


if __name__ == "__main__":
    typer.run(main)
