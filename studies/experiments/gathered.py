"""Why do paths matter on unfiltered images? The same pixels, gathered or scattered.

    python -m studies.experiments.gathered studies/genes_all.toml STUDY -o gathered.csv

Of 1,062,882 pixels few differ between genes; in the natural order, fewest criteria first, these lie
together, at random they lie alone. On every half of a finished study of genes with the strength
"all", and on its genes, two more orders along the linear path:

- *gathered*: those that differ between training genes come first, in random order among themselves,
  then all others: together, but beside no pixel that is like them;
- *scattered*: they keep their natural order, but lie at random places among the others: never
  together.

If what a path gains over a random placement is that it keeps the few together, the first has the
gain and the second has not. Prints the rank correlation with the strength of the test genes, beside
the study's own linear path and random placement, and differences with Student's 95 % interval over
cohorts.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console

from deepnic.analysis.interval import over_cohorts
from deepnic.assembly import assemble_counts
from deepnic.assembly.gene_canvas import pixel_table
from deepnic.errors import InputError
from deepnic.files import read_csv, write_csv
from deepnic.nic.families import family
from deepnic.study.cohorts import read_cohorts
from deepnic.study.folder import is_done, outcome_file
from deepnic.study.genes.arms import arms_of
from deepnic.study.genes.arms.canvas import answered
from deepnic.study.genes.fold import GeneFold, Half, cut
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.toml import read_settings

TASK, UNFILTERED = "strength", "59,049 combinations"


def gathered(differs: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Order of pixels: those that differ first, both in random order.

    Examples
    --------
    >>> gathered(np.array([False, True, False, True]), seed=0)[:2]
    array([1, 3])
    """
    drawn = np.random.default_rng(seed).permutation(differs.size)
    return drawn[np.argsort(~differs[drawn], kind="stable")]


def scattered(differs: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Order of pixels: those that differ in their own order, at random places among the others."""
    places = np.random.default_rng(seed).permutation(differs.size)
    order = np.empty(differs.size, np.intp)
    order[np.sort(places[: differs.sum()])] = np.flatnonzero(differs)
    order[places[differs.sum() :]] = np.flatnonzero(~differs)
    return order


ORDERS = {"gathered": gathered, "scattered": scattered}


def correlation(told: pd.DataFrame) -> float:
    """Rank correlation of what was said of the test genes with the truth."""
    test = told[told["part"] == "test"]
    return float(test["score"].corr(test["truth"], method="spearman"))


def laid(fold: GeneFold, name: str, seed: int) -> tuple[float, int]:
    """Rank correlation with the pixels in one of `ORDERS`; and how many of them differ."""
    some = fold.of(fold.sample)
    training = pixel_table(some.counts.isel(gene=some.part == "training"), family("all"))
    values = training["value"].values
    differs = (values != values[0]).any(axis=0)
    order = ORDERS[name](differs, seed)
    canvas = assemble_counts(some.counts_with_states, family="all", path="linear", order=order)
    answer = answered(canvas, fold, fold.sample, "small", seed)
    return correlation(fold.told(answer.score, answer.predicted)), int(differs.sum())


def main(
    toml: Annotated[Path, typer.Argument(help="Settings of a study of genes.")],
    study: Annotated[Path, typer.Argument(help="Its folder; halves that are done are taken.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("gathered.csv"),
) -> None:
    """Ask the orders, print the table; a second start goes on."""
    settings = read_settings(toml)
    if not isinstance(settings, GeneStudySettings):
        raise InputError(f"{toml} is of patients; take a study of genes")
    cohorts, settings = read_cohorts(settings)
    kept = read_csv(output).to_dict("records") if output.exists() else []
    known = {(row["cohort"], row["half"], row["order"]) for row in kept}
    own = [arm for arm in arms_of(settings.arms) if UNFILTERED in arm.name]
    for split in cut(cohorts, settings):
        folder = study / split.folder
        if not all(is_done(folder / TASK, arm, settings.seed) for arm in own):
            continue
        half = None
        for name in (*ORDERS, *(arm.label for arm in own)):
            place = {"cohort": split.name, "half": split.half, "order": name}
            if (split.name, split.half, name) in known:
                continue
            if name in ORDERS:
                half = half or Half(split, settings, folder)
                value, differ = laid(half.fold(TASK), name, settings.seed)
                place |= {"differ": differ}
            else:
                (arm,) = (arm for arm in own if arm.label == name)
                value = correlation(read_csv(outcome_file(folder / TASK, arm, settings.seed)))
            kept.append(place | {"value": value})
            write_csv(output, pd.DataFrame(kept))
    tell(pd.DataFrame(kept))


def tell(table: pd.DataFrame) -> None:
    """Print means, and what each order has more than the random placement."""
    values = table.pivot_table("value", ["cohort", "half"], "order", sort=False).dropna()
    leads = values.sub(values["random placement"], axis=0).groupby("cohort").mean() * 100
    rows = {name: over_cohorts(leads[name]) for name in leads if name != "random placement"}
    told = pd.DataFrame({name: (one.low, one.high) for name, one in rows.items()}).T
    told.columns = ["low", "high"]
    told.insert(0, "points more than at random", leads.mean())
    told.insert(0, "rank correlation", values.groupby("cohort").mean().mean())
    console = Console(soft_wrap=True)
    console.print(values.round(3).to_string())
    console.print(told.round(3).to_string())


if __name__ == "__main__":
    typer.run(main)
