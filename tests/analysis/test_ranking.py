"""Scores of the arms, and the best of them."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.ranking import (
    COLUMNS,
    best_arm,
    best_of_each,
    check_scores,
    in_one_unit,
    means_by_cohort,
    picked_elsewhere,
    representatives,
    winners,
)
from deepnic.errors import InputError

ROLES = {"assembly": "ours", "placement": "random"}


def table_of(*rows):
    """From cohort, arm, kind, unit, mean."""
    table = pd.DataFrame(rows, columns=["cohort", "arm", "kind", "unit", "mean"])
    role = table["kind"].map(ROLES).fillna("baseline")
    return table.assign(family=table["arm"].str.split(", ").str[0], role=role, strength="")


def test_check_scores__rejects_a_summary_without_columns():
    with pytest.raises(InputError, match=r"has no cohort, role, family, path, .*mean"):
        check_scores(pd.DataFrame({"arm": ["a"], "kind": ["b"], "low": [0], "high": [1]}))
    with pytest.raises(InputError, match="has no row"):
        check_scores(pd.DataFrame(columns=COLUMNS))


def test_best_of_each__family_in_order():
    table = table_of(
        ("x", "snail, 64 pixels", "assembly", "pixel", 0.7),
        ("x", "snail, no filter", "assembly", "pixel", 0.8),
        ("x", "linear, 64 pixels", "assembly", "pixel", 0.9),
        ("x", "pacman, 64 pixels", "assembly", "pixel", np.nan),
        ("x", "svm", "expression", "", 0.99),
        ("y", "linear, 64 pixels", "assembly", "pixel", 0.5),
        ("y", "snail, 64 pixels", "assembly", "pixel", 0.7),
        ("y", "pacman, 64 pixels", "assembly", "pixel", np.nan),
    )
    best = best_of_each(table)
    assert best.groupby("cohort")["arm"].agg(list).to_dict() == {
        "x": ["snail, no filter", "linear, 64 pixels", "pacman, 64 pixels", "svm"],  # 0.75 > 0.7
        "y": ["snail, 64 pixels", "linear, 64 pixels", "pacman, 64 pixels"],
    }
    by_kind = best_of_each(table, "kind")
    assert by_kind["arm"].tolist() == ["linear, 64 pixels", "svm", "snail, 64 pixels"]


def test_best_of_each__does_not_read_names():
    """Arms with a comma in the name, of two families: one row each."""
    table = table_of(
        ("x", "mine, tuned", "assembly", "pixel", 0.7),
        ("x", "mine, plain", "assembly", "pixel", 0.8),
    ).assign(family=["tuned", "plain"])
    assert set(best_of_each(table)["arm"]) == {"mine, tuned", "mine, plain"}


def test_best_arm__is_defined_or_left_out():
    table = table_of(
        ("x", "svm", "expression", "", 0.9),
        ("x", "vote", "forest", "", 0.95),
        ("y", "svm", "expression", "", np.nan),
    )
    assert best_arm(table).to_dict() == {"x": "vote"}


def test_winners__are_one_on_each_side():
    table = table_of(
        ("x", "svm", "expression", "", 0.9),
        ("x", "random", "placement", "pixel", 0.95),
        ("x", "snail", "assembly", "pixel", 0.7),
        ("x", "linear", "assembly", "pixel", 0.6),
    )
    assert set(winners(table)["arm"]) == {"random", "snail"}


def test_representatives__are_the_same_in_all_cohorts():
    table = table_of(
        ("x", "snail, 64 pixels", "assembly", "pixel", 0.9),
        ("x", "snail, no filter", "assembly", "pixel", 0.8),
        ("y", "snail, 64 pixels", "assembly", "pixel", 0.6),
        ("y", "snail, no filter", "assembly", "pixel", 0.8),
        ("z", "snail, 64 pixels", "assembly", "pixel", 1.0),  # a transfer
        ("x", "svm", "expression", "", 0.9),
        ("y", "svm", "expression", "", np.nan),
    )
    assert representatives(table, ["x", "y"]) == ["snail, no filter"]
    assert means_by_cohort(table[table["cohort"] != "z"]).shape == (2, 2)  # svm: undefined in y


def test_picked_elsewhere__never_looks_at_the_cohort_itself():
    means = {"a": (0.9, 0.9, 0.1), "b": (0.8, 0.8, 0.8)}
    rows = [(cohort, arm, "", "", value) for arm in means
            for cohort, value in zip("xyz", means[arm], strict=True)]  # fmt: skip
    table = table_of(*rows)
    picked = picked_elsewhere(table, ["x", "y", "z"])
    assert picked.to_dict() == {"x": "b", "y": "b", "z": "a"}
    changed = table.assign(mean=table["mean"].where(table["cohort"] != "x", 0.0))
    assert picked_elsewhere(changed, ["x", "y", "z"])["x"] == "b"
    assert picked_elsewhere(table, ["x"]).empty


def test_in_one_unit__keeps_tiles_where_there_is_nothing_else():
    tiles = table_of(
        ("x", "snail in tiles", "assembly", "tile", 0.9),
        ("x", "random", "placement", "pixel", 0.9),
    )
    assert len(in_one_unit(tiles)) == 2
    both = pd.concat([tiles, table_of(("x", "snail", "assembly", "pixel", 0.8))])
    assert in_one_unit(both)["arm"].tolist() == ["random", "snail"]
