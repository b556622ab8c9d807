"""What the filter kept, averaged over folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from deepnic.analysis.ranking import OURS, RANDOM, in_one_unit, strengths
from deepnic.columns import NO_FILTER

PATHS_TOGETHER = "the paths, mean and range"


@dataclass(frozen=True)
class Stage:
    """A stage of the filter: pixels kept, and removed by reason (means over folds)."""

    stage: str
    kept: float
    removed: Mapping[str, float]

    @property
    def before(self) -> float:
        """Pixels that came to it."""
        return self.kept + sum(self.removed.values())


def mean_accounts(accounts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[Stage]]]:
    """Stages of the filter by cohort and strength, means over the training folds.

    Accounts hold ``cohort``, ``strength`` and ``account``, a list of ``stage``, ``kept`` and
    ``removed`` (count by reason); a reason that a fold does not name counts 0 there.
    """
    parts: dict[str, dict[str, dict[str, list[Mapping[str, Any]]]]] = {}
    for fold in accounts:
        by_stage = parts.setdefault(fold["cohort"], {}).setdefault(str(fold["strength"]), {})
        for part in fold["account"]:
            by_stage.setdefault(part["stage"], []).append(part)
    return {
        cohort: {
            strength: [_mean_stage(name, folds) for name, folds in by_stage.items()]
            for strength, by_stage in by_strength.items()
        }
        for cohort, by_strength in parts.items()
    }


def _mean_stage(name: str, folds: Sequence[Mapping[str, Any]]) -> Stage:
    reasons = dict.fromkeys(reason for fold in folds for reason in fold["removed"])
    removed = {r: sum(fold["removed"].get(r, 0) for fold in folds) / len(folds) for r in reasons}
    return Stage(name, sum(fold["kept"] for fold in folds) / len(folds), removed)


def kept_pixels(accounts: Sequence[Mapping[str, Any]], table: pd.DataFrame) -> pd.DataFrame:
    """Pixels kept (mean over training folds) and balanced accuracy, by cohort and strength.

    Columns cohort, strength, pixels; paths, mean over the paths with pixels as units; spread, the
    best path less the worst; random, of random placement. NaN where there is none.
    """
    place = ["cohort", "strength"]
    pixels = pd.DataFrame(accounts).astype({"strength": str}).groupby(place)["kept_pixels"]
    ours = in_one_unit(table[table["role"] == OURS])
    by_path = ours.groupby(place)["mean"]
    columns = {
        "pixels": pixels.mean(),
        "paths": by_path.mean(),
        "spread": by_path.max() - by_path.min(),
        "random": table[table["role"] == RANDOM].groupby(place)["mean"].mean(),
    }
    every = pd.MultiIndex.from_product([table["cohort"].unique(), strengths(table)], names=place)
    return pd.DataFrame(columns, every).reset_index()


def uses_of_pixels(kept: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Balanced accuracy of each use of the kept pixels: by the paths, and by every other family.

    Columns cohort, use, strength, pixels; mean, low and high over the arms of the use.
    """
    arms = in_one_unit(table[table["strength"] != ""])
    use = arms["family"].where(arms["role"] != OURS, PATHS_TOGETHER)
    pixels = kept[["cohort", "strength", "pixels"]].dropna()
    arms = arms.assign(use=use).merge(pixels, on=["cohort", "strength"])
    return (
        arms.groupby(["cohort", "use", "strength", "pixels"], sort=False)["mean"]
        .agg(mean="mean", low="min", high="max")
        .reset_index()
    )


def unfiltered_pixels(kept: pd.DataFrame) -> float:
    """Pixels kept without a filter by relevance, mean over cohorts; NaN if all were filtered."""
    return float(kept.loc[kept["strength"] == NO_FILTER, "pixels"].mean()) if len(kept) else np.nan
