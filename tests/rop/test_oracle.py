"""The oracle itself, on nodes small enough to do by hand."""

import numpy as np

from tests.rop import oracle

SCORES = np.array([[5], [4], [4], [3], [1]])
STATE = np.array([1, 1, 0, 0, 1])


def test_search__by_hand():
    # above 5: tp 1, fp 0; 4: 2, 1; 3: 2, 2; 1: 3, 2. P = 3, N = 2.
    node = oracle.search(SCORES, STATE, np.array([[1]]))
    assert (node.value, node.area) == (2, 1 * (1 + 2) + 1 * (2 + 2))
    assert node.at([1]) == (5, 1, 0)


def test_search__rop8_by_hand():
    # the cut at 5 is gone: (0, 0) -> (2, 1) -> (2, 2) -> (3, 2)
    node = oracle.search(SCORES, STATE, np.array([[1]]), "rop8")
    assert (node.value, node.area) == (2 * 2 - 1 * 3, 1 * (0 + 2) + 1 * (2 + 2))
    assert node.at([1]) == (4, 2, 1)


def test_grow__two_steps_then_a_second_cycle():
    # Only weight +1: cycle 1 finds everybody from 2 up, its second step the one below;
    # one negative goes on to cycle 2.
    X = np.array([[9], [8], [5], [2], [1]])
    y = np.array([1, 1, 0, 1, 0])
    tree = oracle.grow(X, y, np.array([[1]]))
    assert [(s.cycle, s.step, s.tp, s.fp, s.tn, s.fn) for s in tree.steps] == [
        (1, 1, 2, 0, 2, 1),
        (1, 2, 1, 1, 1, 0),
        (2, 1, 2, 0, 1, 1),
        (2, 2, 1, 1, 0, 0),
        (3, 1, 2, 0, 1, 1),
        (3, 2, 1, 1, 0, 0),
    ]
    assert (tree.tp, tree.fp, tree.tn, tree.fn, tree.perfect) == (3, 1, 1, 0, False)
    assert tree.predict(np.array([[1], [2], [5], [9]])).tolist() == [0, 1, 1, 1]
