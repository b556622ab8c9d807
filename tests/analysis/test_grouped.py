"""Intervals over groups: those of the groups where members are alike, and they cover."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis import Interval
from deepnic.analysis.compare import compare_arms
from deepnic.analysis.grouped import design_effect, number_groups
from deepnic.analysis.limits import share
from deepnic.analysis.metrics import summarise
from deepnic.analysis.multiclass import multiclass
from deepnic.analysis.patients import judge_patients, patients_of, read_patients_of, without_ids
from deepnic.files import write_csv

ENDS = ["mean", "low", "high"]


def predictions_of(state, score, arm="x", **columns):
    """One prediction a patient, at a probability of one half."""
    return pd.DataFrame(
        {"arm": arm, "kind": "k", "repeat": 0, "fold": 0, "seed": 0, "item": np.arange(len(state)),
         "state": state, "score": score, "predicted": (np.asarray(score) > 0.5).astype(int),
         **columns}
    )  # fmt: skip


def doubled(table, times=2):
    """Every patient in so many arrays that say the same."""
    more = pd.concat([table] * times, ignore_index=True)
    return more.assign(group=more["item"].map("P{}".format), item=np.arange(len(more)))


@pytest.fixture
def single():
    rng = np.random.default_rng(3)
    state = np.tile([0, 1, 1], 10)
    return predictions_of(state, np.clip(rng.normal(0.35 + 0.3 * state, 0.25), 0, 1))


def by_metric(table):
    return {row.metric: [row.mean, row.low, row.high] for row in summarise(table).itertuples()}


def test_design_effect__is_the_variance_of_groups_in_times_of_that_of_patients():
    """Of a mean, by the textbook's variances; groups of a size."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(25, 1)) + rng.normal(size=(25, 4))
    group = np.repeat(np.arange(25), 4)
    found = design_effect(
        lambda n: (n @ values.ravel() / n.sum(axis=-1))[None], group, [np.arange(100)]
    )
    of_groups, of_patients = values.mean(axis=1).var(ddof=1) / 25, values.var(ddof=1) / 100
    assert found == pytest.approx(of_groups / of_patients)
    assert 1.5 < found[0] < 4


@pytest.mark.parametrize("times", [2, 3])
def test_summarise__of_arrays_that_say_the_same_is_that_of_their_patients(single, times):
    expected, found = by_metric(single), by_metric(doubled(single, times))
    for metric in ("accuracy", "balanced_accuracy"):
        assert found[metric] == pytest.approx(expected[metric])
    for metric in ("auroc", "brier"):  # one pair in more; other draws
        assert found[metric] == pytest.approx(expected[metric], abs=0.03)
        assert found[metric][0] == pytest.approx(expected[metric][0])
    alone = by_metric(doubled(single, times).drop(columns="group"))
    for metric, (_, low, high) in found.items():
        assert high - low > 1.2 * (alone[metric][2] - alone[metric][1])


def test_summarise__without_groups_of_several_is_as_without_groups(single):
    own = single.assign(group=single["item"].map("P{}".format))
    pd.testing.assert_frame_equal(summarise(own), summarise(single), check_exact=True)


def test_summarise__where_all_are_right_counts_groups():
    state = np.tile([0, 1], 10)
    table = doubled(predictions_of(state, state.astype(float)))
    found = by_metric(table)
    assert found["accuracy"] == pytest.approx([1, share(1.0, 20).low, 1])
    assert found["brier"] == pytest.approx([0, 0, share(0.0, 20).high])


def test_summarise__has_no_interval_where_a_class_is_in_one_group():
    state = np.array([0, 0, 0, 1, 1, 1])
    table = predictions_of(state, [0.1, 0.2, 0.6, 0.4, 0.8, 0.9], group=[*"abcddd"])
    found = by_metric(table)
    assert found["accuracy"][0] == pytest.approx(4 / 6)
    assert all(np.isnan(ends).all() for _, *ends in found.values())


def test_summarise__pairs_of_both_classes_tell_more_than_two_of_one():
    """What a pair has in common raises one score and the other: the area does not vary with it."""
    rng = np.random.default_rng(5)
    state, shift = np.tile([0, 1], 30), np.repeat(rng.normal(size=30), 2)
    score = 1 / (1 + np.exp(-(1.2 * state - 0.6 + 1.5 * shift + rng.normal(size=60) / 4)))
    pairs = predictions_of(state, score, group=np.repeat(np.arange(30), 2).astype(str))
    plain = by_metric(pairs.drop(columns="group"))["auroc"]
    assert by_metric(pairs)["auroc"] == pytest.approx(plain)


