"""The bounds of the search, against every vector that begins alike; the lanes, against NumPy."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from deepnic.rop.kernels.bounds import (
    LOWEST,
    MOST_PAIRS,
    all_separate,
    least_cost,
    make_node,
    whole_lanes,
)
from deepnic.rop.kernels.lanes import LANES, add_scaled, count_reached

SEEDS = st.integers(0, 2**32 - 1)


@njit
def count(values, first, n, slack, row, stride, edges, edge, counts, at):
    return count_reached(values, first, n, slack, row, stride, edges, edge, counts, at)


@njit
def move(scores, source, target, Z, z, weight, n):
    add_scaled(scores, source, target, Z, z, weight, n)


@given(n=st.integers(0, 40), edge=st.integers(0, 5), seed=SEEDS)
def test_count_reached__is_numpys(n, edge, seed):
    random = np.random.default_rng(seed)
    values = random.integers(-4, 5, 50).astype(np.int32)
    slack = random.integers(-2, 3, (45, LANES)).astype(np.int32)
    edges = random.integers(-4, 5, LANES + 5).astype(np.int32)
    counts = np.full(3 * LANES, 7, np.int32)
    total = count(values, 3, n, slack, 2 * LANES, LANES, edges, edge, counts, LANES)
    reached = values[3 : 3 + n, None] + slack[2 : 2 + n] <= edges[edge : edge + LANES]
    assert counts[LANES : 2 * LANES].tolist() == reached.sum(axis=0).tolist()
    assert total == reached.sum()
    assert set(np.delete(counts, slice(LANES, 2 * LANES))) == {7}


def test_add_scaled__is_numpys():
    random = np.random.default_rng(0)
    Z = random.integers(-(2**15), 2**15, (2, 2 * LANES)).astype(np.int32)
    scores = random.integers(-(2**20), 2**20, (3, 2 * LANES)).astype(np.int32)
    expected = scores.copy()
    expected[2] = scores[0] - 4 * Z[1]
    move(scores, 0, 2 * 2 * LANES, Z, 2 * LANES, np.int32(-4), 2 * LANES)
    assert (scores == expected).all()


def laid_out(Z, H):
    """High, then low in whole lanes, as the search does."""
    V, n = Z.shape
    moved = np.zeros((V, whole_lanes(H + whole_lanes(n - H))), np.int32)
    moved[:, :n] = Z
    scores = np.zeros((V + 1, moved.shape[1]), np.int32)
    scores[:, n:] = LOWEST
    return moved, scores


def exact_cost(score, H):
    """Least cost over all cuts, one after the other; high ones left out cost L, low ones in H."""
    high, low = score[:H], score[H:]
    cuts = [*score, score.max() + 1]
    return min(int((high < c).sum() * len(low) + (low >= c).sum() * H) for c in cuts)


@settings(max_examples=60, deadline=None)
@given(
    H=st.integers(1, 40),
    L=st.integers(1, 40),
    shift=st.sampled_from([0, 2, 5]),
    prefix=st.integers(0, 4),
    seed=SEEDS,
)
def test_bound_by_pairs__holds_for_all_that_begins_alike(H, L, shift, prefix, seed):
    random = np.random.default_rng(seed)
    V = 4
    Z = random.integers(-6, 7, (V, H + L)).astype(np.int32)
    Z[0, :H] += np.int32(shift)
    n_weights = np.array([3, 1, 2, 3])
    weights = np.sort(random.integers(-3, 4, (V, 3)), axis=1)
    moved, scores = laid_out(Z, H)
    node = make_node(moved, H, L, weights, n_weights)
    begun = [int(weights[v, random.integers(n_weights[v])]) for v in range(prefix)]
    scores[prefix, : H + L] = np.array(begun, int) @ Z[:prefix] if begun else 0
    rest = [weights[v, : n_weights[v]].tolist() for v in range(prefix, V)]
    whole = [np.array([*begun, *more]) @ Z for more in itertools.product(*rest)]
    costs = [exact_cost(score, H) for score in whole]
    bound = least_cost(node, scores, prefix, H * L)
    assert bound <= min(costs)
    for affordable in (0, bound - 1):  # given up early, a bound still holds
        assert least_cost(node, scores, prefix, affordable) <= min(costs)
    if prefix == V:
        assert bound == costs[0]
    separate = all(score[:H].min() > score[H:].max() for score in whole)
    assert all_separate(node, scores, prefix) == separate


@pytest.mark.parametrize("seed", range(5))
def test_bound_by_buckets__holds_for_all_that_begins_alike(seed):
    random = np.random.default_rng(seed)
    H, L, V = 520, 510, 3
    assert H * L > MOST_PAIRS
    Z = np.rint(random.standard_normal((V, H + L)) * 65536).astype(np.int32)
    Z[:, :H] += 40_000
    weights, n_weights = np.tile([-1, 0, 1], (V, 1)), np.full(V, 3)
    moved, scores = laid_out(Z, H)
    node = make_node(moved, H, L, weights, n_weights)
    w = random.integers(-1, 2, 3)
    w[0] = 1
    scores[2, : H + L] = w[:2] @ Z[:2]
    scores[3, : H + L] = w @ Z
    costs = [exact_cost(np.array([*w[:2], last]) @ Z, H) for last in (-1, 0, 1)]
    assert least_cost(node, scores, 2, H * L) <= min(costs)
    exact = exact_cost(w @ Z, H)
    assert 0.95 * exact < least_cost(node, scores, 3, H * L) <= exact  # as wide as a bucket
    assert not all_separate(node, scores, 2)
