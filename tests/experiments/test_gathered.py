import numpy as np
import pytest

from studies.experiments.gathered import ORDERS

DIFFERS = np.random.default_rng(0).random(1000) < 0.1


@pytest.mark.parametrize("name", ORDERS)
def test_orders__are_permutations_that_the_seed_decides(name):
    order = ORDERS[name](DIFFERS, 1)
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    assert (order != ORDERS[name](DIFFERS, 2)).any()
    np.testing.assert_array_equal(order, ORDERS[name](DIFFERS, 1))


def test_gathered__those_that_differ_come_first_in_no_order():
    order, n = ORDERS["gathered"](DIFFERS, 1), DIFFERS.sum()
    assert DIFFERS[order[:n]].all()
    assert not (np.diff(order[:n]) > 0).all()


def test_scattered__those_that_differ_keep_their_order_among_the_others():
    order = ORDERS["scattered"](DIFFERS, 1)
    at = np.flatnonzero(DIFFERS[order])
    assert (np.diff(order[at]) > 0).all()
    neighbours = (np.diff(at) == 1).mean()  # as often as by chance, 0.1
    assert 0.02 < neighbours < 0.2
