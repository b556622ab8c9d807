"""Two arms over the cohorts of a study, as experiments tell it."""

from collections.abc import Collection, Iterator, Mapping

import pandas as pd
from rich.console import Console

from deepnic.analysis.goal import judge_goal
from deepnic.analysis.metrics import METRIC_TITLES, summarise


def scores_by_cohort(told: pd.DataFrame, cohorts: Collection[str]) -> pd.DataFrame:
    """Scores of the arms in each of these cohorts, by their predictions."""
    parts = [
        summarise(rows).assign(cohort=cohort)
        for cohort, rows in told.groupby("cohort", sort=False)
        if cohort in cohorts
    ]
    return pd.concat(parts)


def differences(
    first: str, second: str, scores: pd.DataFrame, whole: Mapping[str, str]
) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield of each measure: cohorts, title, mean of either arm, first less second in points.

    Of the cohorts that have both; nothing where there is none.
    """
    pair = scores[scores["arm"].isin([first, second])]
    made = pair.groupby("cohort")["arm"].nunique()
    scores = pair[pair["cohort"].isin(made.index[made == len({first, second})])]
    goal = judge_goal({"image": first, "classical": second, "margin": 0.03}, scores, whole)
    for one in goal.measures if goal else ():
        both = f"{one.image:.3f}", f"{one.classical:.3f}"
        yield goal.n_cohorts, METRIC_TITLES[one.metric], *both, one.difference.points()


def print_markdown(table: pd.DataFrame) -> None:
    """Print a table as Markdown."""
    lines = [table.columns, ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    Console(soft_wrap=True).print("\n".join(f"| {' | '.join(line)} |" for line in lines))
