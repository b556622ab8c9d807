"""Why do paths matter on unfiltered images? The linear path, its neighbours or its regions kept.

    python -m studies.experiments.neighbours studies/genes_all.toml STUDY -o neighbours.csv

In the natural order of all 59,049 combinations, fewest criteria first, what lies side by side has
most criteria in common, and so it is over whole regions of the canvas. Either could be what a path
has that a random placement has not: convolutions that see like beside like, or the informative
combinations together in one place. So each is taken away from the linear path and the other kept:

- *windows*: windows of 16 x 16 cells change places at random: each is what it was inside;
- *bands*: pixels change places at random within an eighth of the canvas: each eighth holds what it
  held, like is no more beside like.

On every half of a study of genes with the strength "all" whose arms are made, and on its genes.
Prints the rank correlation with the strength of the test genes beside that of the study's own arms,
and what each has more than the random placement, with Student's 95 % interval over cohorts.
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
from deepnic.assembly.canvas import square_side
from deepnic.errors import InputError
from deepnic.files import write_csv
from deepnic.study.cohorts import read_cohorts
from deepnic.study.folder import is_done, outcome_file
from deepnic.study.genes.arms import arms_of
from deepnic.study.genes.arms.canvas import answered
from deepnic.study.genes.fold import GeneFold, Half, cut
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.toml import read_settings

TASK, UNFILTERED = "strength", "59,049 combinations"
N_PIXELS = 1_062_882  # under 18 conditions
WINDOW, BANDS = 16, 8


def windows(n_pixels: int, seed: int) -> NDArray[np.intp]:
    """Order of pixels in which whole windows of the linear canvas have changed places.

    Cells of its last rows and columns that fill no window stay.

    Examples
    --------
    >>> order = windows(33 * 33, seed=0).reshape(33, 33)
    >>> (order - order[0, 0])[[0, 1, 15], [15, 0, 15]], order[32, 5] == 32 * 33 + 5
    (array([ 15,  33, 510]), np.True_)
    """
    side = square_side(n_pixels)
    cells = np.arange(side**2).reshape(side, side)
    whole = side // WINDOW * WINDOW
    inside = cells[:whole, :whole].reshape(whole // WINDOW, WINDOW, whole // WINDOW, WINDOW)
    each = inside.transpose(0, 2, 1, 3).reshape(-1, WINDOW, WINDOW)
    each = np.random.default_rng(seed).permutation(each)
    inside = each.reshape(whole // WINDOW, whole // WINDOW, WINDOW, WINDOW)
    cells[:whole, :whole] = inside.transpose(0, 2, 1, 3).reshape(whole, whole)
    order = cells.ravel()
    return order[order < n_pixels]


def bands(n_pixels: int, seed: int) -> NDArray[np.intp]:
    """Order of pixels in which those of each band of the linear canvas have changed places.

    Examples
    --------
    >>> bands(24, seed=0)[:6] // 3
    array([0, 0, 0, 1, 1, 1])
    """
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.permutation(part) for part in np.array_split(np.arange(n_pixels), BANDS)]
    )


ORDERS = {"windows": windows, "bands": bands}


def correlation(told: pd.DataFrame) -> float:
    """Rank correlation of what was said of the test genes with the truth."""
    test = told[told["part"] == "test"]
    return float(test["score"].corr(test["truth"], method="spearman"))


def laid(fold: GeneFold, name: str, seed: int) -> float:
    """Rank correlation with the pixels in one of `ORDERS` along the linear path."""
    canvas = assemble_counts(
        fold.of(fold.sample).counts_with_states,
        family="all",
        path="linear",
        order=ORDERS[name](N_PIXELS, seed),
    )
    answer = answered(canvas, fold, fold.sample, "small", seed)
    return correlation(fold.told(answer.score, answer.predicted))


def main(
    toml: Annotated[Path, typer.Argument(help="Settings of a study of genes.")],
    study: Annotated[Path, typer.Argument(help="Its folder; halves that are done are taken.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("neighbours.csv"),
) -> None:
    """Ask the orders, print the table; a second start goes on."""
    settings = read_settings(toml)
    if not isinstance(settings, GeneStudySettings):
        raise InputError(f"{toml} is of patients; take a study of genes")
    cohorts, settings = read_cohorts(settings)
    kept = pd.read_csv(output).to_dict("records") if output.exists() else []
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
                value = correlation(pd.read_csv(outcome_file(folder / TASK, arm, settings.seed)))
            kept.append(place | {"value": value})
            write_csv(output, pd.DataFrame(kept))
    tell(pd.DataFrame(kept))


def tell(table: pd.DataFrame) -> None:
    """Print means, and what each order has more than the random placement."""
    values = table.pivot_table("value", ["cohort", "half"], "order", sort=False).dropna()
    means = values.groupby("cohort").mean()
    console = Console(soft_wrap=True)
    console.print(values.round(3).to_string())
    for name in means:
        lead = over_cohorts(100 * (means[name] - means["random placement"]))
        told = f"{lead.mean:.1f} points ({lead.low:.1f} to {lead.high:.1f})"
        console.print(f"{name}: {means[name].mean():.3f}, {told}")


if __name__ == "__main__":
    typer.run(main)
