"""What is held out: a share of each class, the same for the same seed."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from deepnic.cohort.holdout import draw_stratified
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
