"""What each choice is worth: differences of balanced accuracy in every cohort, and over cohorts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from deepnic.analysis.differences import over_cohorts
from deepnic.analysis.ranking import (
    NO_FILTER,
    RANDOM,
    Interval,
    in_one_unit,
    strength_label,
    strengths,
)

FILTER = "the filter"
CANVAS = ("the canvas, relevant pixels", "the canvas, no filter")


@dataclass(frozen=True)
class Choice:
    """One way of making an image rather than another one.

    Attributes
    ----------
    question : str
        What is chosen: path, filter, unit, canvas.
    name : str
        One way rather than the other.
    differences : Series
        Of balanced accuracy by cohort, in the means over all that is not chosen.
    """

    question: str
    name: str
    differences: pd.Series

    @property
    def mean(self) -> Interval:
        """Over the cohorts."""
        return over_cohorts(self.differences)

    def point(self, cohort: str) -> str:
        """Difference in one cohort, in points."""
        return Interval(self.differences.get(cohort, np.nan)).points()


def choices(table: pd.DataFrame, cohorts: Sequence[str]) -> list[Choice]:
    """Weigh every choice that a study holds both sides of.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    cohorts : sequence of str
        Those compared over: no transfers.

    Returns
    -------
    list of Choice
        Arms are compared that differ in the choice only.

    Examples
    --------
    >>> rows = [("c", "assembly", "snail", "64", unit, mean)
    ...     for unit, mean in (("pixel", 0.9), ("tile", 0.8))]
    >>> columns = ["cohort", "kind", "path", "strength", "unit", "mean"]
    >>> [choice] = choices(pd.DataFrame(rows, columns=columns).assign(family="snail"), ["c"])
    >>> choice.name, choice.differences.round(2).to_dict()
    ('tiles rather than pixels', {'c': -0.1})
    """
    own = table[table["cohort"].isin(cohorts)]
    found = [*_paths(own), *_filters(own), *_units(own), *_canvases(own)]
    return [one for one in found if one.differences.notna().any()]


def claim(found: Sequence[Choice], kept: float) -> list[str]:
    """Say whether too many uninformative pixels make the assemblies lose their effect.

    Parameters
    ----------
    found : sequence of Choice
        From `choices`.
    kept : float
        Pixels kept without a filter by relevance, mean over cohorts.

    Returns
    -------
    list of str
        Sentences; none if the study holds no arm without a filter, or none with one.
    """
    filters = [one for one in found if one.question == FILTER]
    if not filters:
        return []
    # every strength alike: the best one would be picked after the results
    gain = over_cohorts(pd.concat([one.differences for one in filters], axis=1).mean(axis=1))
    n = filters[0].differences.notna().sum()
    verdict = "neither bear out nor refute"
    if gain.bounded and gain.sign:
        verdict = "bear out" if gain.sign > 0 else "speak against"
    said = [
        f"{f'These {n} cohorts' if n > 1 else 'This cohort alone can'} {verdict} the claim that "
        "too many uninformative pixels make the assemblies lose their effect.",
        f"What the filter by relevance adds to their balanced accuracy is {gain.points()} points, "
        f"beside the {kept:,.0f} pixels that vary most (mean over paths, units and strengths).",
        "Those are not the uninformative ones: a canvas made mostly of such is another test.",
    ]
    placed = {one.question: one.mean for one in found if RANDOM in one.name}
    if {*CANVAS} <= {*placed}:
        filtered, unfiltered = (placed[question].points() for question in CANVAS)
        said.append(
            "What the paths add to a random placement of the same pixels is "
            f"{filtered} points with the filter and {unfiltered} without."
        )
    return said


def _paths(table: pd.DataFrame) -> Iterator[Choice]:
    means = _assemblies(table).pivot_table("mean", "cohort", "path", sort=False)
    for path in means if means.shape[1] > 1 else ():
        others = means.drop(columns=path)
        name = f"{path} rather than the other paths"
        yield Choice("the path", name, means[path] - others.mean(axis=1))


def _filters(table: pd.DataFrame) -> Iterator[Choice]:
    means = _assemblies(table).pivot_table("mean", "cohort", "strength", sort=False)
    for k in strengths(table):
        if k != NO_FILTER and {k, NO_FILTER} <= {*means}:
            name = f"at most {strength_label(k)} relevant pixels rather than no filter"
            yield Choice(FILTER, name, means[k] - means[NO_FILTER])


def _units(table: pd.DataFrame) -> Iterator[Choice]:
    means = _assemblies(table).pivot_table("mean", "cohort", "unit", sort=False)
    if {"pixel", "tile"} <= {*means}:
        yield Choice("the unit", "tiles rather than pixels", means["tile"] - means["pixel"])


def _canvases(table: pd.DataFrame) -> Iterator[Choice]:
    """The paths rather than another way to feed the same pixels, with the filter and without."""
    mine = _assemblies(in_one_unit(table)).pivot_table("mean", "cohort", "strength", sort=False)
    others = table[table["kind"].isin(["placement", "pixels"])]
    leads = {
        str(family): mine - rows.pivot_table("mean", "cohort", "strength", sort=False)
        for family, rows in others.groupby("family", sort=False)
    }
    for question, suffix in zip(CANVAS, ("", ", no filter"), strict=True):
        for family, lead in leads.items():
            chosen = [k for k in lead if (k == NO_FILTER) == bool(suffix)]
            name = f"a path rather than {family}{suffix}"
            yield Choice(question, name, lead[chosen].mean(axis=1))


def _assemblies(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["kind"] == "assembly"]
