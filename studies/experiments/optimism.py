"""Is what the images of training patients tell as good as what those of new ones tell?

    python -m studies.experiments.optimism STUDY

It is not where genes, and then pixels, were chosen by labels of the same patients: AUROC of the
forest's vote (of training patients out of bag), and of a pixel that the strongest filter keeps,
mean over pixels, in the folds that a study has left.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console
from sklearn.metrics import roc_auc_score

from deepnic.nic import forest_vote
from studies.experiments.augmentation import folds, true_states


def measure(study: Path) -> pd.DataFrame:
    """AUROC of the vote and of a kept pixel on training and on test patients, by cohort."""
    truth, rows = true_states(study), []
    for fold in folds(study):
        test = fold.table["state"].values < 0
        state = truth.loc[fold.cohort].loc[map(str, fold.table["item"].values)].to_numpy()
        for what, values in {
            "vote": forest_vote(fold.forest)[:, None],
            "kept pixel": fold.table["value"].values,
        }.items():
            areas = [auroc(state[part], values[part]) for part in (~test, test)]
            if what == "kept pixel":  # which way it points, training patients say
                areas = [np.where(areas[0] < 0.5, 1 - area, area) for area in areas]
            rows.append((fold.cohort, what, fold.settings.forest.chosen_by, *map(np.mean, areas)))
    columns = ["cohort", "AUROC of", "genes chosen by", "training", "test"]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns[:3], sort=False)[columns[3:]].agg(np.mean)


def auroc(state: NDArray[np.integer], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """AUROC of each column of values (patient, column), over the patients where it is defined."""
    columns = values.T
    defined = np.isfinite(columns)
    return np.array(
        [
            roc_auc_score(state[known], column[known]) if np.ptp(state[known]) else 0.5
            for known, column in zip(defined, columns, strict=True)
        ]
    )


def main(study: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Print the table."""
    Console(soft_wrap=True).print(measure(study).round(3).to_string())


if __name__ == "__main__":
    typer.run(main)
