import numpy as np
import pytest

from studies.experiments.neighbours import ORDERS

SIDE = 70  # four windows and some cells each way
N_PIXELS = SIDE**2 - 13


@pytest.mark.parametrize("name", ORDERS)
def test_orders__are_permutations_that_the_seed_decides(name):
    order = ORDERS[name](N_PIXELS, 1)
    np.testing.assert_array_equal(np.sort(order), np.arange(N_PIXELS))
    np.testing.assert_array_equal(order, ORDERS[name](N_PIXELS, 1))
    assert (order != ORDERS[name](N_PIXELS, 2)).any()


def test_windows__are_what_they_were_inside_and_elsewhere():
    order = ORDERS["windows"](N_PIXELS, 1)
    canvas = np.full(SIDE**2, -1)
    canvas[:N_PIXELS] = order
    canvas = canvas.reshape(SIDE, SIDE)
    moved = 0
    for row in range(0, 64, 16):
        for column in range(0, 64, 16):
            window = canvas[row : row + 16, column : column + 16]
            np.testing.assert_array_equal(np.diff(window, axis=1), 1)
            np.testing.assert_array_equal(np.diff(window, axis=0), SIDE)
            assert window[0, 0] % SIDE % 16 == window[0, 0] // SIDE % 16 == 0
            moved += window[0, 0] != row * SIDE + column
    assert moved > 10
    np.testing.assert_array_equal(
        canvas[:64, 64:], np.arange(SIDE**2).reshape(SIDE, SIDE)[:64, 64:]
    )


def test_bands__hold_what_they_held_in_no_order():
    order = ORDERS["bands"](N_PIXELS, 1)
    ends = np.cumsum([len(part) for part in np.array_split(np.arange(N_PIXELS), 8)])[:-1]
    for k, part in enumerate(np.split(order, ends)):
        assert (np.searchsorted(ends, part, side="right") == k).all()
        assert abs(np.corrcoef(part, np.arange(len(part)))[0, 1]) < 0.2
