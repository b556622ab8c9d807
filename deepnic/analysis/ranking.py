"""The arms of a study by their scores: the best of each family, and those picked elsewhere."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from deepnic.columns import NO_FILTER
from deepnic.errors import InputError

MEASURE = "balanced_accuracy"
"""By which arms are compared: chance is 0.5 whatever the share of the classes."""

OURS, PLACEMENT, RANDOM, BASELINE = "ours", "placement", "random", "baseline"
"""Roles of an arm: an assembly by a path, a peer's placement, places drawn at random, no canvas."""

UNIT = "pixel"
"""Other units are compared with this one."""

COLUMNS = (
    "cohort", "arm", "kind", "role", "family", "path", "strength", "unit", "metric", "mean", "low",
    "high",
)  # fmt: skip


def check_scores(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of a study, refusing those without one of `COLUMNS` or without an arm."""
    lacking = [name for name in COLUMNS if name not in summary]
    if lacking or summary.empty:
        raise InputError(
            f"the summary has no {', '.join(lacking) or 'row'}; run `deepnic study` again"
        )
    return summary[[*COLUMNS]].astype(dict.fromkeys(("mean", "low", "high"), float))


def best_of_each(table: pd.DataFrame, by: str = "family") -> pd.DataFrame:
    """Best arm of each family (or kind) in each cohort, by scores in one metric.

    Cohorts and kinds come in the order met, and in a kind the best first (mean over cohorts; one
    whose score is undefined last).
    """
    best_first = table.sort_values("mean", ascending=False, kind="stable", na_position="last")
    best = best_first.groupby(["cohort", by], sort=False).head(1)
    places = pd.DataFrame(
        {
            "cohort": pd.Categorical(best["cohort"], table["cohort"].unique()),
            "kind": pd.Categorical(best["kind"], table["kind"].unique()),
            "worth": best[by].map(-best.groupby(by)["mean"].mean()),
        }
    )
    return best.loc[places.sort_values([*places], kind="stable").index]


def best_arm(table: pd.DataFrame) -> pd.Series:
    """Best arm in each cohort of a table: names by cohort, none where no score is defined."""
    known = table.dropna(subset="mean")
    best = known.loc[known.groupby("cohort", sort=False)["mean"].idxmax()]
    return best.set_index("cohort")["arm"]


def picked_elsewhere(table: pd.DataFrame, cohorts: Sequence[str]) -> pd.Series:
    """Pick an arm for each cohort by its mean over the other cohorts: before its results."""
    means = means_by_cohort(table[table["cohort"].isin(cohorts)])
    if len(cohorts) < 2 or means.empty:
        return pd.Series(dtype=str)
    return pd.Series({name: means.drop(columns=name).mean(axis=1).idxmax() for name in cohorts})


def representatives(table: pd.DataFrame, cohorts: Collection[str]) -> list[str]:
    """One arm of each family, the same in all cohorts: the best in the mean over them."""
    table = table[table["cohort"].isin(cohorts)]
    means = means_by_cohort(table).mean(axis=1)
    family = table.drop_duplicates("arm").set_index("arm")["family"]
    return means.groupby(family.loc[means.index]).idxmax().tolist()


def means_by_cohort(table: pd.DataFrame) -> pd.DataFrame:
    """Means (arm, cohort) of the arms that are defined in every cohort of a table."""
    return table.pivot_table("mean", "arm", "cohort", sort=False).dropna()


def winners(table: pd.DataFrame) -> pd.DataFrame:
    """Best of our arms, and best of all others, in each cohort: rows of the table."""
    known = table.dropna(subset="mean")
    side = known["role"].eq(OURS).rename("side")
    return known.loc[known.groupby(["cohort", side])["mean"].idxmax()]


def in_one_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Arms without those of other units than `UNIT`, if some of ours are in that one."""
    other = ~table["unit"].isin([UNIT, ""])
    return table if other[table["role"] == OURS].all() else table[~other]


def strengths(table: pd.DataFrame) -> list[str]:
    """Strengths of the filter in a table of arms, the fewest pixels first, no filter last."""
    known = set(table["strength"]) - {""}
    return sorted(known, key=lambda k: np.inf if k == NO_FILTER else int(k))


def strength_label(strength: str) -> str:
    """Name a strength in a few characters: 1,024, no filter."""
    return "no filter" if strength == NO_FILTER else f"{int(strength):,}"


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, with its columns as attributes."""
    return table.itertuples(index=False)
