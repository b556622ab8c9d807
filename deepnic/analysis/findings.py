"""What a study found, judged once; report, tables, console and notebook are views of it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from deepnic.analysis.account import (
    Stage,
    kept_pixels,
    mean_accounts,
    unfiltered_pixels,
    uses_of_pixels,
)
from deepnic.analysis.compare import compare_cohorts
from deepnic.analysis.control import Pool, pool
from deepnic.analysis.differences import Difference, rivals
from deepnic.analysis.factors import Factor, factors
from deepnic.analysis.goal import Goal, judge_goal, said_of_goal
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.multiclass import Multiclass, multiclass, said
from deepnic.analysis.ranking import (
    MEASURE,
    best_of_each,
    check_scores,
    representatives,
    strengths,
    winners,
)
from deepnic.analysis.results import StudyResults
from deepnic.analysis.sentences import answer, claim

CURVES = ("training_loss", "test_accuracy")
CONTROL = ["arm", "kind", "metric", "mean", "low", "high", "p", "off_chance"]


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes
    ----------
    cohorts, transfers : tuple of str
        What was tested in: cohorts, and transfers from one to another.
    arms : DataFrame
        Every arm in every metric: cohort, arm, kind, role, family, path, strength, unit, metric,
        mean, low, high (95 % interval over patients).
    best : DataFrame
        Of these, in balanced accuracy, the best arm of each family in each cohort.
    winners : DataFrame
        Of these, the best of our arms and the best of all others in each cohort.
    rivals : dict of tuple of Difference
        The best assembly of each cohort beside the best of each other way.
    factors : tuple of Factor
        What each choice is worth.
    ranks : DataFrame or None
        One arm of each family over the cohorts, see `deepnic.analysis.compare.compare_cohorts`;
        None for fewer than two cohorts or three arms.
    kept, uses : DataFrame
        Pixels kept, and balanced accuracy of each use of them, see `deepnic.analysis.account`.
    accounts : dict of dict of list of Stage
        Stages of the filter by cohort and strength.
    control : DataFrame
        From `deepnic.analysis.control.permutation_control`; empty where there was no control.
    pool : Pool or None
        The image arms together in the control; None of a study without one, or of version 0.1.0.
    costs : DataFrame
        Median seconds of a fold: name (stage or family), kind ("" of a stage that arms share),
        cohort, seconds, and core_seconds, median over all cohorts.
    calibration : DataFrame
        Probabilities of the best arm of each kind that gives any: cohort, arm, kind, predicted,
        observed, n.
    curves : DataFrame
        Training curves of the best arm of each path and placement: cohort, path, curve (of
        `CURVES`, those that were followed), epoch; mean over folds, low and high between them.
    classes : tuple of Multiclass
        Cohorts of more than two classes, each of which was studied against the rest.
    goal : Goal or None
        What became of the question that was named beforehand, if one was.
    answer, claim : tuple of str
        Sentences: the best assembly beside everything else; what uninformative pixels do.
    """

    cohorts: tuple[str, ...]
    transfers: tuple[str, ...]
    arms: pd.DataFrame
    best: pd.DataFrame
    winners: pd.DataFrame
    rivals: dict[str, tuple[Difference, ...]]
    factors: tuple[Factor, ...]
    ranks: pd.DataFrame | None
    kept: pd.DataFrame
    uses: pd.DataFrame
    accounts: dict[str, dict[str, list[Stage]]]
    control: pd.DataFrame
    pool: Pool | None
    costs: pd.DataFrame
    calibration: pd.DataFrame
    curves: pd.DataFrame
    classes: tuple[Multiclass, ...]
    goal: Goal | None
    answer: tuple[str, ...]
    claim: tuple[str, ...]

    @property
    def tested(self) -> tuple[str, ...]:
        """Cohorts, then transfers."""
        return self.cohorts + self.transfers

    @property
    def strengths(self) -> list[str]:
        """Strengths of the filter, the fewest pixels first."""
        return strengths(self.arms)

    @property
    def off_chance(self) -> list[str]:
        """Arms and metrics that are not at chance under permuted labels."""
        off = self.control[self.control["off_chance"].astype(bool)]
        return [f"{row.arm} ({METRIC_TITLES[str(row.metric)]})" for row in off.itertuples()]

    def scores(self, metric: str = MEASURE) -> pd.DataFrame:
        """Every arm in one metric."""
        return _scores(self.arms, metric)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain numbers, words, lists and dicts, for ``findings.json``."""
        return _plain(self)


def find(study: StudyResults) -> Findings:
    """Judge the results of a study.

    Parameters
    ----------
    study : StudyResults
        From `deepnic.study.read_study`.

    Returns
    -------
    Findings

    Raises
    ------
    InputError
        The summary lacks a column, or has no arm.
    """
    arms = check_scores(study.summary)
    no_control = pd.DataFrame(columns=CONTROL)
    table = _scores(arms, MEASURE)
    best = best_of_each(table)
    rival_arms = rivals(table, study.predictions, study.independent)
    every_factor = factors(table, study.cohorts, study.whole)
    kept = kept_pixels(study.accounts, table)
    classes = multiclass(study.predictions, study.facts["cohorts"])
    goal = judge_goal(study.facts["settings"].get("goal"), arms, study.whole)
    return Findings(
        cohorts=tuple(study.cohorts),
        transfers=tuple(study.transfers),
        arms=arms,
        best=best,
        winners=winners(table),
        rivals=rival_arms,
        factors=every_factor,
        ranks=_ranks(table, study.independent),
        kept=kept,
        uses=uses_of_pixels(kept, table),
        accounts=mean_accounts(study.accounts),
        control=no_control if study.control is None else study.control,
        pool=None if study.control_units is None else pool(study.control_units),
        costs=_costs(study.costs, best),
        calibration=_calibration(study.calibration, table),
        curves=_curves(study.history, best),
        classes=classes,
        goal=goal,
        answer=(*said_of_goal(goal), *said(classes), *answer(table, rival_arms, study.cohorts)),
        claim=claim(every_factor, unfiltered_pixels(kept)),
    )


def _scores(arms: pd.DataFrame, metric: str) -> pd.DataFrame:
    return arms[arms["metric"] == metric].drop(columns="metric").reset_index(drop=True)


def _ranks(table: pd.DataFrame, cohorts: list[str]) -> pd.DataFrame | None:
    """Compare one arm of each family over the cohorts; None where that is not defined."""
    compared = table["arm"].isin(representatives(table, cohorts))
    table = table[compared & table["cohort"].isin(cohorts)]
    if len(cohorts) < 2 or table["arm"].nunique() < 3:
        return None
    return compare_cohorts(table.assign(metric=MEASURE))


def _costs(costs: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Median cost of a fold: the stages that arms share, then the best arm of each family."""
    shared = costs[costs["arm"] == ""].assign(kind="", name=lambda rows: rows["stage"])
    of_arms = costs[costs["arm"] != ""].merge(best[["cohort", "arm", "kind", "family"]])
    every = pd.concat([shared, of_arms.rename(columns={"family": "name"})])
    over_cohorts = every.groupby(["kind", "name"])["core_seconds"].median()
    names = dict.fromkeys([*shared["name"], *best["family"]])
    return (
        every.groupby(["name", "kind", "cohort"], sort=False)["seconds"]
        .median()
        .reset_index()
        .merge(over_cohorts.reset_index())
        .sort_values("name", key=lambda name: name.map(list(names).index), kind="stable")
        .reset_index(drop=True)
    )


def _calibration(calibration: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Calibration of the best arm of each kind that gives probabilities, kind after kind."""
    able = table.merge(calibration[["cohort", "arm"]].drop_duplicates())
    best = best_of_each(able, "kind")[["cohort", "arm", "kind"]]
    return best.merge(calibration.drop(columns="kind"), on=["cohort", "arm"])


def _curves(history: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over folds of the best arm of each path and placement."""
    canvases = best.loc[best["path"] != "", ["cohort", "arm", "path"]]
    followed = [name for name in CURVES if name in history]
    return (
        history.merge(canvases, on=["cohort", "arm"])
        .melt(["cohort", "path", "epoch"], followed, "curve")
        .dropna(subset="value")
        .groupby(["cohort", "path", "curve", "epoch"], sort=False)["value"]
        .agg(mean="mean", low="min", high="max")
        .reset_index()
    )


def _plain(value: Any) -> Any:
    """Numbers, words, lists and dicts; NaN becomes None."""
    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict("records")]
    if isinstance(value, pd.Series):
        return _plain(value.to_dict())
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
