"""Leads: paired, and honest in words."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from deepnic.analysis.differences import (
    PICKED,
    Lead,
    headline,
    leads,
    over_cohorts,
    picked_elsewhere,
    rivals,
)
from deepnic.analysis.ranking import Interval, best, scores
from deepnic.report.folder import read_study


def lead(cohort="x", patients=(0.1, 0.05, 0.15), folds=(0.1, 0.05, 0.15)):
    mine, theirs = Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8)
    return Lead(cohort, "snail", "svm", mine, theirs, Interval(*patients), Interval(*folds))


def table_of(**arms):
    """Means of arms, by cohorts x, y, z; those in capitals are baselines."""
    rows = [
        (cohort, arm, "expression" if arm.isupper() else "assembly", mean)
        for arm, means in arms.items()
        for cohort, mean in zip("xyz", means, strict=False)
    ]
    return pd.DataFrame(rows, columns=["cohort", "arm", "kind", "mean"])


@pytest.mark.parametrize(
    ("patients", "folds", "sign"),
    [
        ((0.1, 0.05, 0.15), (0.1, 0.01, 0.2), 1),
        ((0.1, 0.05, 0.15), (0.1, -0.1, 0.3), 0),
        ((-0.1, -0.2, -0.05), (-0.1, -0.2, -0.05), -1),
        ((0.1, 0.05, 0.15), (), 1),  # one fold: no interval over folds
        ((0.1, 0.05, 0.15), (-0.1, -0.2, -0.05), 0),
        ((), (), 0),
    ],
)
def test_lead__is_beyond_chance_if_all_intervals_say_so(patients, folds, sign):
    assert lead(patients=patients, folds=folds).sign == sign


def test_leads__are_of_the_same_patients(study):
    folder = read_study(study)
    table = scores(folder.summary)
    arms, others = best(table, ["assembly"]), best(table, ["forest"])
    found = leads(table, folder.predictions, arms, others)
    assert [one.cohort for one in found] == folder.cohorts
    for one in found:
        own = folder.predictions[folder.predictions["cohort"] == one.cohort]
        mine, theirs = (
            balanced_accuracy_score(rows["state"], rows["predicted"])
            for rows in (own[own["arm"] == arm] for arm in (one.arm, one.other))
        )
        assert one.patients.mean == pytest.approx(mine - theirs)
        assert one.patients.low <= one.patients.mean <= one.patients.high
        value = table.query("cohort == @one.cohort and arm == @one.arm")["mean"].item()
        assert one.value.mean == value


def test_picked_elsewhere__never_looks_at_the_cohort_itself():
    table = table_of(a=(0.9, 0.9, 0.1), b=(0.8, 0.8, 0.8), SVM=(1, 1, 1))
    picked = picked_elsewhere(table, ["assembly"], ["x", "y", "z"])
    assert picked.to_dict() == {"x": "b", "y": "b", "z": "a"}
    changed = table.assign(mean=table["mean"].where(table["cohort"] != "x", 0.0))
    assert picked_elsewhere(changed, ["assembly"], ["x", "y", "z"])["x"] == "b"
    assert picked_elsewhere(table, ["assembly"], ["x"]).empty


def test_over_cohorts__is_students_interval():
    values = [0.01, 0.05, -0.02, np.nan, 0.03]
    known = np.array(values)[[0, 1, 2, 4]]
    low, high = stats.ttest_1samp(known, 0).confidence_interval(0.95)
    found = over_cohorts(values)
    assert (found.mean, found.low, found.high) == pytest.approx((known.mean(), low, high))
    assert not over_cohorts([0.1]).bounded


def test_rivals__compare_with_everything_else(study, small_study):
    folder = read_study(study)
    found = rivals(scores(folder.summary), folder.predictions, folder.own)
    names = ["the best baseline", "DeepInsight’s placement", "random placement", PICKED]
    assert list(found) == names
    assert [len(rows) for rows in found.values()] == [4, 4, 4, 3]  # a transfer is not picked for
    lone = read_study(small_study)
    assert list(rivals(scores(lone.summary), lone.predictions, lone.own)) == names[:3]


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
def test_headline__of_one_cohort_says_what_the_numbers_say(patients, folds, words):
    found = {"the best baseline": [lead(patients=patients, folds=folds)]}
    said = " ".join(headline(table_of(snail=[0.8]), found, ["x"]))
    assert "“snail”, has a balanced accuracy of 80.0% (95% interval 70.0% to 90.0%)" in said
    assert words in said


def test_headline__of_several_cohorts_counts_them():
    down, unsure = (-0.1, -0.2, -0.05), (0.1, -0.1, 0.3)
    found = {
        "the best baseline": [
            lead("x"), lead("y", down, down), lead("z", unsure, unsure), lead("y-to-z", down, ())
        ],
        PICKED: [lead("x"), lead("y", down), lead("z")],
    }  # fmt: skip
    table = table_of(snail=(0.9, 0.8, 0.7), linear=(0.7, 0.7, 0.7), SVM=(0.9, 0.9, 0.9))
    said = " ".join(headline(table, found, ["x", "y", "z"]))
    assert "the best of 2 assemblies, “snail”, 80.0%; the best of 1 baselines, “SVM”, 90.0%" in said
    assert (
        "above the best baseline in 2 and below it in 1 (beyond chance above in x and below in y)"
        in said
    )
    assert "of the 3 cohorts" in said
    mean = over_cohorts([0.1, -0.1, 0.1])
    assert (
        f"3.3 points (95% interval {mean.span()}) above the baseline, which may be chance" in said
    )


def test_headline__without_an_assembly():
    assert "nothing to answer" in headline(table_of(SVM=[0.9]), {}, ["x"])[0]
