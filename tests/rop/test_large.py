"""The search of large nodes, against the oracle and the search of all nodes."""

import itertools

import numpy as np
import pytest
from numba import njit

from deepnic.rop import kernels
from tests.rop.test_small import WEIGHTS, Searcher, assert_right, cost_of

kernels.of_many()  # which keeps what is compiled of these apart
cuts, groups, large = (getattr(kernels, name) for name in ("cuts", "groups", "large"))
AT_ONCE, bound_cuts, OBSERVED_A_PASS = cuts.AT_ONCE, cuts.bound_cuts, groups.OBSERVED_A_PASS


class LargeSearcher(Searcher):
    """The search of large nodes in the place of that of small ones."""

    def __init__(self, weights, V, n):
        super().__init__(weights, V)
        self.large = groups.make_large(self.box, V, n)

    def in_blocks(self, Z, P, key):
        coef = np.empty(self.V, np.int64)
        found = large.search_large(Z, P, key, self.box, self.large, coef)
        return *map(int, found), *coef.tolist()


def a_node(random, V, n):
    """Z (V, n) and P: noise or apart, with ties, an outlier, constant or correlated variables."""
    P = int(np.clip(random.choice([0.1, 0.5, 0.9]) * n, 1, n - 1))
    X = random.standard_normal((V, n))
    X[:, :P] += random.choice([0, 0.3, 1, 3]) * random.choice([0, 1], (V, 1), p=[0.3, 0.7])
    if random.random() < 0.4:
        X = np.round(X * random.choice([0.3, 1, 2]))
    if random.random() < 0.2:
        X = X[:, random.integers(0, n, n)]
    if random.random() < 0.2:
        X[random.integers(V), random.integers(n)] *= 300
    if random.random() < 0.2:
        X += 3 * X[0]
    X[random.random(V) < 0.1] = 1
    return np.ascontiguousarray(np.rint(X * 65536), np.int32), P


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("V", [1, 2, 3, 4])
def test_search_large__is_the_oracles(weights, V):
    """Nodes of any size will do: those of few observations tie and separate."""
    random = np.random.default_rng([V, *np.array(weights) + 9])
    searcher = LargeSearcher(weights, V, OBSERVED_A_PASS + 60)
    for n in [2, 3, *random.integers(4, 60, 6), OBSERVED_A_PASS + 60 if V < 3 else 260]:
        assert_right(searcher, *a_node(random, V, n), np.uint64(random.integers(2**63)))


@pytest.mark.parametrize(
    ("weights", "V"),
    [*((weights, 5) for weights in WEIGHTS[:5]), (WEIGHTS[0], 8), (WEIGHTS[1], 6)],
)
def test_search_large__is_the_search_of_all_nodes(weights, V):
    random = np.random.default_rng([V, *np.array(weights) + 9])
    searcher = LargeSearcher(weights, V, 1000)
    for n in [9, 40, *random.integers(251, 1000, 4)]:
        node = *a_node(random, V, n), np.uint64(random.integers(2**63))
        assert searcher.in_blocks(*node) == searcher.one_by_one(*node)


@pytest.mark.parametrize("weights", [(-1, 0, 1), (-2, -1, 0, 1), (-2, -1, 0, 1, 2)])
def test_search_large__many_separate(weights):
    """Each vector is counted once, and its reverse; the rule finds the same one."""
    random = np.random.default_rng(len(weights))
    searcher = LargeSearcher(weights, 5, 300)
    for sign in (-1, 1):
        X = random.standard_normal((5, 300))
        X[:, :120] += 7 * sign
        node = np.rint(X * 65536).astype(np.int32), 120, np.uint64(random.integers(2**63))
        found = searcher.in_blocks(*node)
        assert found == searcher.one_by_one(*node)
        assert found[3] > 10


