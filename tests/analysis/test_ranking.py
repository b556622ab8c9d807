"""Scores of the arms, the best of them, table of the console."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from deepnic.analysis.ranking import (
    COLUMNS,
    Interval,
    best,
    by_cohort,
    in_one_unit,
    leaders,
    representatives,
    scores,
)
from deepnic.errors import InputError
from deepnic.report import summary_table


def table_of(*rows):
    """From cohort, arm, kind, unit, mean."""
    table = pd.DataFrame(rows, columns=["cohort", "arm", "kind", "unit", "mean"])
    return table.assign(family=table["arm"].str.split(", ").str[0], path="", strength="")


def test_scores__keep_one_metric_and_name_families(study):
    summary = pd.read_csv(study / "summary.csv", dtype={"strength": str})
    table = scores(summary, "auroc")
    expected = summary[summary["metric"] == "auroc"]
    assert table["mean"].tolist() == expected["mean"].tolist()
    names = table.set_index("arm")["family"].to_dict()
    assert names["snail, 64 pixels in tiles"] == names["snail, no filter"] == "snail"
    assert names["logistic regression, 64 pixels"] == "logistic regression on pixels"
    assert names["logistic regression"] == "logistic regression"
    assert names["DeepInsight placement, no filter"] == "DeepInsight placement"


def test_scores__reject_a_summary_without_columns():
    with pytest.raises(InputError, match=r"has no cohort, path, .*mean"):
        scores(pd.DataFrame({"arm": ["a"], "kind": ["b"], "low": [0], "high": [1]}))
    with pytest.raises(InputError, match="has no row"):
        scores(pd.DataFrame(columns=COLUMNS))


def test_leaders__are_the_best_of_each_family_in_order():
    table = table_of(
        ("x", "svm", "expression", "", 0.99),
        ("x", "snail, 64 pixels", "assembly", "pixel", 0.7),
        ("x", "snail, no filter", "assembly", "pixel", 0.8),
        ("x", "linear, 64 pixels", "assembly", "pixel", 0.9),
        ("x", "pacman, 64 pixels", "assembly", "pixel", np.nan),
        ("y", "linear, 64 pixels", "assembly", "pixel", 0.5),
        ("y", "snail, 64 pixels", "assembly", "pixel", 0.7),
        ("y", "pacman, 64 pixels", "assembly", "pixel", np.nan),
    )
    found = leaders(table.sample(frac=1, random_state=0).sort_values("cohort"))
    assert found.groupby("cohort")["arm"].agg(list).to_dict() == {
        "x": ["snail, no filter", "linear, 64 pixels", "pacman, 64 pixels", "svm"],  # 0.75 > 0.7
        "y": ["snail, 64 pixels", "linear, 64 pixels", "pacman, 64 pixels"],
    }
    by_kind = leaders(table, "kind")
    assert by_kind["arm"].tolist() == ["linear, 64 pixels", "svm", "snail, 64 pixels"]


def test_best__is_of_the_kinds_asked_for():
    table = table_of(
        ("x", "svm", "expression", "", 0.9),
        ("x", "vote", "forest", "", 0.95),
        ("x", "snail", "assembly", "pixel", 0.99),
        ("y", "svm", "expression", "", np.nan),
    )
    assert best(table, ["expression", "forest"]).to_dict() == {"x": "vote"}
    assert best(table, ["assembly"]).to_dict() == {"x": "snail"}


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
    assert by_cohort(table[table["cohort"] != "z"]).shape == (2, 2)  # svm is not defined in y


def test_in_one_unit__keeps_tiles_where_there_is_nothing_else():
    tiles = table_of(
        ("x", "snail in tiles", "assembly", "tile", 0.9),
        ("x", "random", "placement", "pixel", 0.9),
    )
    assert len(in_one_unit(tiles)) == 2
    both = pd.concat([tiles, table_of(("x", "snail", "assembly", "pixel", 0.8))])
    assert in_one_unit(both)["arm"].tolist() == ["random", "snail"]


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0, 0.1, 0)]
)
def test_interval__has_a_sign_if_it_leaves_out_0(low, high, sign):
    assert Interval(0.0, low, high).sign == sign
    assert Interval().sign == 0


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(0.1, 0.05, 0.15), "+10.0 (+5.0 to +15.0)"),
        (Interval(-0.1, -0.2, -0.0004), "−10.0 (−20.0 to 0.0)"),
        (Interval(0.0), "0.0"),
        (Interval(), "undefined"),
    ],
)
def test_interval__in_points(interval, words):
    assert interval.points() == words


def print_table(summary):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(summary_table(summary))
    return console.export_text()


def test_summary_table__of_one_cohort_prints_every_family_literally(small_study):
    summary = pd.read_csv(small_study / "summary.csv", dtype={"strength": str})
    printed = print_table(summary)
    assert all(name in printed for name in summary["arm"])  # [bold] is no markup
    row = summary.query("arm == 'snail, 64 pixels' and metric == 'balanced_accuracy'").iloc[0]
    assert f"{row['mean']:.3f} {row['low']:.2f}-{row['high']:.2f}" in printed


def test_summary_table__of_several_cohorts_prints_the_best_of_each_kind(study):
    summary = pd.read_csv(study / "summary.csv", dtype={"strength": str})
    printed = print_table(summary)
    assert all(cohort in printed for cohort in summary["cohort"])
    assert printed.count("forest vote") == 4
    assert "majority" not in printed
