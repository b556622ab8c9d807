"""More than two classes, against sums by hand and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from deepnic.analysis.factors import Factor
from deepnic.analysis.multiclass import decide, judge_run, multiclass, run_headline, said
from deepnic.analysis.results import ClassesResults

RANDOM = np.random.default_rng(0)
LABELS = ["a", "b", "c"]
TRUTH = np.array(["a"] * 12 + ["b"] * 8 + ["c"] * 4)
FACTS = {
    f"kinds {label}": {"one_of": "kinds", "positive": label, "classes": dict.fromkeys(LABELS, 1)}
    for label in LABELS
} | {"other": {"positive": "x", "classes": {}}}


def predictions_of(chances, arm="ours", role="ours"):
    """Predictions of three cohorts, of chances (repeat, item, class)."""
    return pd.DataFrame(
        [
            {"cohort": f"kinds {label}", "arm": arm, "kind": "assembly", "role": role,
             "family": arm, "repeat": repeat, "fold": (item + c) % 3, "seed": 0,
             "item": f"p{item}", "state": int(TRUTH[item] == label), "score": chance,
             "predicted": int(chance > 0.5)}
            for repeat, of_repeat in enumerate(chances)
            for item, of_item in enumerate(of_repeat)
            for c, (label, chance) in enumerate(zip(LABELS, of_item, strict=True))
        ]
    ).sample(frac=1, random_state=1)  # fmt: skip


@pytest.fixture
def chances():
    chances = RANDOM.random((2, len(TRUTH), 3)) * 0.7
    chances[..., range(len(TRUTH)), [LABELS.index(one) for one in TRUTH]] += 0.25
    return chances


def test_decide__is_the_class_of_the_highest_probability(chances):
    decided = decide(predictions_of(chances), {f"kinds {label}": label for label in LABELS})
    assert len(decided) == 48
    for row in decided.itertuples():
        item = int(row.item[1:])
        assert row.truth == TRUTH[item]
        assert row.predicted == LABELS[chances[row.repeat, item].argmax()]


def test_multiclass__is_macro_averaged(chances):
    worse = predictions_of(chances[:, ::-1], "other way", "baseline")
    (found,) = multiclass(pd.concat([worse, predictions_of(chances)]), FACTS)
    assert (found.cohort, found.classes, found.best) == ("kinds", ("a", "b", "c"), "ours")
    predicted = np.array(LABELS)[chances.argmax(axis=2)].ravel()
    truth = np.tile(TRUTH, 2)
    value = found.arms.set_index(["arm", "metric"])["mean"]
    assert value["ours", "accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    balanced = balanced_accuracy_score(truth, predicted)
    assert value["ours", "balanced_accuracy"] == pytest.approx(balanced)
    inside = found.arms["mean"].between(found.arms["low"], found.arms["high"])
    assert inside.all()
    shares = found.confusion.pivot_table("share", "truth", "predicted")
    expected = confusion_matrix(truth, predicted, normalize="true")
    np.testing.assert_allclose(shares.loc[LABELS, LABELS], expected)
    first, second = said([found])
    assert (
        "over the 3 classes of kinds at once, macro-averaged (the mean of their recalls): the best"
        in first
    )
    assert f"{balanced:.1%}" in first
    assert "the best of all others, “other way”, " in first
    assert "guessing has 33%" in first
    assert "nothing is tested over the classes" in second


def test_multiclass__leaves_out_scores_that_are_no_probabilities(chances):
    votes = predictions_of(chances, "vote").assign(score=lambda t: t["score"] * 4 - 2)
    (found,) = multiclass(pd.concat([votes, predictions_of(chances)]), FACTS)
    assert {*found.arms["arm"]} == {"ours"}


def test_multiclass__needs_every_class(chances):
    table = predictions_of(chances)
    assert multiclass(table[table["cohort"] != "kinds b"], FACTS) == ()
    assert multiclass(table.assign(cohort="other"), FACTS) == ()
    assert said(()) == ()


def test_factor__counts_the_classes_of_a_cohort_as_one():
    leads = pd.Series({"kinds a": 0.1, "kinds b": 0.2, "kinds c": 0.3, "x": 0.4, "y": 0.0})
    whole = {name: "kinds" if "kinds" in name else name for name in leads.index}
    apart, together = (Factor("", "", leads, whole=of).mean for of in ({}, whole))
    assert apart.mean == pytest.approx(leads.mean())
    assert together.mean == pytest.approx(np.mean([0.2, 0.4, 0.0]))
    assert not Factor("", "", leads[:3], whole=whole).mean.bounded


def wilson(right, n, z=1.959963984540054):
    """The interval as Wilson wrote it."""
    p, centre = right / n, (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(n * p * (1 - p) + z * z / 4)
    return centre - half, centre + half


def test_judge_run__puts_intervals_together_of_the_classes():
    truth = np.array([0] * 8 + [1] * 5 + [2] * 2)
    predicted = np.array([0] * 6 + [1, 2] + [1] * 5 + [2, 0])
    table = pd.DataFrame({"truth": [*truth, -1], "predicted": [*predicted, 0]})
    run = ClassesResults({"classes": LABELS}, table)
    judged = judge_run(run)
    found = judged.arms.set_index("metric")[["mean", "low", "high"]]
    right = [(6, 8), (5, 5), (1, 2)]
    np.testing.assert_allclose(found.loc["accuracy"], [12 / 15, *wilson(12, 15)], rtol=1e-6)
    recalls = np.array([k / n for k, n in right])
    ends = np.array([wilson(k, n) for k, n in right])
    spread = np.sqrt(((ends - recalls[:, None]) ** 2).sum(axis=0)) / 3
    expected = [recalls.mean(), recalls.mean() - spread[0], recalls.mean() + spread[1]]
    np.testing.assert_allclose(found.loc["balanced_accuracy"], expected, rtol=1e-6)
    assert recalls.mean() == pytest.approx(balanced_accuracy_score(truth, predicted))
    sentence = run_headline(run, judged)
    assert "the right one of 3 classes for 80.0%" in sentence
    assert "macro-averaged (the mean of the classes’ recalls), is 75.0%" in sentence
    assert "guessing gives 33.3%" in sentence
    lacking = ClassesResults({"classes": LABELS}, table[table["truth"] < 2])
    assert judge_run(lacking) is None
    assert "is not known" in run_headline(lacking, None)
