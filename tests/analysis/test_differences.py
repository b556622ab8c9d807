"""Differences: paired, and beyond chance only if all intervals say so."""

import pytest
from sklearn.metrics import balanced_accuracy_score

from deepnic.analysis.differences import PICKED, Difference, differences
from deepnic.analysis.interval import Interval
from deepnic.analysis.ranking import best_arm


def difference(cohort="x", patients=(0.1, 0.05, 0.15), folds=(0.1, 0.05, 0.15)):
    value, other_value = Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8)
    between = Interval(*patients), Interval(*folds)
    return Difference(cohort, "snail", "svm", value, other_value, *between)


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
def test_difference__is_beyond_chance_if_all_intervals_say_so(patients, folds, sign):
    assert difference(patients=patients, folds=folds).sign == sign


def test_differences__are_of_the_same_patients(results, findings):
    table = findings.scores()
    ours, vote = table[table["role"] == "ours"], table[table["kind"] == "forest"]
    every = differences(table, results.predictions, best_arm(ours), best_arm(vote))
    assert [one.cohort for one in every] == [*results.cohorts, *results.transfers]
    for one in every:
        of_cohort = results.predictions[results.predictions["cohort"] == one.cohort]
        mine, theirs = (
            balanced_accuracy_score(rows["state"], rows["predicted"])
            for rows in (of_cohort[of_cohort["arm"] == arm] for arm in (one.arm, one.other))
        )
        assert one.patients.mean == pytest.approx(mine - theirs)
        assert one.patients.low <= one.patients.mean <= one.patients.high
        value = table.query("cohort == @one.cohort and arm == @one.arm")["mean"].item()
        assert one.value.mean == value


def test_rivals__compare_with_everything_else(findings, small_findings):
    names = ["the best baseline", "DeepInsight placement", "random placement", PICKED]
    assert list(findings.rivals) == names
    counts = [len(differences) for differences in findings.rivals.values()]
    assert counts == [4, 4, 4, 3]  # a transfer is not picked for
    assert list(small_findings.rivals) == names[:3]
