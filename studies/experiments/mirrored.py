"""Why do paths matter on unfiltered images? The same pixels, every other one mirrored.

    python -m studies.experiments.mirrored studies/genes_all.toml STUDY -o mirrored.csv

Of all 59,049 combinations those that lie side by side in the natural order have most criteria in
common, and alike values; a convolution that adds neighbours up makes less noise of them. If this is
what a path gains over a random placement, it must be gone where neighbours are not alike: here half
of the pixels, drawn at random and the same for all genes, are mirrored about their mean over the
training genes. What a pixel tells of a gene is the same, and so is its variance; its neighbours'
sum is not.

On every half of a study of genes with the strength "all" whose arms are made, and on its genes, the
linear path and a random placement are asked of mirrored pixels. Prints the rank correlation with
the strength of the test genes beside those of the study's own arms, and what each has more than a
random placement of the same pixels, with Student's 95 % interval over cohorts.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
import xarray as xr
from rich.console import Console

from deepnic.analysis.interval import over_cohorts
from deepnic.assembly import fit_assembly, lay
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


def mirrored(table: xr.Dataset, seed: int) -> xr.Dataset:
    """Half of the pixels of a table, mirrored about their mean over its training items.

    Examples
    --------
    >>> values = np.array([[0.0, 1], [0.5, 0.5], [0.25, 1]], np.float32)
    >>> table = xr.Dataset({"value": (("item", "pixel"), values)}).assign_coords(
    ...     state=("item", [0, 1, -1])
    ... )
    >>> mirrored(table, seed=1)["value"].values
    array([[0.5 , 1.  ],
           [0.  , 0.5 ],
           [0.25, 1.  ]], dtype=float32)
    """
    values = table["value"].transpose("item", "pixel")
    mean = values[table["state"].values >= 0].mean("item").values
    n_pixels = values.sizes["pixel"]
    turned = np.random.default_rng(seed).permutation(n_pixels) < n_pixels // 2
    return table.assign(value=values.copy(data=np.where(turned, 2 * mean - values, values)))


ORDERS = {"linear, mirrored": None, "random placement, mirrored": "random"}


def correlation(told: pd.DataFrame) -> float:
    """Rank correlation of what was said of the test genes with the truth."""
    test = told[told["part"] == "test"]
    return float(test["score"].corr(test["truth"], method="spearman"))


def laid(fold: GeneFold, name: str, seed: int) -> float:
    """Rank correlation with mirrored pixels in one of `ORDERS`."""
    some = fold.of(fold.sample)
    table = pixel_table(some.counts, family("all")).assign_coords(state=("item", some.state))
    table = mirrored(table, seed)
    canvas = lay(table, fit_assembly(table, path="linear", order=ORDERS[name], seed=seed))
    answer = answered(canvas, fold, fold.sample, "small", seed)
    return correlation(fold.told(answer.score, answer.predicted))


def main(
    toml: Annotated[Path, typer.Argument(help="Settings of a study of genes.")],
    study: Annotated[Path, typer.Argument(help="Its folder; halves that are done are taken.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("mirrored.csv"),
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
                value = laid(half.fold(TASK), name, settings.seed)
            else:
                (arm,) = (arm for arm in own if arm.label == name)
                value = correlation(read_csv(outcome_file(folder / TASK, arm, settings.seed)))
            kept.append(place | {"value": value})
            write_csv(output, pd.DataFrame(kept))
    tell(pd.DataFrame(kept))


def tell(table: pd.DataFrame) -> None:
    """Print means, and what each order has more than a random placement of the same pixels."""
    values = table.pivot_table("value", ["cohort", "half"], "order", sort=False).dropna()
    rows = {}
    for name in values:
        beside = "random placement" + ", mirrored" * name.endswith("mirrored")
        leads = (values[name] - values[beside]).groupby("cohort").mean() * 100
        rows[name] = (values[name].groupby("cohort").mean().mean(), over_cohorts(leads))
    console = Console(soft_wrap=True)
    console.print(values.round(3).to_string())
    for name, (mean, lead) in rows.items():
        console.print(
            f"{name}: {mean:.3f}, {lead.mean:.1f} points ({lead.low:.1f} to {lead.high:.1f})"
        )


if __name__ == "__main__":
    typer.run(main)
