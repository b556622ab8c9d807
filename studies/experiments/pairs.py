"""What does one setting do? Two studies on the same folds, the second less the first.

    python -m studies.experiments.pairs STUDY OTHER

Takes the mean over the assemblies and repeats that both studies hold, and prints each study's and
the difference, with its 95 % interval over patients; then the mean over cohorts, with Student's.
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from deepnic.analysis.compare import compare_arms
from deepnic.analysis.interval import over_cohorts
from deepnic.analysis.metrics import summarise
from deepnic.columns import METRICS
from deepnic.errors import InputError
from studies.experiments.optimism import true_predictions

NAMES = ("first", "second")
COLUMNS = [*NAMES, "difference", "low", "high"]


def compare(study: Path, other: Path) -> pd.DataFrame:
    """Both studies and their difference, a row for each metric and cohort, and for the mean."""
    both = [true_predictions(folder).query("kind == 'assembly'") for folder in (study, other)]
    arms, cohorts, repeats = (
        [name for name in both[0][key].unique() if name in set(both[1][key])]
        for key in ("arm", "cohort", "repeat")
    )
    if not arms or not cohorts:
        raise InputError(
            f"{study} and {other} hold no assembly of one name in a cohort of one name"
        )
    common = [one[one["arm"].isin(arms) & one["repeat"].isin(repeats)] for one in both]
    # every assembly is one more try of the same arm
    told = pd.concat(
        [
            one.assign(arm=name, seed=one["arm"].map(arms.index) * 1000 + one["seed"])
            for name, one in zip(NAMES, common, strict=True)
        ]
    )
    rows = []
    for cohort in cohorts:
        part = told[told["cohort"] == cohort]
        means = summarise(part).pivot_table("mean", "metric", "arm")
        pairs = compare_arms(part, NAMES[0]).set_index("metric")[["difference", "low", "high"]]
        rows.append(means.join(pairs).assign(cohort=cohort).set_index("cohort", append=True))
    table = pd.concat(rows)[COLUMNS]
    means = [_over_cohorts(table.loc[metric]).rename((metric, "mean")) for metric in METRICS]
    return pd.concat([table, pd.DataFrame(means)]).sort_index(level=0, sort_remaining=False)


def _over_cohorts(table: pd.DataFrame) -> pd.Series:
    """Mean over cohorts, and Student's interval of the mean difference."""
    lead = over_cohorts(table["difference"])
    ends = pd.Series({"low": lead.low, "high": lead.high})
    return ends.combine_first(table.mean())[COLUMNS]


def main(
    study: Annotated[Path, typer.Argument(help="Folder of a study.")],
    other: Annotated[Path, typer.Argument(help="Folder of another.")],
) -> None:
    """Print the table."""
    table = compare(study, other)
    Console(soft_wrap=True).print(table.round(3).to_string())


if __name__ == "__main__":
    typer.run(main)
