"""Order of the arms, honesty of the headline, table of the console."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from deepnic.errors import InputError
from deepnic.show import summary_table
from deepnic.show.arms import Arm, Interval, headline, majority_share, off_chance, rank_arms


def arm(name, kind, *interval):
    return Arm(name, kind, dict.fromkeys(("accuracy", "balanced_accuracy"), Interval(*interval)))


def test_rank_arms__sorts_within_kind_and_puts_undefined_last(study):
    summary = pd.read_csv(study / "summary.csv")
    summary.loc[summary["arm"].eq("pacman"), ["mean", "low", "high"]] = np.nan
    arms = rank_arms(summary.sample(frac=1, random_state=0))
    kinds = [one.kind for one in arms]
    assert kinds == sorted(kinds)
    assert arms[4].name == "pacman"
    for kind in ("assembly", "baseline"):
        means = [one.accuracy.mean for one in arms if one.kind == kind and one.name != "pacman"]
        assert means == sorted(means, reverse=True)


def test_rank_arms__rejects_a_summary_without_columns():
    with pytest.raises(InputError, match="has no metric, mean"):
        rank_arms(pd.DataFrame({"arm": ["a"], "kind": ["b"], "low": [0], "high": [1]}))


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ((0.9, 0.85, 0.95), "worse by 10.0 points, and the intervals do not overlap."),
        ((0.82, 0.75, 0.9), "worse by 2.0 points; the intervals overlap"),
        ((0.7, 0.65, 0.74), "better by 10.0 points, and the intervals do not overlap."),
        ((0.8, 0.75, 0.84), "They are equal"),
        ((0.7, np.nan, np.nan), "better by 10.0 points; an interval is undefined"),
    ],
)
def test_headline__says_what_the_numbers_say(baseline, words):
    arms = [
        arm("linear", "assembly", 0.7, 0.6, 0.99),
        arm("snail", "assembly", 0.8, 0.75, 0.84),
        arm("svm", "baseline", *baseline),
        arm("poor", "baseline", 0.1, 0.0, 0.99),
    ]
    said = headline(arms, 0.6)
    assert words in said
    assert "snail" in said
    assert "svm" in said
    assert "not exclude" not in said
    assert "the interval of the best assembly does not exclude" in headline(arms, 0.76)


def test_headline__without_a_defined_assembly():
    assert "nothing to compare" in headline([arm("snail", "assembly"), arm("svm", "baseline")], 0.5)


def test_majority_share__counts_the_rest_as_one_class():
    assert majority_share({"a": 3, "b": 4, "c": 3}, "b") == 0.6


def test_off_chance__names_intervals_that_leave_out_a_half():
    arms = [
        arm("a", "assembly", 0.5, 0.4, 0.6),
        arm("b", "assembly", 0.7, 0.6, 0.8),
        arm("c", "assembly", 0.3, 0.2, 0.4),
        arm("d", "assembly"),
    ]
    assert [one.name for one in off_chance(arms)] == ["b", "c"]


def test_summary_table__prints_every_arm_and_takes_names_literally(study):
    summary = pd.read_csv(study / "summary.csv")
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(summary_table(summary))
    printed = console.export_text()
    assert all(name in printed for name in summary["arm"])
    assert "undefined" in printed
