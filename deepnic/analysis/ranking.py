"""The arms of a study by what they are: their scores, the best of them, table of the console."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from deepnic.errors import InputError
from deepnic.variables import METRICS

MEASURE = "balanced_accuracy"
"""By which arms are compared: chance is 0.5 whatever the share of the classes."""

TITLES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "brier": "Brier score",
}
KINDS = {
    "assembly": "assemblies",
    "placement": "other placements, the same network",
    "pixels": "the same pixels without a canvas",
    "forest": "the forest itself",
    "expression": "expression, without images",
}
BASELINES = ("pixels", "forest", "expression")
"""Kinds that do without a canvas."""

NO_FILTER = "none"
RANDOM = "random placement"
COLUMNS = ("cohort", "arm", "kind", "path", "strength", "unit", "metric", "mean", "low", "high")


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval; NaN where undefined."""

    mean: float = np.nan
    low: float = np.nan
    high: float = np.nan

    def __str__(self) -> str:
        if np.isnan(self.mean):
            return "undefined"
        if not self.bounded:
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def bounded(self) -> bool:
        """Whether both ends are known."""
        return not np.isnan(self.low + self.high)

    def short(self) -> str:
        """Return the same in a few characters, for a column."""
        if np.isnan(self.mean):
            return "undefined"
        return f"{self.mean:.3f} {self.low:.2f}-{self.high:.2f}"

    def percent(self) -> str:
        """Return the same in per cent, for a sentence."""
        if not self.bounded:
            return f"{self.mean:.1%}"
        return f"{self.mean:.1%} (95% interval {self.low:.1%} to {self.high:.1%})"

    def points(self) -> str:
        """Return a difference in points of per cent, with its sign.

        Examples
        --------
        >>> Interval(-0.012, -0.03, 0.006).points()
        '−1.2 (−3.0 to +0.6)'
        """
        if np.isnan(self.mean):
            return "undefined"
        mean = _signed(100 * self.mean)
        return f"{mean} ({self.span()})" if self.bounded else mean

    def span(self) -> str:
        """Return the two ends of a difference, in points of per cent."""
        return f"{_signed(100 * self.low)} to {_signed(100 * self.high)}"

    @property
    def sign(self) -> int:
        """1 if all of it is above 0, -1 if all of it is below, 0 if that is not known."""
        return int(self.low > 0) - int(self.high < 0)


def scores(summary: pd.DataFrame, metric: str = MEASURE) -> pd.DataFrame:
    """Scores of the arms in one metric, each arm with its family.

    Parameters
    ----------
    summary : DataFrame
        Columns `COLUMNS`.
    metric : str

    Returns
    -------
    DataFrame
        Columns cohort, arm, kind, path, strength, unit, mean, low, high and family: what the arms
        are called that differ in the filter and the unit only.

    Raises
    ------
    InputError
        A column is missing, or there is no arm.

    Examples
    --------
    >>> row = ("c", "snail, no filter", "assembly", "snail", "none", "pixel", "auroc", 0.9, 0.8, 1)
    >>> scores(pd.DataFrame([row], columns=COLUMNS), "auroc")["family"].tolist()
    ['snail']
    """
    lacking = [name for name in COLUMNS if name not in summary]
    if lacking or summary.empty:
        raise InputError(
            f"the summary has no {', '.join(lacking) or 'row'}; run `deepnic study` again"
        )
    table = summary[summary["metric"] == metric].drop(columns="metric")
    family = table["arm"].str.split(", ").str[0]
    on_pixels = np.where(table["kind"] == "pixels", " on pixels", "")
    numbers = table[["mean", "low", "high"]].astype(float)
    return table.assign(family=family + on_pixels, **numbers).reset_index(drop=True)


