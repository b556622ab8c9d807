"""How far one arm is above another one on the same observations."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from deepnic.analysis.compare import compare_arms
from deepnic.analysis.interval import Interval
from deepnic.analysis.ranking import (
    BASELINE,
    MEASURE,
    OURS,
    PLACEMENT,
    RANDOM,
    best_arm,
    picked_elsewhere,
    rows,
)

BEST_BASELINE = "the best baseline"
PICKED = "the best baseline, both picked on the other cohorts"
VERDICTS = {1: "better", -1: "worse", 0: "not distinguishable"}


@dataclass(frozen=True)
class Difference:
    """Balanced accuracy of an arm beside another one in a cohort.

    Two intervals of the arm's less the other's: paired over patients (`limits.mean_lead`), and the
    corrected resampled t over folds, which allows for the choice of the training observations too;
    undefined where there is one fold.
    """

    cohort: str
    arm: str
    other: str
    value: Interval
    other_value: Interval
    patients: Interval
    folds: Interval

    @property
    def sign(self) -> int:
        """1 or -1 if every interval there is leaves out 0 on that side, 0 otherwise."""
        signs = {one.sign for one in (self.patients, self.folds) if one.bounded}
        return signs.pop() if len(signs) == 1 else 0

    @property
    def verdict(self) -> str:
        """What the arm is beside the other one: one of `VERDICTS`."""
        return VERDICTS[self.sign]


def rivals(
    table: pd.DataFrame, predictions: pd.DataFrame, cohorts: Sequence[str]
) -> dict[str, tuple[Difference, ...]]:
    """Compare the best assembly of each cohort with the best of each other way.

    By name of the way; last, under `PICKED`, an assembly and a baseline that were picked for each
    cohort on the others. The table has the scores of the arms in balanced accuracy.
    """
    ours, baselines = (table[table["role"] == role] for role in (OURS, BASELINE))
    pairs = {BEST_BASELINE: (best_arm(ours), best_arm(baselines))}
    for role in (PLACEMENT, RANDOM):
        for family, arms in table[table["role"] == role].groupby("family", sort=False):
            pairs[str(family)] = best_arm(ours), best_arm(arms)
    pairs[PICKED] = picked_elsewhere(ours, cohorts), picked_elsewhere(baselines, cohorts)
    of_way = {name: differences(table, predictions, *pair) for name, pair in pairs.items()}
    return {name: each for name, each in of_way.items() if each}


def differences(
    table: pd.DataFrame, predictions: pd.DataFrame, arms: pd.Series, others: pd.Series
) -> tuple[Difference, ...]:
    """Compare one arm with another one, both named by cohort, in every cohort that has both."""
    values = {(row.cohort, row.arm): Interval.of(row) for row in rows(table)}
    found = []
    for cohort in arms.index.intersection(others.index, sort=False):
        pair = arms[cohort], others[cohort]
        of_pair = predictions[(predictions["cohort"] == cohort) & predictions["arm"].isin(pair)]
        [gap] = rows(compare_arms(of_pair, pair[1]).groupby("metric").get_group(MEASURE))
        value, other_value = (values[cohort, arm] for arm in pair)
        patients = Interval(gap.difference, gap.low, gap.high)
        folds = Interval((gap.t_low + gap.t_high) / 2, gap.t_low, gap.t_high)
        found.append(Difference(cohort, *pair, value, other_value, patients, folds))
    return tuple(found)
