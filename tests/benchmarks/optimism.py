"""Are a forest's out-of-bag votes on training patients as good as its votes on new ones?

    python -m tests.benchmarks.optimism STUDY

They are not where genes were chosen by labels of the same patients: AUROC of the vote, mean over
the folds that a study has left.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from sklearn.metrics import roc_auc_score

from deepnic.nic import forest_vote
from tests.benchmarks.augmentation import folds, true_states


def measure(study: Path) -> pd.DataFrame:
    """AUROC of the vote on training (out of bag) and on test patients, a row for each cohort."""
    truth, rows = true_states(study), []
    for fold in folds(study):
        test, vote = fold.table["state"].values < 0, forest_vote(fold.forest)
        state = truth.loc[fold.cohort].loc[map(str, fold.table["item"].values)].to_numpy()
        areas = [roc_auc_score(state[part], vote[part]) for part in (~test, test)]
        rows.append((fold.cohort, fold.settings.forest.chosen_by, *areas))
    columns = ["cohort", "genes chosen by", "training, out of bag", "test"]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns[:2], sort=False)[columns[2:]].agg(np.mean)


def main(study: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Print the table."""
    Console(soft_wrap=True).print(measure(study).round(3).to_string())


if __name__ == "__main__":
    typer.run(main)
