"""The compiled search of one node against the oracle that looks at every vector."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from deepnic.errors import InputError
from deepnic.rop import search_node
from deepnic.rop.kernels.bounds import FEW_PAIRS, MOST_PAIRS, PAIRS_PAY
from deepnic.rop.kernels.search import SMALL_BOX
from tests.rop import oracle

UNIT = 2.0**-16
RULES = st.sampled_from(["exact", "rop8"])
SEEDS = st.integers(0, 2**32 - 1)


def assert_same(Z, y, low, high, step, rules, rng=0):
    """Search values Z * 2**-16 and compare everything there is to compare."""
    expected = oracle.search(Z, y, oracle.box(low, high, step), rules)
    node = search_node(
        Z * UNIT, y, weight_min=low, weight_max=high, weight_step=step, rules=rules, rng=rng,
        return_ties=True,
    )  # fmt: skip
    assert node.n_ties == expected.n_ties
    assert sorted(node.ties.tolist()) == sorted(expected.ties.tolist())
    assert node.coef.tolist() in expected.candidates.tolist()
    assert (node.threshold / UNIT, node.tp, node.fp) == expected.at(node.coef)
    assert (node.tn, node.fn) == (expected.n_neg - node.fp, expected.n_pos - node.tp)
    assert node.solution == expected.solution()
    return expected


def classes(random, n):
    y = random.integers(0, 2, n)
    y[random.permutation(n)[:2]] = 0, 1
    return y


@st.composite
def boxes(draw):
    """Asymmetric boxes, with steps, that may leave zero out."""
    V = draw(st.integers(1, 4))
    axes = st.tuples(st.integers(-3, 1), st.integers(0, 4), st.integers(1, 3))
    low, span, step = np.array(draw(st.lists(axes, min_size=V, max_size=V))).T
    return low, low + span, step


@settings(max_examples=150, deadline=None)
@given(box=boxes(), n=st.integers(2, 40), levels=st.integers(1, 6), seed=SEEDS, rules=RULES)
def test_search__small_boxes_with_many_ties(box, n, levels, seed, rules):
    """Few levels, repeated observations and constant variables: ties everywhere."""
    random = np.random.default_rng(seed)
    Z = random.integers(-levels, levels + 1, (n, len(box[0])))
    Z = Z[random.integers(0, n, n)]
    Z[:, random.random(Z.shape[1]) < 0.15] = levels
    assert_same(Z, classes(random, n), *box, rules, rng=seed)


@settings(max_examples=60, deadline=None)
@given(box=boxes(), n=st.integers(2, 40), seed=SEEDS, rules=RULES)
def test_search__small_boxes_of_continuous_values(box, n, seed, rules):
    random = np.random.default_rng(seed)
    Z = oracle.fixed(random.standard_normal((n, len(box[0]))))
    assert_same(Z, classes(random, n), *box, rules, rng=seed)


@pytest.mark.parametrize(("V", "R"), [(5, 5), (6, 4), (7, 3), (2, 40)])
@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(10, 64),
    shift=st.sampled_from([0.0, 0.5, 1.5, 4.0]),
    levels=st.sampled_from([1, 3, 65536]),
    offset=st.integers(-1, 3),
    step=st.integers(1, 2),
    seed=SEEDS,
    rules=RULES,
)
def test_search__boxes_with_an_incumbent(V, R, n, shift, levels, offset, step, seed, rules):
    """Large boxes are pruned; classes from inseparable to far apart, coarse to continuous."""
    assert R**V > SMALL_BOX
    random = np.random.default_rng(seed)
    y = classes(random, n)
    X = random.standard_normal((n, V)) + shift * y[:, None] * random.choice([-1, 0, 1], V)
    Z = np.rint(X * levels).astype(np.int64)
    low = offset * random.integers(0, 2, V) - R // 2
    high = low + step * (R - 1)
    assert_same(Z, y, low, high, np.full(V, step), rules, rng=seed)


@settings(max_examples=20, deadline=None)
@given(n_pos=st.integers(1, 3), n_neg=st.integers(1, 3), seed=SEEDS, rules=RULES)
def test_search__few_observations_in_a_large_box(n_pos, n_neg, seed, rules):
    """Thousands of vectors separate the classes: all are counted, and rop8's lone top is not."""
    random = np.random.default_rng(seed)
    Z = random.integers(-40, 40, (n_pos + n_neg, 5))
    y = np.repeat([1, 0], [n_pos, n_neg])
    assert_same(Z, y, np.full(5, -2), np.full(5, 2), np.ones(5, int), rules, rng=seed)


