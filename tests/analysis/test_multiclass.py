"""More than two classes, against sums by hand and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from deepnic.analysis.factors import Factor
from deepnic.analysis.multiclass import decide, multiclass, said

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
