"""The search of small nodes, against the oracle and the search of all nodes."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepnic.rop.kernels import box, prefixes, small
from deepnic.rop.kernels.search import search
from tests.rop import oracle

WEIGHTS = [(-1, 0, 1), (-2, -1, 0, 1), (-2, -1, 0, 1, 2), (1, 2, 3), (-4, -3, -2, -1), (0, 1, 2)]


class Searcher:
    """Both searches of nodes of V variables; the scratch of one serves them all."""

    def __init__(self, weights, V):
        self.weights = np.array(weights)
        self.box = box.make_box(self.weights, V)
        self.scratch = prefixes.make_scratch(self.box, V, small.MOST_OBSERVED)
        self.V = V

    def in_blocks(self, Z, P, key):
        coef = np.empty(self.V, np.int64)
        found = small.search_small(Z, P, key, self.box, self.scratch, coef)
        return *map(int, found), *coef.tolist()

    def one_by_one(self, Z, P, key):
        coef, none = np.empty(self.V, np.int64), np.empty((0, self.V), np.int64)
        all_weights = np.tile(self.weights, (self.V, 1)), np.full(self.V, len(self.weights))
        return *map(int, search(Z, P, *all_weights, False, key, none, coef)), *coef.tolist()


def a_node(random, V, n):
    """Z (V, n) and P: apart or not, continuous or with ties, repeated, constant."""
    P = int(random.integers(1, n))
    X = random.standard_normal((V, n))
    X[:, :P] += random.choice([0, 0.5, 1, 2])
    if random.random() < 0.4:
        X = np.round(X * random.choice([0.5, 1, 2]))
    if random.random() < 0.2:
        X = X[:, random.integers(0, n, n)]
    X[random.random(V) < 0.1] = 1
    Z = np.rint(X * 65536) + random.integers(-(2**18), 2**18, (V, 1))
    return np.ascontiguousarray(Z, np.int32), P


def assert_right(searcher, Z, P, key):
    n = Z.shape[1]
    axes = np.meshgrid(*[searcher.weights] * searcher.V, indexing="ij")
    vectors = np.stack(axes, axis=-1).reshape(-1, searcher.V)
    expected = oracle.search(Z.T, (np.arange(n) < P).astype(int), vectors)
    threshold, tp, fp, n_ties, *coef = searcher.in_blocks(Z, P, key)
    assert n_ties == expected.n_ties
    assert coef in expected.candidates.tolist()
    assert (threshold, tp, fp) == expected.at(coef)
    assert (threshold, tp, fp, n_ties, *coef) == searcher.one_by_one(Z, P, key)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("V", [1, 2, 3, 4, 5])
def test_search_small__is_the_oracles(weights, V):
    random = np.random.default_rng([V, *np.array(weights) + 9])
    searcher = Searcher(weights, V)
    for n in random.integers(2, small.MOST_OBSERVED + 1, 10 if V < 5 else 3):
        assert_right(searcher, *a_node(random, V, n), np.uint64(random.integers(2**63)))


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("scale", [1, 3, 65536])  # hopes fit as they are, or are rounded
@pytest.mark.parametrize("weights", WEIGHTS)
def test_expand__bounds_all_that_begins_alike(weights, scale, exchanged):
    random = np.random.default_rng([scale, exchanged, *np.array(weights) + 9])
    V, R = 4, len(weights)
    searcher = Searcher(weights, V)
    for n in random.integers(2, 40, 6):
        P = int(random.integers(1, n))
        Z = np.rint(random.standard_normal((V, n)) * scale).astype(np.int32)
        H = n - P if exchanged else P
        node = prefixes.SmallNode(H, n - H, True, *searcher.scratch[3:])
        prefixes.fill(node, searcher.box, Z, exchanged)
        given = int(random.integers(V))
        begun = random.integers(R, size=given)
        for u, k in enumerate(begun):
            prefixes.give(node, R, u, u, u + 1, k, 1)
        prefixes.expand(node, R, given, given, given, P * (n - P))
        least = np.full(R, n**2)
        for digits in itertools.product(*[[k] for k in begun], *[range(R)] * (V - given)):
            scores = searcher.weights[list(digits)] @ Z[node.order]
            k = digits[given]
            least[k] = min(least[k], cost_of(scores, P))
        bounds = np.minimum(node.costs[given], P * (n - P))
        assert (bounds <= least).all()
        if given == V - 1 and scale < 65536:
            assert (bounds == least).all()
        prefixes.expand(node, R, given, given, given, 0)
        assert (node.costs[given] <= (least > 0)).all()


def cost_of(scores, P):
    """Least over all cuts; each positive left out costs one negative let in, and so on."""
    n = scores.size
    cuts = [(scores[:P] < c).sum() * (n - P) + (scores[P:] >= c).sum() * P for c in scores]
    return int(min(cuts))


@pytest.mark.parametrize("weights", WEIGHTS[:3])
@pytest.mark.parametrize("V", [6, 7, 8])
def test_search_small__is_the_search_of_all_nodes(weights, V):
    random = np.random.default_rng([V, len(weights)])
    searcher = Searcher(weights, V)
    for n in random.integers(2, small.MOST_OBSERVED + 1, 12):
        node = *a_node(random, V, n), np.uint64(random.integers(2**63))
        assert searcher.in_blocks(*node) == searcher.one_by_one(*node)


def test_search_small__values_at_the_edge_of_int32():
    """A span of 2**31 - 1 over all weights, wherever it lies: nothing wraps."""
    random = np.random.default_rng(0)
    for weights, V, n in (
        ((-2, -1, 0, 1, 2), 4, 12),
        ((-2, -1, 0, 1, 2), 4, 30),
        ((-1, 0, 1), 1, 30),
    ):
        searcher = Searcher(weights, V)
        span = (2**31 - 1) // (V * max(weights))
        for base in (-(2**31), 0, 2**31 - 1 - span):
            Z = base + random.integers(0, 2, (V, n)) * span
            assert_right(searcher, Z.astype(np.int32), n // 2 - 1, np.uint64(1))


@pytest.mark.parametrize(
    ("weights", "counts", "fits"),
    [
        ([[-1, 0, 1]] * 3, [3, 3, 3], True),
        ([[-1, 0, 1], [-1, 0, 2]], [3, 3], False),
        ([[-1, 0, 1], [-1, 0, 1]], [3, 2], False),
        ([[-2, 0, 2]], [3], False),
        ([[0, 1]], [2], False),
        ([[-2, -1, 0, 1, 2, 3]], [6], False),
        ([[-5, 0, 1]], [3], False),
    ],
)
def test_in_blocks__the_same_few_small_weights_in_a_row(weights, counts, fits):
    assert box.in_blocks(np.array(weights), np.array(counts)) == fits


GENERIC = """
import numpy as np
from tests.rop.test_small import Searcher, a_node
random = np.random.default_rng(3)
for V, weights in ((3, (-1, 0, 1)), (5, (-2, -1, 0, 1)), (6, (-2, -1, 0, 1, 2))):
    searcher = Searcher(weights, V)
    for n in (2, 7, 18, 32, 32):
        print(searcher.in_blocks(*a_node(random, V, n), np.uint64(n)))
"""


@pytest.mark.slow
def test_search_small__same_bits_on_any_processor(tmp_path):
    """On this one, and on one with no more than its family always has."""
    results = []
    for kind in ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}):
        done = subprocess.run(
            [sys.executable, "-c", GENERIC], cwd=Path(__file__).parents[2],
            env=os.environ | kind | ({"NUMBA_CACHE_DIR": str(tmp_path)} if kind else {}),
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        results.append(done.stdout)
    assert results[0] == results[1] != ""
