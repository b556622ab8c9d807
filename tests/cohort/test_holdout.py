"""What is held out: a share of each class, the same for the same seed."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from deepnic.cohort import make_cohort
from deepnic.cohort.holdout import draw_stratified, held_out
from deepnic.errors import InputError


def test_draw_stratified__takes_the_share_of_each_class():
    state = np.repeat([0, 1, 2, -1], [40, 20, 100, 30])
    drawn = draw_stratified(state, 0.25, seed=3)
    assert drawn.dtype == bool
    assert [int(drawn[state == k].sum()) for k in (0, 1, 2, -1)] == [10, 5, 25, 0]


def test_draw_stratified__is_scikit_learns_split_of_the_known_items():
    """Stores and runs begun before must be drawn again with the same bits."""
    state = np.random.default_rng(0).integers(-1, 3, 90)
    known = np.flatnonzero(state >= 0)
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.3, random_state=7)
    (_, test), = split.split(known, state[known])  # fmt: skip
    np.testing.assert_array_equal(
        np.flatnonzero(draw_stratified(state, 0.3, 7)), np.sort(known[test])
    )


def test_draw_stratified__is_seeded():
    state = np.arange(100) % 2
    np.testing.assert_array_equal(draw_stratified(state, 0.5, 7), draw_stratified(state, 0.5, 7))
    assert (draw_stratified(state, 0.5, 7) != draw_stratified(state, 0.5, 8)).any()
    assert draw_stratified(state, 0.5, 2**40).sum() == 50


@pytest.mark.parametrize(
    ("state", "share", "sentence"),
    [
        ([0, 0, 1, 1], 0, "^hold-out must lie between 0 and 1; 0.25 is usual"),
        ([0, 0, 1, 1], 1.0, "^hold-out must lie between 0 and 1; 0.25 is usual"),
        ([0, 0, 0, 1], 0.5, "^hold-out of 0.5 cannot be drawn from 4 items of known class .*; cho"),
        ([-1, -1], 0.5, "^hold-out of 0.5 cannot be drawn from 0 items of known class .*; choose"),
    ],
)
def test_draw_stratified__rejects_what_it_cannot_draw(state, share, sentence):
    with pytest.raises(InputError, match=sentence):
        draw_stratified(state, share, what="hold-out")


def grouped(labels, groups):
    values = np.random.default_rng(0).normal(size=(len(labels), 3))
    names = [f"p{k}" for k in range(len(labels))]
    cohort = make_cohort(values, labels, ["g0", "g1", "g2"], names, positive=sorted({*labels})[-1])
    return cohort.assign_coords(group=("observation", np.array(groups, object)))


@pytest.mark.parametrize("share", [0.2, 0.25, 0.5, 0.7])
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_held_out__keeps_groups_together(share, seed):
    """Pairs of both classes, and some of one."""
    labels = ["a", "b"] * 20 + ["a", "a", "b", "b"] * 5
    cohort = grouped(labels, [f"P{k // 2}" for k in range(60)])
    (hidden,) = held_out({"b": cohort}, share, seed).values()
    drawn = hidden["state"].values < 0
    assert (drawn[::2] == drawn[1::2]).all()
    assert abs(drawn.mean() - share) < 0.1
    assert abs(drawn[cohort["state"].values == 1].mean() - share) < 0.1


def test_held_out__of_several_classes_and_groups_is_the_same_of_each():
    labels, groups = [*"abc"] * 20, [f"P{k // 3}" for k in range(60)]
    one = grouped(labels, groups)
    classes = {
        label: one.assign(state=("observation", (one["label"].values == label).astype(np.int8)))
        for label in "abc"
    }
    hidden = [cohort["state"].values < 0 for cohort in held_out(classes, 0.25).values()]
    assert (hidden[0] == hidden[1]).all()
    assert (hidden[0] == hidden[2]).all()
    assert (hidden[0].reshape(20, 3) == hidden[0].reshape(20, 3)[:, :1]).all()
    assert hidden[0].sum() == 15


def test_held_out__refuses_a_class_in_one_group():
    cohort = grouped([*"aaaabb"], [*"123455"])
    with pytest.raises(InputError, match=r"hold-out of 0.5 .*choose"):
        held_out({"b": cohort}, 0.5)
