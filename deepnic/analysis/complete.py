"""Which arms can be compared where some could not be made in every fold."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd


def comparable(predictions: pd.DataFrame, n_seeds: Mapping[str, int]) -> pd.DataFrame:
    """Keep, in each cohort and permutation, arms that were tested in the very same folds.

    A fold that more than half of all arms lack is left out for every arm; then an arm that lacks
    one of the folds left, or one of its seeds in it, is left out of that cohort. The rule looks at
    what was made, never at how well it did. Predictions have columns cohort, permutation, arm,
    repeat, fold and seed.

    Examples
    --------
    >>> rows = [("c", -1, arm, 0, k, 0) for arm in ("a", "b", "d") for k in (0, 1)]
    >>> names = ["cohort", "permutation", "arm", "repeat", "fold", "seed"]
    >>> lacking = pd.DataFrame(rows, columns=names).drop(index=5)  # the last fold of arm d
    >>> comparable(lacking, {"a": 1, "b": 1, "d": 1})["arm"].unique().tolist()
    ['a', 'b']
    """
    kept = pd.Series(False, predictions.index)
    for _, part in predictions.groupby(["cohort", "permutation"], sort=False):
        seeds = part.pivot_table("seed", ["repeat", "fold"], "arm", aggfunc="nunique")
        seeds = seeds.reindex(columns=[*n_seeds])
        has = seeds.eq(pd.Series(n_seeds))
        has = has[has.mean(axis=1) >= 0.5]
        arms = has.columns[has.all()]
        folds = part.set_index(["repeat", "fold"]).index.isin(has.index)
        kept[part.index] = folds & part["arm"].isin(arms)
    return predictions[kept].reset_index(drop=True)


def left_out(
    made: pd.DataFrame, kept: pd.DataFrame, arms: Iterable[str]
) -> dict[str, dict[str, list[Any]]]:
    """Tell what `comparable` left out of each cohort under the true labels.

    By cohort ``folds``, numbers of repeat and fold, and ``arms``, some of which were made in some
    folds; cohorts of which nothing was left out are not named. A fold that
    nothing was made in is in neither.
    """
    told: dict[str, dict[str, list[Any]]] = {}
    made, kept = (table[table["permutation"] < 0] for table in (made, kept))
    for cohort in made["cohort"].unique():
        before, after = (table[table["cohort"] == cohort] for table in (made, kept))
        folds = [_places(before), _places(after)]
        there = set(after["arm"])
        lacking: dict[str, list[Any]] = {
            "folds": [list(place) for place in folds[0] if place not in folds[1]],
            "arms": [arm for arm in arms if arm not in there],
        }
        if any(lacking.values()):
            told[str(cohort)] = lacking
    return told


def _places(table: pd.DataFrame) -> list[tuple[int, int]]:
    pairs = table[["repeat", "fold"]].drop_duplicates()
    return sorted((int(repeat), int(fold)) for repeat, fold in pairs.itertuples(index=False))
