"""The question named before a study was run: one image arm beside one classical arm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from deepnic.analysis.interval import Interval, of_wholes, over_cohorts, power_of
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import MEASURE

SATURATED = 0.98
"""Balanced accuracy of both arms above which a cohort can show no difference."""

LEVEL, POWER = 0.025, 0.8  # one-sided, as the upper and lower ends of 95 % intervals
MOST = 1000  # cohorts that are thought of


@dataclass(frozen=True)
class Judged:
    """One measure of the two arms over the cohorts.

    Attributes
    ----------
    metric : str
    image, classical : float
        Means over cohorts.
    difference : Interval
        Image less classical, Student's 95% interval over cohorts.
    holds : bool
        Not worse by the margin; of the Brier score, where less is better, better.
    power : float
        Chance that these cohorts show it, were the arms alike; of the Brier score NaN.
    needed : float
        Cohorts of such a spread that show it four times in five, were the arms alike; or NaN.
    """

    metric: str
    image: float
    classical: float
    difference: Interval
    holds: bool
    power: float
    needed: float


@dataclass(frozen=True)
class Goal:
    """What became of the question that was named beforehand.

    Attributes
    ----------
    image, classical : str
        Names of the arms.
    margin : float
        By which the image arm may be worse, as a share.
    n_cohorts : int
        Cohorts that were compared; the classes of one count as one.
    measures : tuple of Judged
        Balanced accuracy, AUROC, Brier score.
    saturated : tuple of str
        Cohorts in which both are so good that no difference can be seen.
    """

    image: str
    classical: str
    margin: float
    n_cohorts: int
    measures: tuple[Judged, ...]
    saturated: tuple[str, ...]

    @property
    def reached(self) -> bool:
        """Whether all of it holds."""
        return all(one.holds for one in self.measures)


def judge_goal(
    asked: Mapping[str, Any] | None, arms: pd.DataFrame, whole: Mapping[str, str]
) -> Goal | None:
    """Judge the two arms that were named; None where none were, or one of them was not made.

    Cohorts are the units; what one of them does not tell is not shown. An arm is not inferior where
    the lower end of the interval of the difference lies above the margin (non-inferiority by the
    confidence interval, as of the ICH's guideline E9); power is that of the one-sided t test.

    Parameters
    ----------
    asked : mapping, or None
        ``image``, ``classical`` and ``margin`` of the settings.
    arms : DataFrame
        Scores by cohort, arm and metric (mean).
    whole : mapping
        Cohort that each is one class of, or itself.
    """
    if not asked:
        return None
    image, classical, margin = asked["image"], asked["classical"], asked["margin"]
    table = arms[arms["cohort"].isin(whole) & arms["arm"].isin([image, classical])]
    scores = {
        metric: table[table["metric"] == metric].pivot_table("mean", "cohort", "arm", sort=False)
        for metric in (MEASURE, "auroc", "brier")
    }
    if any({*of_metric} != {image, classical} for of_metric in scores.values()):
        return None
    measures = tuple(_judge(metric, scores[metric], asked, whole) for metric in scores)
    least = of_wholes(scores[MEASURE].T.min(), whole)
    saturated = tuple(map(str, least.index[least >= SATURATED]))
    return Goal(image, classical, margin, len(least), measures, saturated)


def _judge(
    metric: str, scores: pd.DataFrame, asked: Mapping[str, Any], whole: Mapping[str, str]
) -> Judged:
    image, classical, margin = (scores[asked["image"]], scores[asked["classical"]], asked["margin"])
    differences = of_wholes(image - classical, whole)
    ours, theirs = (float(of_wholes(one, whole).mean()) for one in (image, classical))
    difference = over_cohorts(differences)
    lacking = bool(differences.isna().any())  # what some cohorts do not tell is not shown
    if metric == "brier":
        holds = not lacking and bool(difference.high < 0)
        return Judged(metric, ours, theirs, difference, holds, np.nan, np.nan)
    power = needed = np.nan
    if len(differences) > 1 and (spread := float(differences.std(ddof=1))) > 0:
        power = _power(margin / spread, len(differences))
        needed = next((n for n in range(2, MOST) if _power(margin / spread, n) >= POWER), np.nan)
    holds = not lacking and bool(difference.low > -margin)
    return Judged(metric, ours, theirs, difference, holds, power, needed)


def _power(effect: float, n: int) -> float:
    """Power of n cohorts; effect in standard deviations."""
    return power_of(effect * np.sqrt(n), n, LEVEL)


def said_of_goal(goal: Goal | None) -> tuple[str, ...]:
    """Say in a sentence what became of it.

    Examples
    --------
    >>> alike = Judged("auroc", 0.8, 0.8, Interval(0.0, -0.02, 0.02), True, 0.9, 20)
    >>> said_of_goal(Goal("snail", "3-NN", 0.03, 20, (alike,), ()))[0][:68]
    'Named before the study: “snail” beside “3-NN”, over 20 cohorts. It i'
    """
    if goal is None:
        return ()
    wanted = f"not worse by {100 * goal.margin:g} points"
    parts = [
        f"{'' if one.holds else 'not shown to be '}{'better' if one.metric == 'brier' else wanted}"
        f" in {METRIC_TITLES[one.metric]} ({one.difference.points()})"
        for one in goal.measures
    ]
    return (
        f"Named before the study: “{goal.image}” beside “{goal.classical}”, over "
        f"{goal.n_cohorts} cohorts. It is {'; '.join(parts)}.",
    )
