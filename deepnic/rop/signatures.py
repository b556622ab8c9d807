"""What a tree says of one of its genes: ten criteria, and the 37 signatures they come in.

A tree that is not perfect has signature 0. A perfect one has ``1 + 9 sign + 3 cycle + solution``:

======== =============================================================================
class    values
======== =============================================================================
sign     0 some weight of the gene is zero, 1 all positive, 2 all negative, 3 mixed
cycle    0 several cycles, 1 one cycle of several nodes, 2 one node
solution 0 other, 1 every node has a finite set of optima, 2 every node a unique one
======== =============================================================================
"""

import numpy as np
from numpy.typing import NDArray

ZERO, POSITIVE, NEGATIVE, MIXED = SIGNS = range(4)
SEVERAL_CYCLES, ONE_CYCLE, ONE_NODE = CYCLES = range(3)
OTHER, FINITE, UNIQUE = SOLUTIONS = range(3)

SHAPE = len(SIGNS), len(CYCLES), len(SOLUTIONS)
N_SIGNATURES = 1 + len(SIGNS) * len(CYCLES) * len(SOLUTIONS)

CRITERIA = (
    ("perfect", "tell the classes apart without a mistake"),
    ("no zero", "weigh the gene in every node"),
    ("all positive", "weigh it positively in every node"),
    ("all negative", "weigh it negatively in every node"),
    ("one sign", "weigh it with one and the same sign in every node"),
    ("both signs", "weigh it in every node, with both signs"),
    ("one cycle", "end in one cycle"),
    ("one node", "are a single node"),
    ("finite", "have several best solutions, but not too many to list, in every node"),
    ("unique", "have one best solution in every node"),
)
"""The ten criteria: a name, and what the trees do that meet it, all but the first if perfect."""

N_EVENTS = len(CRITERIA)


def event_table() -> NDArray[np.bool_]:
    """Which of the ten criteria each signature satisfies, bool (37, 10).

    Criterion k is in column k - 1: Nguyen et al. 2021 and the published counting script.
    """
    table = np.zeros((N_SIGNATURES, N_EVENTS), bool)
    sign, cycle, solution = np.unravel_index(np.arange(N_SIGNATURES - 1), SHAPE)
    perfect = table[1:]  # a view
    perfect[:, 0] = True
    perfect[:, 1] = sign != ZERO
    perfect[:, 2] = sign == POSITIVE
    perfect[:, 3] = sign == NEGATIVE
    perfect[:, 4] = (sign == POSITIVE) | (sign == NEGATIVE)
    perfect[:, 5] = sign == MIXED
    perfect[:, 6] = cycle != SEVERAL_CYCLES
    perfect[:, 7] = cycle == ONE_NODE
    perfect[:, 8] = solution == FINITE
    perfect[:, 9] = solution == UNIQUE
    return table