def test_search_large__values_at_the_edge_of_int32():
    random = np.random.default_rng(0)
    for weights, V, n in (((-2, -1, 0, 1, 2), 4, 300), ((-1, 0, 1), 1, 30)):
        searcher = LargeSearcher(weights, V, n)
        span = (2**31 - 1) // (V * max(weights))
        for base in (-(2**31), 0, 2**31 - 1 - span):
            Z = base + random.integers(0, 2, (V, n)) * span
            assert_right(searcher, Z.astype(np.int32), n // 2 - 1, np.uint64(1))


@njit
def bound(scores, H, L, table, thresholds, worth, costs):
    bound_cuts(scores, 3, H, L, table, 32, thresholds, len(thresholds), worth, costs)


@pytest.mark.parametrize("T", [AT_ONCE, 2 * AT_ONCE])
def test_bound_cuts__holds_and_is_reached_wherever_the_thresholds_are(T):
    random = np.random.default_rng(T)
    for H, L in itertools.product((1, 7, 30), repeat=2):
        scores = random.integers(-9, 10, H + L + 3).astype(np.int32)
        table = random.integers(-9, 10, (H + L + 1, 32)).astype(np.int32)
        thresholds = np.sort(random.integers(-25, 26, (T, 32)), axis=0).astype(np.int32)
        worth, costs = np.zeros((2, T + 1, 32), np.int32), np.zeros((4, 32), np.int32)
        bound(scores, H, L, table, thresholds, worth, costs)
        sums = scores[3:, None] + table[1:]
        for lane in range(32):
            for way, sign in enumerate((1, -1)):
                least = cost_of(sign * sums[:, lane], H)
                assert costs[way, lane] <= least <= costs[2 + way, lane]
        fine = np.sort(np.resize(sums, (T, 32)), axis=0) if H + L <= T else None
        if fine is not None:  # every cut is at a threshold
            bound(scores, H, L, table, fine, worth, costs)
            expected = [min(cost_of(column, H), H * L) for column in sums.T]
            assert costs[2].tolist() == expected


@pytest.mark.parametrize("shift", [0, 0.5, 1.5, 3])
def test_overlap__is_of_means_in_units_of_a_standard_deviation(shift):
    random = np.random.default_rng(4)
    for n in random.integers(20, 200, 20):
        P = int(random.integers(2, n - 2))
        X = random.standard_normal((3, n))
        X[1, :P] += shift * random.choice([-1, 1])
        apart = np.abs(X[:, :P].mean(axis=1) - X[:, P:].mean(axis=1))
        found = kernels.of_many().overlap(np.rint(X * 65536).astype(np.int32), P)
        assert found == (apart.max() < 1)


@pytest.mark.parametrize("shift", [0, 2])
def test_grow_trees__of_many_are_those_of_few(shift):
    """Nodes of 131 to 250 observations are searched by either kernel, to the same bits."""
    random = np.random.default_rng(5)
    n, T, V = 240, 12, 3
    y = (np.arange(n) % 2).astype(np.int8)
    expression = random.normal(size=(9, n)) + shift * y
    members = np.array([random.permutation(9)[:V] for _ in range(T)], np.int32)
    in_bag = random.random((T, n)) < random.choice([0.6, 0.9], (T, 1))
    keys = random.integers(2**63, size=T).astype(np.uint64)
    weights = np.tile(np.arange(-1, 2), (V, 1))
    grown = []
    for kernel in (kernels.tree, kernels.of_many()):
        filled = np.zeros((2, T, V)), np.zeros((T, 6, V), np.int64), np.zeros((T, 6, 8), np.int64)
        signatures = np.zeros((T, V), np.uint8)
        (mean, sd), coef, record = filled
        given = expression.astype(np.float32), y, members, in_bag, keys, weights, 10
        kernel.grow_trees(*given, mean, sd, coef, record, signatures)
        grown.append((mean, sd, coef, record, signatures))
    assert (grown[0][3][:, 0, 0] == 1).all()  # each has a root
    for few, many in zip(*grown, strict=True):
        np.testing.assert_array_equal(few, many)
