"""The 37 signatures: their laws, and made-up trees judged by the wording of the criteria."""

from itertools import product

import numpy as np
import pytest

from deepnic.rop.kernels.tree import signature
from deepnic.rop.signatures import N_EVENTS, N_SIGNATURES, event_table
from tests.rop import oracle

TIES = {"unique": 1, "finite": 5, "overflow": 21}


def made_up_trees():
    """Weights and solutions of up to three nodes, in every possible number of cycles."""
    for m in (1, 2, 3):
        for weights in product((-2, 0, 1), repeat=m):
            for solutions in product(TIES, repeat=m):
                # two steps a cycle at most
                for n_cycles in range((m + 1) // 2, m + 1):
                    for perfect in (True, False):
                        yield weights, solutions, n_cycles, perfect


def kernel_signature(weights, solutions, n_cycles, perfect):
    record = np.zeros((6, 8), np.int64)
    m = len(weights)
    record[:m, 0] = np.minimum(np.arange(m) + 1, n_cycles)
    record[:m, 7] = [TIES[name] for name in solutions]
    return signature(np.array(weights), record, m, perfect, 20)


def test_signature__has_the_criteria_of_made_up_trees():
    table, met = event_table(), set()
    for tree in made_up_trees():
        code = kernel_signature(*tree)
        held = oracle.criteria(*tree)
        assert {k: bool(table[code, k - 1]) for k in held} == held, tree
        met.add(code)
    # a single node's only weight cannot have both signs: 1 + 9 * 3 + 2 * 3 + (0, 1, 2)
    assert set(range(N_SIGNATURES)) - met == {34, 35, 36}


def test_event_table__is_what_the_classes_say():
    table = event_table()
    assert table.shape == (N_SIGNATURES, N_EVENTS) == (37, 10)
    for code in range(N_SIGNATURES):
        assert set(np.flatnonzero(table[code]) + 1) == oracle.events_of_signature(code)
    assert len(np.unique(table, axis=0)) == N_SIGNATURES


@pytest.mark.parametrize(
    ("antecedent", "consequent"), [(3, 2), (4, 2), (6, 2), (5, 2), (8, 7), (3, 5), (4, 5)]
    + [(k, 1) for k in range(2, 11)],
)  # fmt: skip
def test_event_table__implications(antecedent, consequent):
    table = event_table()
    assert table[table[:, antecedent - 1], consequent - 1].all()


@pytest.mark.parametrize("pair", [(9, 10), (3, 4), (5, 6), (3, 6), (4, 6)])
def test_event_table__exclusions(pair):
    assert not event_table()[:, np.array(pair) - 1].all(axis=1).any()


def test_event_table__5_is_3_or_4_and_2_is_5_or_6():
    _, two, three, four, five, six, *_ = event_table().T
    assert (five == (three | four)).all()
    assert (two == (five | six)).all()