@pytest.mark.parametrize("weights", [(-3, 3, 2), (1, 9, 4), (-2, 0, 1)])
def test_search__many_separate_and_none_weighs_least(weights):
    """Whole blocks of vectors tie; without 0, or with two smallest |w|, the draw is still fair."""
    random = np.random.default_rng(4)
    low, high, step = weights
    Z = random.integers(-40, 40, (4, 5))
    Z[:2] += 60 * np.sign(low + high or 1)
    for seed in range(5):
        box = (np.full(5, k) for k in (low, high, step))
        assert_same(Z, np.array([1, 1, 0, 0]), *box, "exact", rng=seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("apart", [0.7, 8.0])
@pytest.mark.parametrize(
    ("n", "V", "R"), [(1030, 2, 12), (200, 7, 3), (200, 3, 13)]
)  # by buckets; by pairs as long as two variables remain
def test_search__many_pairs(n, V, R, apart, seed):
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    pairs = y.sum() * (1 - y).sum()
    assert pairs > (MOST_PAIRS if V == 2 else FEW_PAIRS)
    assert (R**V < PAIRS_PAY) == (V == 2)
    X = random.standard_normal((n, V)) + apart * y[:, None] * (np.arange(V) < 2)
    low, high = np.full(V, -(R // 2)), np.full(V, R - 1 - R // 2)
    assert_same(np.rint(X * 65536).astype(int), y, low, high, np.ones(V, int), "exact", rng=seed)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(3, 20), seed=SEEDS, rules=RULES)
def test_search__does_not_depend_on_the_order_or_the_origin(n, seed, rules):
    random = np.random.default_rng(seed)
    X, y = random.integers(-2, 3, (n, 3)).astype(float), classes(random, n)
    box = {"weight_min": -2, "weight_max": 2, "rules": rules, "rng": seed}
    node = search_node(X, y, **box)
    order, origin = random.permutation(n), random.integers(-50, 50, 3)
    again = search_node((X + origin)[order], y[order], **box)
    assert again.coef.tolist() == node.coef.tolist()
    assert again.threshold == node.threshold + node.coef @ origin
    assert (again.tp, again.fp, again.n_ties) == (node.tp, node.fp, node.n_ties)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 12), seed=SEEDS)
def test_search__a_doubled_vector_ties(n, seed):
    """With -2..2, vectors of -1/0/1 tie with their doubles; the smaller is retained."""
    random = np.random.default_rng(seed)
    X, y = random.integers(-3, 4, (n, 3)), classes(random, n)
    node = search_node(X, y, weight_min=-2, weight_max=2, return_ties=True)
    ties = set(map(tuple, node.ties.tolist()))
    small = {t for t in ties if max(map(abs, t)) <= 1}
    assert {tuple(2 * w for w in t) for t in small} <= ties
    assert min(map(abs, node.coef)) <= 1


def test_search__threshold_is_the_highest_of_equal_cuts():
    # Cuts at 4 (tp 1, fp 0) and at 2 (tp 2, fp 1) have equal values, P = N = 2.
    node = search_node([[4], [3], [2], [1]], [1, 0, 1, 0], weight_min=1, weight_max=1)
    assert (node.threshold, node.tp, node.fp) == (4, 1, 0)


