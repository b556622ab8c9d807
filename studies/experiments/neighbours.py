"""Why do paths matter on unfiltered images? The linear path, its neighbours or its regions kept.

    python -m studies.experiments.neighbours STUDY -o neighbours.csv

In the natural order of all 59,049 combinations, fewest criteria first, what lies side by side has
most criteria in common, and so it is over whole regions of the canvas. Either could be what a path
has that a random placement has not: convolutions that see like beside like, or the informative
combinations together in one place. So each is taken away from the linear path and the other kept:

- *windows*: windows of 16 x 16 cells change places at random: each is what it was inside;
- *bands*: pixels change places at random within an eighth of the canvas: each eighth holds what it
  held, like is no more beside like.

On every half of a finished study of genes with the strength "all", and on its genes. Prints the
rank correlation with the strength of the test genes beside that of the study's own arms, and what
each has more than the random placement, with Student's 95 % interval over cohorts.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console

from deepnic.analysis.gene_scores import quality
from deepnic.analysis.interval import over_cohorts
from deepnic.assembly import assemble_counts
from deepnic.assembly.canvas import square_side
from deepnic.errors import InputError
from deepnic.files import write_csv
from deepnic.nic import family
from deepnic.study import read_settings
from deepnic.study.cohorts import read_cohorts
from deepnic.study.genes.arms.canvas import answered
from deepnic.study.genes.fold import GeneFold, Half, cut
from deepnic.study.genes.folder import read_gene_study
from deepnic.study.genes.settings import GeneStudySettings

TASK, RANDOM = "strength", "random placement"
WINDOW, BANDS = 16, 8
KEYS = ["cohort", "half", "order"]


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
    n = side // WINDOW  # windows each way; cells[:whole, :whole] of n x n, row by row
    whole = n * WINDOW
    each = cells[:whole, :whole].reshape(n, WINDOW, n, WINDOW).swapaxes(1, 2)
    each = np.random.default_rng(seed).permutation(each.reshape(-1, WINDOW, WINDOW))
    each = each.reshape(n, n, WINDOW, WINDOW).swapaxes(1, 2)
    cells[:whole, :whole] = each.reshape(whole, whole)
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


def laid(fold: GeneFold, name: str, seed: int) -> float:
    """Rank correlation with the pixels in one of `ORDERS` along the linear path."""
    asked = fold.unfiltered_sample
    some = fold.of(asked)
    conditions = some.counts.sizes["tree_size"] * some.counts.sizes["weight_range"]
    order = ORDERS[name](len(family("all")) * conditions, seed)
    canvas = assemble_counts(some.counts_with_states, family="all", path="linear", order=order)
    answer = answered(canvas, fold, asked, "small", seed)
    told = fold.told(answer.score, answer.predicted).query("part == 'test'")
    return quality(told["truth"].to_numpy(), told["score"].to_numpy())


def own_scores(study: Path) -> pd.DataFrame:
    """What the study says of its own arms on unfiltered images, with columns `KEYS` and value."""
    scores = read_gene_study(study).scores
    own = scores[(scores["strength"].astype(str) == "all") & (scores["task"] == TASK)]
    return own.assign(order=own["family"])[[*KEYS, "value"]]


def main(
    study: Annotated[Path, typer.Argument(help="Folder of a study of genes.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("neighbours.csv"),
) -> None:
    """Ask the orders, print the table; a second start goes on."""
    settings = read_settings(study / "study.toml")
    if not isinstance(settings, GeneStudySettings):
        raise InputError(f"{study} is of patients; take a study of genes")
    own = own_scores(study)
    cohorts, settings = read_cohorts(settings)
    kept = pd.read_csv(output).to_dict("records") if output.exists() else []
    known = {tuple(row[key] for key in KEYS) for row in kept}
    for split in cut(cohorts, settings):
        left = [name for name in ORDERS if (split.name, split.half, name) not in known]
        if not left:
            continue
        fold = Half(split, settings, study / split.folder).fold(TASK)
        for name in left:
            value = laid(fold, name, settings.seed)
            kept.append({"cohort": split.name, "half": split.half, "order": name, "value": value})
            write_csv(output, pd.DataFrame(kept))
    tell(pd.concat([pd.DataFrame(kept), own]))


def tell(table: pd.DataFrame) -> None:
    """Print means, and what each order has more than the random placement."""
    values = table.pivot_table("value", ["cohort", "half"], "order", sort=False).dropna()
    means = values.groupby("cohort").mean()
    console = Console(soft_wrap=True)
    console.print(values.round(3).to_string())
    for name in means:
        lead = over_cohorts(100 * (means[name] - means[RANDOM]))
        told = f"{lead.mean:.1f} points ({lead.low:.1f} to {lead.high:.1f})"
        console.print(f"{name}: {means[name].mean():.3f}, {told}")


if __name__ == "__main__":
    typer.run(main)
