"""The folder of a study of genes: what its cuts hold, and its results read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from deepnic.analysis.results import GeneResults
from deepnic.columns import WORDS
from deepnic.files import read_csv, read_json, write_csv
from deepnic.manifest import check_files
from deepnic.store.table import open_dataset, write_store
from deepnic.study.costs import is_noted
from deepnic.study.fold import is_usable
from deepnic.study.folder import EXAMPLES, STUDY, check_sealed, is_done, outcome_file, told
from deepnic.study.genes.arms import GeneArm
from deepnic.study.genes.fold import GeneFold, GeneSplit
from deepnic.study.genes.occlusion import example, occlude
from deepnic.study.genes.settings import GeneStudySettings

Todo = Sequence[tuple[GeneArm, int]]
TABLES = ("scores", "summary", "differences", "costs")
OCCLUSION = "occlusion"  # a table, there if a task was looked at closely


def of_task(todo: Todo, task: str) -> Todo:
    """Arms that are asked a task."""
    return [(arm, seed) for arm, seed in todo if arm.tasks is None or task in arm.tasks]


def is_looked_at(folder: Path) -> bool:
    """Tell whether a cut's folder of a task holds what `look_closely` writes."""
    return (folder / f"{OCCLUSION}.csv").is_file() and is_usable(folder / f"{EXAMPLES}.zarr")


def look_closely(fold: GeneFold, settings: GeneStudySettings, folder: Path) -> None:
    """Write one gene's images under each path, and what a network sees on the first of them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = settings.arms.paths
    if not is_usable(folder / f"{EXAMPLES}.zarr"):
        write_store(example(fold, paths, settings.seed), folder / f"{EXAMPLES}.zarr")
    write_csv(folder / f"{OCCLUSION}.csv", occlude(fold, path=paths[0], seed=settings.seed))


def gather(
    output: Path, splits: Sequence[GeneSplit], todo: Todo
) -> tuple[list[pd.DataFrame], dict[str, pd.DataFrame]]:
    """Put together what all cuts hold.

    Predictions of each cut and task; and the tables of costs and, if there is any, of occlusion.
    """
    predictions, costs, seen = [], [], []
    for split in splits:
        for task in split.tasks:
            folder, made = output / split.folder / task, []
            place: dict[str, Any] = {"cohort": split.name, "task": task, "half": split.half}
            filtered = folder.with_suffix(".json")
            if is_noted(filtered):
                costs.append(place | {"stage": "filter"} | read_json(filtered))
            for arm, seed in of_task(todo, task):
                if not is_done(folder, arm, seed):
                    continue
                file = outcome_file(folder, arm, seed)
                said = read_csv(file, WORDS).assign(**place, seed=seed)
                made.append(said.assign(arm=arm.name, kind=arm.kind))
                cost = read_json(file.with_suffix(".json"))["cost"]
                costs.append(place | {"arm": arm.name, "seed": seed} | cost)
            if made:
                predictions.append(pd.concat(made, ignore_index=True))
            if (folder / f"{OCCLUSION}.csv").is_file():
                seen.append(read_csv(folder / f"{OCCLUSION}.csv", WORDS).assign(**place))
    for folder in dict.fromkeys(split.folder for split in splits):
        for file in sorted((output / folder).glob("forest-*.json")):
            half = {"cohort": folder.parent.name, "half": int(folder.name), "stage": "forest"}
            costs.append(half | read_json(file))
    tables = {"costs": pd.DataFrame(costs)}
    if seen:
        tables[OCCLUSION] = pd.concat(seen, ignore_index=True)
    return predictions, tables


def read_gene_study(folder: str | Path) -> GeneResults:
    """Read the folder of a study of genes.

    Raises
    ------
    InputError
        It is missing, not finished, or cannot be read.
    """
    folder = Path(folder)
    check_sealed(folder)
    check_files(folder)
    with told(folder):
        tables = {name: read_csv(folder / f"{name}.csv", WORDS) for name in TABLES}
        occlusion = folder / f"{OCCLUSION}.csv"
        return GeneResults(
            facts=dict(read_json(folder / STUDY)),
            **tables,
            occlusion=read_csv(occlusion, WORDS) if occlusion.exists() else None,
            examples={
                path.parents[2].name: open_dataset(path)
                for path in sorted(folder.glob(f"folds/*/0/*/{EXAMPLES}.zarr"))
            },
        )


def is_of_genes(folder: str | Path) -> bool:
    """Tell a study of genes from one of observations."""
    try:
        return read_json(Path(folder) / STUDY)["settings"].get("items") == "genes"
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