def leaders(table: pd.DataFrame, by: str = "family") -> pd.DataFrame:
    """Best arm of each family (or kind) in each cohort.

    Parameters
    ----------
    table : DataFrame
        From `scores`.
    by : str

    Returns
    -------
    DataFrame
        Rows of the table: cohorts in order, kinds in the order of `KINDS`, and in a kind the best
        first (mean over cohorts; one whose score is undefined last).
    """
    best_first = table.sort_values("mean", ascending=False, kind="stable", na_position="last")
    first = best_first.groupby(["cohort", by], sort=False).head(1)
    over_cohorts = first.groupby(by)["mean"].mean()
    places = pd.DataFrame(
        {
            "cohort": first["cohort"].map(_order(table["cohort"])),
            "kind": first["kind"].map(_order([*KINDS, *first["kind"]])),
            "worth": -first[by].map(over_cohorts),
        }
    )
    return first.loc[places.sort_values([*places], kind="stable").index]


def best(table: pd.DataFrame, kinds: Collection[str]) -> pd.Series:
    """Best arm of some kinds in each cohort.

    Returns
    -------
    Series
        Names of arms by cohort; without the cohorts where none has a defined score.
    """
    known = table[table["kind"].isin(kinds)].dropna(subset="mean")
    top = known.loc[known.groupby("cohort", sort=False)["mean"].idxmax()]
    return top.set_index("cohort")["arm"]


def representatives(table: pd.DataFrame, cohorts: Collection[str]) -> list[str]:
    """One arm of each family, the same in all cohorts: the best in the mean over them."""
    own = table[table["cohort"].isin(cohorts)]
    means = by_cohort(own).mean(axis=1)
    family = own.drop_duplicates("arm").set_index("arm")["family"]
    return means.groupby(family.loc[means.index]).idxmax().tolist()


def by_cohort(table: pd.DataFrame) -> pd.DataFrame:
    """Means (arm, cohort) of the arms that are defined in every cohort of a table."""
    return table.pivot_table("mean", "arm", "cohort", sort=False).dropna()


def in_one_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Arms without those in tiles, if there are assemblies in pixels too."""
    tiles = table["unit"] == "tile"
    return table if tiles[table["kind"] == "assembly"].all() else table[~tiles]


def records(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, with its columns as attributes."""
    return table.itertuples(index=False)


def strengths(table: pd.DataFrame) -> list[str]:
    """Strengths of the filter in a table of arms, the fewest pixels first, no filter last.

    Examples
    --------
    >>> strengths(pd.DataFrame({"strength": ["none", "1024", "", "64"]}))
    ['64', '1024', 'none']
    """
    found = set(table["strength"]) - {""}
    return sorted(found, key=lambda k: np.inf if k == NO_FILTER else int(k))


def strength_label(strength: str) -> str:
    """Name a strength in a few characters.

    Examples
    --------
    >>> strength_label("1024"), strength_label("none")
    ('1,024', 'no filter')
    """
    return "no filter" if strength == NO_FILTER else f"{int(strength):,}"


def summary_table(summary: pd.DataFrame) -> Table:
    """Comparison of the arms for the console.

    Parameters
    ----------
    summary : DataFrame
        Columns `COLUMNS`, as in a study's ``summary.csv``.

    Returns
    -------
    rich.table.Table
        The best arm of each family; of each kind, if there are several cohorts.
    """
    table = scores(summary)
    cohorts = table["cohort"].unique()
    intervals = {
        (row.cohort, row.arm, row.metric): Interval(row.mean, row.low, row.high).short()
        for row in records(summary)
    }
    shown = [metric for metric in TITLES if METRICS[metric]]  # more is better; fits 80 columns
    title = "On unseen observations: mean and 95% interval"
    rows = Table(title=title, box=SIMPLE, show_edge=False, padding=0)
    rows.add_column("arm")
    for metric in shown:
        rows.add_column(TITLES[metric], justify="right", no_wrap=True)
    several = len(cohorts) > 1
    above = None
    for row in records(leaders(table, "kind" if several else "family")):
        section = row.cohort if several else KINDS.get(row.kind, row.kind)
        if section != above:
            rows.add_section()
            rows.add_row(Text(section, style="bold"))
        above = section
        cells = [row.arm, *(intervals[row.cohort, row.arm, metric] for metric in shown)]
        rows.add_row(*map(Text, cells))  # Text: a bracket in a name is no markup
    return rows


def _order(names: Collection[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
