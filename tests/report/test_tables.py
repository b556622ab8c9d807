"""Rows of the tables, against the tables they were made of."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.ranking import leaders, scores
from deepnic.report.folder import read_study
from deepnic.report.tables import (
    arm_rows,
    by_kind,
    cost_rows,
    family_rows,
    filter_rows,
    kept_pixels,
    kept_rows,
    unfiltered,
    winners,
)


@pytest.fixture(scope="module")
def folder(study):
    return read_study(study)


@pytest.fixture(scope="module")
def table(folder):
    return scores(folder.summary)


def test_by_kind__keeps_the_order():
    rows = [{"kind": "placement"}, {"kind": "assembly"}, {"kind": "assembly"}, {"kind": "new"}]
    found = [(title, len(group)) for title, group in by_kind(rows)]
    assert found == [("other placements, the same network", 1), ("assemblies", 2), ("new", 1)]


def test_family_rows__have_an_interval_in_every_cohort(table):
    rows = {row["name"]: row for row in family_rows(leaders(table))}
    assert set(rows) == set(table["family"])
    snail = table[table["family"] == "snail"].groupby("cohort")["mean"].max()
    assert {name: one.mean for name, one in rows["snail"]["intervals"].items()} == snail.to_dict()


def test_arm_rows__hold_every_arm_and_metric_and_mark_the_best(folder, table):
    rows = arm_rows(folder.summary, table, "golub")
    assert len(rows) == table["arm"].nunique()
    marked = {row["name"] for row in rows if row["best"]}
    own = table[table["cohort"] == "golub"].set_index("arm")
    ours = own["kind"] == "assembly"
    assert marked == {own[ours]["mean"].idxmax(), own[~ours]["mean"].idxmax()}
    vote = next(row for row in rows if row["name"] == "forest vote")
    assert np.isnan(vote["metrics"]["brier"].mean)
    auroc = folder.summary.query("cohort == 'golub' and arm == 'forest vote' and metric == 'auroc'")
    assert vote["metrics"]["auroc"].high == auroc["high"].item()


def test_winners__of_a_cohort_are_one_on_each_side(table):
    found = winners(table)
    assert len(found) == 8
    assert {cohort for cohort, _ in found} == set(table["cohort"])


def test_kept__is_the_mean_over_folds(folder, table):
    accounts = [dict(one) for one in folder.accounts]
    first = accounts[0]
    assert (first["cohort"], first["strength"]) == ("alon", "none")
    first["kept_pixels"] -= 400
    changed = type(folder)(**{**folder.__dict__, "accounts": accounts})
    kept = kept_pixels(changed)
    assert kept["alon", "none"] == 1024 - 100
    assert unfiltered(kept) == 1024 - 25
    row = next(one for one in kept_rows(table, kept) if one["strength"] == "none")
    own = table.query("cohort == 'alon' and strength == 'none' and unit == 'pixel'")
    paths = own[own["kind"] == "assembly"]["mean"]
    assert row["pixels"] == 924
    assert row["paths"] == pytest.approx(paths.mean())
    assert row["spread"] == pytest.approx(paths.max() - paths.min())
    assert row["random"] == own[own["path"] == "random"]["mean"].item()


def test_filter_rows__add_up(folder):
    rows = filter_rows(folder, "singh", ["64", "none"])
    assert rows[0] == ("all pixels", "kept", {"64": 31_886_460, "none": 31_886_460})
    for strength, kept in (("64", 64), ("none", 1024)):
        left = rows[0][2][strength]
        for _, what, counts in rows[1:]:
            if what == "reason":
                left -= counts[strength]
        assert left == kept == rows[-1][2][strength]


def test_cost_rows__are_medians_of_a_fold(folder, table):
    costs = folder.costs.copy()
    costs.loc[costs["stage"] == "forest", "seconds"] = [1.0, 2.0, 3.0, 40.0] * 4
    rows = {row["name"]: row for row in cost_rows(costs, leaders(table))}
    assert rows["the forest"]["seconds"]["alon"] == 2.5
    assert rows["the forest"]["kind"] == "shared by the arms"
    arm = leaders(table).query("cohort == 'alon' and family == 'snail'")["arm"].item()
    own = costs[(costs["arm"] == arm) & (costs["cohort"] == "alon")]
    assert rows["snail"]["seconds"]["alon"] == pd.Series(own["seconds"]).median()
    assert next(iter(rows)) == "the forest"
    assert set(table["family"]) < set(rows)
