"""Sentences say what the numbers say."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.differences import PICKED
from deepnic.analysis.factors import factors
from deepnic.analysis.interval import over_cohorts
from deepnic.analysis.sentences import answer, claim
from tests.analysis.test_differences import difference
from tests.analysis.test_factors import COHORTS, make_table


def table_of(**arms):
    """Means of arms, by cohorts x, y, z; those in capitals are baselines."""
    rows = [
        (cohort, arm, "baseline" if arm.isupper() else "ours", mean)
        for arm, means in arms.items()
        for cohort, mean in zip("xyz", means, strict=False)
    ]
    return pd.DataFrame(rows, columns=["cohort", "arm", "role", "mean"])


@pytest.mark.parametrize(
    ("patients", "folds", "words"),
    [
        (
            (-0.1, -0.2, -0.05),
            (-0.1, -0.2, -0.05),
            "10.0 points (95% interval −20.0 to −5.0) below the best baseline (“svm”, 70.0%), "
            "beyond chance",
        ),
        (
            (0.1, -0.01, 0.2),
            (0.1, -0.2, 0.3),
            "10.0 points (95% interval −1.0 to +20.0) above the best baseline (“svm”, 70.0%), "
            "which may be chance",
        ),
        ((0.1, 0.01, 0.2), (0.1, -0.2, 0.3), "over patients, but not over training sets"),
        ((0.0, -0.1, 0.1), (), "0.0 points (95% interval −10.0 to +10.0) from the best baseline"),
    ],
)
def test_answer__of_one_cohort(patients, folds, words):
    rivals = {"the best baseline": [difference(patients=patients, folds=folds)]}
    text = " ".join(answer(table_of(snail=[0.8]), rivals, ["x"]))
    assert "“snail”, has a balanced accuracy of 80.0% (95% interval 70.0% to 90.0%)" in text
    assert words in text


def test_answer__of_several_cohorts_counts_them():
    down, unsure = (-0.1, -0.2, -0.05), (0.1, -0.1, 0.3)
    rivals = {
        "the best baseline": [
            difference("x"), difference("y", down, down), difference("z", unsure, unsure),
            difference("y-to-z", down, ()),
        ],
        PICKED: [difference("x"), difference("y", down), difference("z")],
    }  # fmt: skip
    table = table_of(snail=(0.9, 0.8, 0.7), linear=(0.7, 0.7, 0.7), SVM=(0.9, 0.9, 0.9))
    text = " ".join(answer(table, rivals, ["x", "y", "z"]))
    assert "the best of 2 assemblies, “snail”, 80.0%; the best of 1 baselines, “SVM”, 90.0%" in text
    assert (
        "above the best baseline in 2 and below it in 1 (beyond chance above in x and below in y)"
        in text
    )
    assert "of the 3 cohorts" in text
    mean = over_cohorts([0.1, -0.1, 0.1])
    assert (
        f"3.3 points (95% interval {mean.span()}) above the baseline, which may be chance" in text
    )


def test_answer__without_an_assembly():
    assert "nothing to answer" in answer(table_of(SVM=[0.9]), {}, ["x"])[0]


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ((0.06, 0.05, 0.07), "These 3 cohorts bear out the claim"),
        ((-0.06, -0.05, -0.07), "These 3 cohorts speak against the claim"),
        ((0.06, -0.05, 0.01), "These 3 cohorts neither bear out nor refute the claim"),
        ((0.06,), "This cohort alone can neither bear out nor refute the claim"),
    ],
)
def test_claim__follows_the_interval(gains, words):
    table = make_table({"none": 0.0, "64": 0.0}, cohorts=(0.7,) * len(gains))
    filtered = table["strength"] == "64"
    extra = dict(zip(COHORTS, gains, strict=False))
    table.loc[filtered, "mean"] += table.loc[filtered, "cohort"].map(extra)
    text = " ".join(claim(factors(table, COHORTS), 512.0))
    assert words in text
    assert f"{100 * np.mean(gains):+.1f}".replace("-", "−") in text
    assert "beside the 512 pixels that vary most" in text


def test_claim__tells_what_the_paths_add_with_and_without_the_filter():
    every = factors(make_table(none_lead=-0.04, units=("pixel",)), COHORTS)
    last = claim(every, 512.0)[-1]
    assert "+4.1 (+3.9 to +4.3) points with the filter and +0.1 (−0.1 to +0.3) without" in last


def test_claim__says_nothing_without_both_sides():
    assert claim(factors(make_table({"64": 0.0}), COHORTS), np.nan) == ()
