"""What each choice is worth: differences of balanced accuracy in every cohort, and over cohorts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from deepnic.analysis.interval import Interval, of_wholes, over_cohorts
from deepnic.analysis.ranking import (
    OURS,
    RANDOM,
    UNIT,
    in_one_unit,
    strength_label,
    strengths,
)
from deepnic.columns import NO_FILTER

PATH, FILTER, UNITS = "the path", "the filter", "the unit"
CANVAS, UNFILTERED_CANVAS = "the canvas, relevant pixels", "the canvas, no filter"


@dataclass(frozen=True)
class Factor:
    """One way of making an image rather than another one.

    ``differences`` of balanced accuracy by cohort are in the means over all that is not chosen;
    ``beside`` is the role of the arms on the other side, where they are no assemblies; ``whole``
    says of which cohort one is a part, if it is.
    """

    question: str
    name: str
    differences: pd.Series
    beside: str = ""
    whole: Mapping[str, str] = field(default_factory=dict)

    @property
    def mean(self) -> Interval:
        """Over the cohorts, the parts of one as one."""
        return over_cohorts(of_wholes(self.differences, self.whole))

    def point(self, cohort: str) -> str:
        """Difference in one cohort, in points."""
        return Interval(self.differences.get(cohort, np.nan)).points()


def factors(
    table: pd.DataFrame, cohorts: Sequence[str], whole: Mapping[str, str] | None = None
) -> tuple[Factor, ...]:
    """Weigh every choice that a study holds both sides of, over cohorts that are no transfers.

    Arms are compared that differ in the choice only; the table has their balanced accuracy.
    """
    table = table[table["cohort"].isin(cohorts)]
    every = [*_paths(table), *_filters(table), *_units(table), *_canvases(table)]
    known = [factor for factor in every if factor.differences.notna().any()]
    return tuple(replace(factor, whole=whole or {}) for factor in known)


def _paths(table: pd.DataFrame) -> Iterator[Factor]:
    means = _means(table, "path")
    for path in means if means.shape[1] > 1 else ():
        others = means.drop(columns=path)
        name = f"{path} rather than the other paths"
        yield Factor(PATH, name, means[path] - others.mean(axis=1))


def _filters(table: pd.DataFrame) -> Iterator[Factor]:
    means = _means(table, "strength")
    for k in strengths(table):
        if k != NO_FILTER and {k, NO_FILTER} <= {*means}:
            name = f"at most {strength_label(k)} relevant pixels rather than no filter"
            yield Factor(FILTER, name, means[k] - means[NO_FILTER])


def _units(table: pd.DataFrame) -> Iterator[Factor]:
    means = _means(table, "unit")
    for unit in means:
        if unit != UNIT and UNIT in means:
            yield Factor(UNITS, f"{unit}s rather than {UNIT}s", means[unit] - means[UNIT])


def _canvases(table: pd.DataFrame) -> Iterator[Factor]:
    """The paths rather than another way to feed the same pixels, with the filter and without."""
    ours = _means(in_one_unit(table), "strength")
    others = table[(table["strength"] != "") & (table["role"] != OURS)]
    leads = {
        (str(family), str(rows["role"].iloc[0])): ours
        - rows.pivot_table("mean", "cohort", "strength", sort=False)
        for family, rows in others.groupby("family", sort=False)
    }
    for question, suffix in ((CANVAS, ""), (UNFILTERED_CANVAS, ", no filter")):
        for (family, role), lead in leads.items():
            chosen = [k for k in lead if (k == NO_FILTER) == bool(suffix)]
            name = f"a path rather than {family}{suffix}"
            yield Factor(question, name, lead[chosen].mean(axis=1), role)


def _means(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Means of our arms, (cohort, member of the choice).

    Where an arm is lacking in a cohort, those of the other members that differ from it in the
    choice only do not count there either.
    """
    ours = table[table["role"] == OURS]
    others = [name for name in ("path", "strength", "unit") if name != by]
    n_members = ours.groupby(["cohort", *others])[by].transform("nunique")
    return ours[n_members == ours[by].nunique()].pivot_table("mean", "cohort", by, sort=False)


def random_placement(every: Sequence[Factor], question: str) -> Factor | None:
    """What the paths add to a random placement of the same pixels, if a study holds both."""
    beside = [one for one in every if one.question == question and one.beside == RANDOM]
    return beside[0] if beside else None
