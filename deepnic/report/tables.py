"""Rows of the tables of a study."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from deepnic.analysis.ranking import (
    KINDS,
    NO_FILTER,
    RANDOM,
    TITLES,
    Interval,
    in_one_unit,
    leaders,
    records,
    strengths,
)
from deepnic.report.account import Stage, mean_account
from deepnic.report.folder import StudyFolder

STAGES = {
    "forest": "the forest",
    "relevant": "pixels chosen by relevance",
    "varying": "pixels that vary most",
}

R = TypeVar("R", bound=dict[str, Any])


def by_kind(rows: Sequence[R]) -> list[tuple[str, list[R]]]:
    """Rows under the titles of their kinds, in the order given."""
    return [
        (KINDS.get(kind, kind), list(group)) for kind, group in groupby(rows, lambda r: r["kind"])
    ]


def family_rows(first: pd.DataFrame) -> list[dict[str, Any]]:
    """Balanced accuracy of each family by cohort.

    Parameters
    ----------
    first : DataFrame
        From `deepnic.analysis.ranking.leaders`.

    Returns
    -------
    list of dict
        name, kind, intervals (by cohort).
    """
    rows: dict[str, dict[str, Any]] = {}
    for row in records(first):
        found = rows.setdefault(row.family, {"name": row.family, "kind": row.kind, "intervals": {}})
        found["intervals"][row.cohort] = Interval(row.mean, row.low, row.high)
    return list(rows.values())


def arm_rows(summary: pd.DataFrame, table: pd.DataFrame, cohort: str) -> list[dict[str, Any]]:
    """Every arm of a cohort with all its metrics.

    Parameters
    ----------
    summary, table : DataFrame
        All metrics, and from `deepnic.analysis.ranking.scores`.
    cohort : str

    Returns
    -------
    list of dict
        name, kind, metrics (Interval by metric), best (of the assemblies, of all others): kinds in
        order, the best of each first.
    """
    known = {
        (row.arm, row.metric): Interval(row.mean, row.low, row.high)
        for row in records(summary[summary["cohort"] == cohort])
    }
    own = table[table["cohort"] == cohort]
    won = {arm for _, arm in winners(own, "arm")}
    return [
        {
            "name": row.arm,
            "kind": row.kind,
            "metrics": {metric: known.get((row.arm, metric), Interval()) for metric in TITLES},
            "best": row.arm in won,
        }
        for row in records(leaders(own, "arm"))
    ]


def winners(table: pd.DataFrame, name: str = "family") -> set[tuple[str, str]]:
    """Cohort and name of the best assembly, and of the best of all others, in each cohort."""
    side = table["kind"].eq("assembly").rename("side")
    known = table.dropna(subset="mean")
    top = known.loc[known.groupby(["cohort", side])["mean"].idxmax()]
    return set(zip(top["cohort"], top[name], strict=True))


def kept_pixels(study: StudyFolder) -> pd.Series:
    """Pixels kept by cohort and strength, mean over training folds."""
    accounts = pd.DataFrame(study.accounts).astype({"strength": str})
    return accounts.groupby(["cohort", "strength"], sort=False)["kept_pixels"].mean()


def unfiltered(kept: pd.Series) -> float:
    """Pixels kept without a filter by relevance, mean over cohorts."""
    return float(kept[kept.index.get_level_values("strength") == NO_FILTER].mean())


def kept_rows(table: pd.DataFrame, kept: pd.Series) -> list[dict[str, Any]]:
    """Pixels kept and balanced accuracy by cohort and strength.

    Returns
    -------
    list of dict
        cohort, strength, pixels; paths (mean over the paths), spread (best path
        less worst), random (placement).
    """
    place = ["cohort", "strength"]
    own = in_one_unit(table)
    paths = own[own["kind"] == "assembly"].groupby(place)["mean"]
    mean, spread = paths.mean(), paths.max() - paths.min()
    placed = table[table["family"] == RANDOM].set_index(place)["mean"]
    return [
        {
            "cohort": cohort,
            "strength": strength,
            "pixels": kept.get((cohort, strength), np.nan),
            "paths": mean.get((cohort, strength), np.nan),
            "spread": spread.get((cohort, strength), np.nan),
            "random": placed.get((cohort, strength), np.nan),
        }
        for cohort in table["cohort"].unique()
        for strength in strengths(table)
    ]


def stages(study: StudyFolder, cohort: str, strength: str) -> list[Stage]:
    """Stages of the filter at one strength, means over the training folds of a cohort."""
    return mean_account(
        [
            one
            for one in study.accounts
            if one["cohort"] == cohort and str(one["strength"]) == strength
        ]
    )


def filter_rows(
    study: StudyFolder, cohort: str, asked: Sequence[str]
) -> list[tuple[str, str, dict[str, float]]]:
    """The filter's account of a cohort.

    Returns
    -------
    list of tuple
        What is counted, whether it is a reason or what was kept, and the count by strength.
    """
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for strength in asked:
        found = stages(study, cohort, strength)
        counts = {("all pixels", "kept"): found[0].before}
        for stage in found:
            counts |= {(f"removed: {why}", "reason"): n for why, n in stage.removed.items()}
            counts[f"kept by the {stage.stage} stage", "kept"] = stage.kept
        for name, count in counts.items():
            rows.setdefault(name, {})[strength] = count
    return [(name, what, counts) for (name, what), counts in rows.items()]


def cost_rows(costs: pd.DataFrame, first: pd.DataFrame) -> list[dict[str, Any]]:
    """What one fold costs: the stages that arms share, then the best arm of each family.

    Parameters
    ----------
    costs : DataFrame
        Columns cohort, stage, arm, seconds, core_seconds.
    first : DataFrame
        From `deepnic.analysis.ranking.leaders`.

    Returns
    -------
    list of dict
        name, kind, seconds (median by cohort), core_seconds (median over all).
    """
    by_stage = costs[costs["arm"] == ""].assign(kind="shared by the arms")
    by_stage["family"] = by_stage["stage"].map(STAGES).fillna(by_stage["stage"])
    by_arm = costs[costs["arm"] != ""].merge(first[["cohort", "arm", "kind", "family"]])
    groups = dict(iter(pd.concat([by_stage, by_arm]).groupby("family")))
    return [
        {
            "name": name,
            "kind": groups[name]["kind"].iloc[0],
            "seconds": groups[name].groupby("cohort")["seconds"].median().to_dict(),
            "core_seconds": groups[name]["core_seconds"].median(),
        }
        for name in dict.fromkeys([*by_stage["family"], *first["family"]])
        if name in groups
    ]


def control_rows(control: pd.DataFrame) -> list[dict[str, Any]]:
    """Arms under permuted labels: arm, metric, interval, off_chance."""
    return [
        {
            "arm": row.arm,
            "metric": row.metric,
            "interval": Interval(row.mean, row.low, row.high),
            "off_chance": row.off_chance,
        }
        for row in records(control)
    ]