def test_summarise__covers_what_is_true_of_groups():
    """Twenty patients of three arrays each, much alike; 0.95 is wanted, and 150 draws are made."""
    rng, covered = np.random.default_rng(1), np.zeros((2, 4))
    state = np.repeat(np.arange(20) % 2, 3)

    def draw(patients):
        own = np.repeat(rng.normal(size=patients), 3) * np.sqrt(0.8)
        score = 1.5 * (np.tile(state, patients // 20) - 0.5) + own
        return 1 / (1 + np.exp(-1.2 * (score + rng.normal(size=own.size) * np.sqrt(0.2))))

    many = by_metric(predictions_of(np.tile(state, 75), draw(1500)))
    true = np.array([mean for mean, *_ in many.values()])
    for _ in range(150):
        table = predictions_of(state, draw(20), group=np.repeat(np.arange(20), 3).astype(str))
        for k, one in enumerate((table, table.drop(columns="group"))):
            ends = np.array([*by_metric(one).values()])
            covered[k] += (ends[:, 1] <= true) & (true <= ends[:, 2])
    assert (covered[0] / 150 > 0.9).all()
    assert (covered[1] / 150 < 0.9).all()  # as if they were sixty


def test_compare_arms__of_arrays_that_say_the_same_is_that_of_their_patients(single):
    other = single.assign(arm="y", score=single["score"].to_numpy()[::-1])
    other["predicted"] = (other["score"] > 0.5).astype(int)
    arms = pd.concat([single, other])
    grouped = pd.concat([doubled(one) for _, one in arms.groupby("arm")])
    names = ["difference", "low", "high"]
    expected, found, plain = (
        compare_arms(one, "x").set_index("metric")[names].T
        for one in (arms, grouped, grouped.drop(columns="group"))
    )
    for metric in expected:
        assert found[metric].to_numpy() == pytest.approx(expected[metric].to_numpy(), abs=0.06)
        assert np.ptp(found[metric]) > 1.2 * np.ptp(plain[metric])
    unsure = grouped.assign(group=np.where(grouped["state"] == 1, "P", grouped["group"]))
    assert compare_arms(unsure, "x")[["low", "high"]].isna().all(axis=None)


def test_multiclass__of_arrays_that_say_the_same_is_that_of_their_patients():
    rng, kind = np.random.default_rng(2), np.arange(30) % 3
    labels = [*"abc"]
    facts = {k: {"one_of": "whole", "positive": k, "classes": labels} for k in labels}
    scores = rng.dirichlet([1, 1, 1], 30) / 2 + np.eye(3)[kind] / 4
    single, several = (
        pd.concat(
            [make(predictions_of((kind == k).astype(int), scores[:, k], role="ours", family="f"))
             .assign(cohort=label) for k, label in enumerate(labels)]
        )
        for make in (lambda one: one, doubled)
    )  # fmt: skip
    ((expected,), (found,)) = (multiclass(one, facts) for one in (single, several))
    pd.testing.assert_frame_equal(found.arms, expected.arms)
    (plain,) = multiclass(several.drop(columns="group"), facts)
    assert (np.ptp(plain.arms[ENDS], axis=1) < np.ptp(expected.arms[ENDS], axis=1)).all()


def test_patients__are_judged_over_their_groups(single, tmp_path):
    patients = patients_of(doubled(single))
    assert [*patients][:3] == ["arm", "item", "group"]
    write_csv(tmp_path / "patients.csv", patients)
    read = read_patients_of(tmp_path / "patients.csv", ids=False)
    assert "item" not in read
    assert not {*read["group"]} & {*patients["group"]}
    measures, _ = judge_patients(read)
    expected, _ = judge_patients(patients_of(single))
    assert measures["accuracy"] == expected["accuracy"] == Interval(*by_metric(single)["accuracy"])
    assert "group" not in without_ids(patients_of(single))


def test_number_groups__numbers_names_of_any_kind():
    assert number_groups(np.array([3, 4, 3])).tolist() == [0, 1, 0]
    assert number_groups(pd.Series(["a", "b"])) is None
