"""Which genes a run learns from, and which it is tested on."""

import numpy as np
import pytest

from deepnic.errors import InputError
from deepnic.runs.config import read_config
from deepnic.runs.items import _hidden


def config_of(share, seed=0):
    labels = {"kind": "clusters", "test": share}
    return read_config(
        None, {"data": {"source": "store"}, "labels": labels, "training": {"seed": seed}}
    )


def test_hidden__is_the_share_of_each_class():
    truth = np.repeat([0, 1, 2, -1], [40, 20, 100, 30])
    state = _hidden(truth, config_of(0.25, seed=3))
    hidden = (state < 0) & (truth >= 0)
    assert [int(hidden[truth == k].sum()) for k in (0, 1, 2)] == [10, 5, 25]
    np.testing.assert_array_equal(state[~hidden], truth[~hidden])
    assert (state != _hidden(truth, config_of(0.25, seed=4))).any()


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        (0.001, "a share of 0.001 cannot be drawn from 100 items of known class .*; choose anoth"),
        (0.1, "with a share of 0.1, class 1 has no item to test on; choose"),
        (0.9, "with a share of 0.9, class 1 has no item to learn from; choose"),
    ],
)
def test_hidden__needs_items_of_every_class_on_both_sides(share, sentence):
    with pytest.raises(InputError, match=sentence):
        _hidden(np.repeat([0, 1], [98, 2]), config_of(share))