def test_search__nothing_beats_chance_puts_everybody_at_risk():
    node = search_node(np.zeros((4, 2)), [1, 0, 1, 0], weight_min=-1, weight_max=1)
    assert (node.tp, node.fp, node.n_ties, node.coef.tolist()) == (2, 2, 9, [0, 0])


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_search__same_rng_same_draw(seed):
    X = np.repeat([[0.0], [1.0]], 3, axis=0) * np.ones(6)
    box = {"weight_min": -1, "weight_max": 1}
    first, again = (search_node(X, [0, 0, 0, 1, 1, 1], rng=seed, **box) for _ in range(2))
    assert first.coef.tolist() == again.coef.tolist()


def test_search__a_generator_moves_on_and_can_be_repeated():
    X, y = np.repeat([[0.0], [1.0]], 3, axis=0) * np.ones(6), [0, 0, 0, 1, 1, 1]

    def draws(rng):
        return [search_node(X, y, weight_min=0, weight_max=1, rng=rng).coef for _ in range(20)]

    first, again = (np.array(draws(np.random.default_rng(3))) for _ in range(2))
    assert (first == again).all()
    assert len(np.unique(first, axis=0)) > 1


@pytest.mark.parametrize("V", [3, 11])  # below and above the box that needs an incumbent
def test_search__draws_uniformly_among_equal_vectors(V):
    X = np.repeat([[0.0], [1.0]], 2, axis=0) * np.ones(V)
    chosen = [
        search_node(X, [0, 0, 1, 1], weight_min=0, weight_max=1, rng=seed).coef
        for seed in range(550)
    ]
    assert (np.sum(chosen, axis=1) == 1).all()  # one weight of 1: the smallest sum
    assert chisquare(np.sum(chosen, axis=0)).pvalue > 0.001


def test_search__overflow_begins_after_max_solutions():
    X, y, box = np.zeros((2, 2)), [0, 1], {"weight_min": -1, "weight_max": 1}
    assert search_node(X, y, max_solutions=9, **box).solution == "finite"
    assert search_node(X, y, max_solutions=8, **box).solution == "overflow"
    assert search_node(X, y, max_solutions=8, return_ties=True, **box).ties.shape == (9, 2)


def test_search__ties_only_on_request():
    assert search_node([[0.0], [1.0]], [0, 1], weight_min=0, weight_max=1).ties is None


GOOD = {"X": [[0.0, 1.0], [1.0, 0.0]], "y": [0, 1], "weight_min": -1, "weight_max": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 1]}, "one class only"),
        ({"y": [0, 0]}, "one class only"),
        ({"y": [0, 2]}, "one 0 or 1"),
        ({"y": [0, 1, 1]}, "one 0 or 1"),
        ({"X": [[0.0, np.nan], [1.0, 0.0]]}, "NaN or infinite"),
        ({"X": [[0.0, np.inf], [1.0, 0.0]]}, "NaN or infinite"),
        ({"X": [0.0, 1.0]}, "must be"),
        ({"X": np.empty((2, 0))}, "must be"),
        ({"X": np.empty((0, 2)), "y": []}, "must be"),
        ({"weight_min": 2}, "box of weights is empty"),
        ({"weight_step": 0}, "box of weights is empty"),
        ({"weight_min": [-1, -1, -1]}, "one or 2 each"),
        ({"rules": "rop9"}, "unknown rules 'rop9'"),
        ({"X": [[0.0, 40_000.0], [1.0, 0.0]]}, "overflow"),
        ({"X": [[0.0, 1e300], [1.0, 0.0]]}, "overflow"),
        ({"X": [[0.0, 40_000.0], [1.0, 40_000.0]]}, "overflow"),
    ],
)
def test_search_node__errors(change, message):
    with pytest.raises(InputError, match=message):
        search_node(**GOOD | change)
