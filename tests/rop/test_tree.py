"""The compiled tree against the oracle's, its predictions against a walk by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.errors import InputError
from deepnic.rop import grow_tree, search_node
from tests.rop import oracle

SEEDS = st.integers(0, 2**32 - 1)
UNSEEN = 2.0**20
"""Standard deviations beyond which nobody looks for a gene."""


@st.composite
def problems(draw):
    """Values, classes and the keywords of a small tree."""
    n, V = draw(st.integers(4, 30)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(SEEDS))
    y = random.integers(0, 2, n)
    y[random.permutation(n)[:2]] = 0, 1
    X = random.standard_normal((n, V)) * 10.0 ** random.integers(-3, 4, V)
    levels = draw(st.sampled_from([0, 1, 3]))
    if levels:  # coarse: ties, and constant variables now and then
        X = random.integers(0, levels + 1, (n, V)).astype(float)
    reach = draw(st.integers(1, 2))
    quantitative = random.random(V) < 0.7 if levels else np.ones(V, bool)
    return X, y, {
        "weight_min": -reach,
        "weight_max": draw(st.integers(1, 2)),
        "max_cycles": draw(st.integers(1, 4)),
        "max_steps": draw(st.integers(1, 3)),
        "quantitative": quantitative,
        "rules": draw(st.sampled_from(["exact", "rop8"])),
    }  # fmt: skip


def grown_by_both(problem, rng=0):
    """A tree, and the oracle's that adopts its draws, on the oracle's own fixed point."""
    X, y, options = problem
    tree = grow_tree(X, y, **options, rng=rng)
    V = X.shape[1]
    low, high = options["weight_min"], options["weight_max"]
    expected = oracle.grow(
        oracle.fixed(X, quantitative=options["quantitative"]),
        y,
        oracle.box([low] * V, [high] * V, [1] * V),
        rules=options["rules"],
        max_cycles=options["max_cycles"],
        max_steps=options["max_steps"],
        follow=[node.coef for node in tree.nodes],
    )
    return tree, expected


@settings(max_examples=120, deadline=None)
@given(problem=problems(), rng=SEEDS)
def test_grow_tree__is_the_oracles(problem, rng):
    tree, expected = grown_by_both(problem, rng)
    assert len(tree.nodes) == len(expected.steps)
    for node, step in zip(tree.nodes, expected.steps, strict=True):
        for name in ("cycle", "step", "tp", "fp", "tn", "fn", "n_ties"):
            assert getattr(node, name) == getattr(step, name)
        assert node.threshold * 2**16 == step.threshold
        assert node.solution == step.solution
        assert node.coef.tolist() in step.smallest.tolist()
    for total in ("tp", "fp", "tn", "fn", "perfect"):
        assert getattr(tree, total) == getattr(expected, total)
    assert tree.cycles == expected.n_cycles


@settings(max_examples=60, deadline=None)
@given(problem=problems(), seed=SEEDS)
def test_predict__is_the_oracles_walk(problem, seed):
    """On the observations grown on, on unseen ones like them, and on wild ones."""
    X, _, options = problem
    tree, expected = grown_by_both(problem)
    random = np.random.default_rng(seed)
    alike = X[random.integers(0, len(X), 10)] + random.normal(0, 0.5, (10, X.shape[1]))
    wild = random.standard_normal((10, X.shape[1])) * UNSEEN * X.std(axis=0)
    everybody = np.concatenate([X, alike, wild])
    grown = np.arange(len(everybody)) < len(X)
    Z = oracle.fixed(everybody, grown, options["quantitative"])
    assert tree.predict(everybody).tolist() == expected.predict(Z).tolist()


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_predict__knows_the_labels_a_perfect_tree_was_grown_on(problem):
    X, y, options = problem
    tree = grow_tree(X, y, **options)
    assert (tree.predict(X) == y).all() == tree.perfect


def test_grow_tree__same_rng_same_tree():
    random = np.random.default_rng(4)
    X, y = random.integers(0, 3, (20, 4)), random.integers(0, 2, 20)
    box = {"weight_min": -2, "weight_max": 2}
    coefs = [np.array([n.coef for n in grow_tree(X, y, rng=9, **box).nodes]) for _ in range(2)]
    assert coefs[0].tolist() == coefs[1].tolist()


def test_grow_tree__draws_afresh_at_every_node():
    # Two equal variables: each node of this tree chooses between them on its own.
    x = np.arange(10.0)[::-1]
    y = np.resize([1, 0], 10)
    box = {"weight_min": 0, "weight_max": 1}
    trees = [grow_tree(np.column_stack([x, x]), y, rng=seed, **box) for seed in range(40)]
    chosen = [{tuple(n.coef.tolist()) for n in tree.nodes} - {(0, 0)} for tree in trees]
    assert {len(choices) for choices in chosen} == {1, 2}


def test_grow_tree__a_constant_variable_scores_nothing():
    y = np.array([0, 0, 1, 1])
    X = np.column_stack([np.full(4, 7.3), [1.0, 2.0, 3.0, 4.0]])
    tree = grow_tree(X, y, weight_min=-1, weight_max=1)
    assert (tree.perfect, tree.nodes[0].n_ties, tree.nodes[0].coef.tolist()) == (True, 3, [0, 1])
    tree = grow_tree(X, y, weight_min=1, weight_max=1)
    assert tree.predict([[1e9, 1.0], [-1e9, 4.0]]).tolist() == [0, 1]


@pytest.mark.parametrize("huge", [1e9, 1e30, 1e300])
def test_predict__huge_unseen_values_do_not_overflow(huge):
    tree = grow_tree([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1], weight_min=-4, weight_max=4)
    assert tree.predict([[huge], [-huge]]).tolist() == [1, 0]
    V = 10
    X = np.repeat([[1.0], [2.0], [3.0], [4.0]], V, axis=1)
    tree = grow_tree(X, [1, 1, 0, 0], weight_min=-4, weight_max=-4)
    assert tree.predict([[huge] * V, [-huge] * V]).tolist() == [0, 1]


def extremes(n, V):
    """Two observations at the extremes, one of each class: nothing spans more after scaling."""
    X = np.zeros((n, V))
    X[0], X[1] = 1, -1
    y = np.zeros(n, int)
    y[0] = 1
    return X, y


def test_grow_tree__the_widest_scores_fit_int32():
    """V = 10, |w| = 4, and as many observations as the fixed point's docstring promises."""
    X, y = extremes(335_000, 10)
    weights = np.tile([4, -4], 5)
    tree = grow_tree(X * np.sign(weights), y, weight_min=weights, weight_max=weights)
    (node,) = tree.nodes
    assert (node.tp, node.fp, node.tn, node.fn) == (1, 0, len(y) - 1, 0)
    sd = np.sqrt(2 / (len(y) - 1))
    assert node.threshold == pytest.approx(40 / sd)
    assert 2 * node.threshold * 2**16 < 2**31


def test_grow_tree__one_observation_at_the_extreme():
    """The largest standardised value there is, (n - 1) / sqrt(n)."""
    n = 100_000
    X = np.zeros((n, 10))
    X[0] = 1
    y = (np.arange(n) == 0).astype(int)
    (node,) = grow_tree(X, y, weight_min=4, weight_max=4).nodes
    assert (node.tp, node.fp) == (1, 0)
    assert node.threshold == pytest.approx(40 * (n - 1) / np.sqrt(n))


def test_grow_tree__refuses_scores_beyond_int32():
    X, y = extremes(336_000, 10)
    with pytest.raises(InputError, match="overflow the fixed point"):
        grow_tree(X, y, weight_min=4, weight_max=4)


GOOD = {"X": [[0.0, 1.0], [1.0, 0.0]], "y": [0, 1], "weight_min": -1, "weight_max": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 1]}, "one class only"),
        ({"y": [1]}, "one 0 or 1"),
        ({"X": [[0.0, np.nan], [1.0, 0.0]]}, "NaN or infinite"),
        ({"X": [0.0, 1.0]}, "must be"),
        ({"weight_min": 2}, "box of weights is empty"),
        ({"rules": "rop9"}, "unknown rules 'rop9'"),
        ({"max_cycles": 0}, "at least 1"),
        ({"max_steps": 0}, "at least 1"),
        ({"X": [[0.0, 40_000.0], [1.0, 0.0]], "quantitative": False}, "overflow"),
    ],
)
def test_grow_tree__errors(change, message):
    with pytest.raises(InputError, match=message):
        grow_tree(**GOOD | change)


@pytest.mark.parametrize("X", [[[1.0]], [1.0, 2.0], [[1.0, np.nan]], np.empty((0, 2))])
def test_predict__errors(X):
    with pytest.raises(InputError):
        grow_tree(**GOOD).predict(X)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-151, 1e150, 1e200, 1e300])
def test_grow_tree__refuses_a_spread_that_float64_cannot_square(scale):
    X = np.random.default_rng(0).normal(size=(20, 3))
    X[:, 1] *= scale
    with pytest.raises(InputError, match=r"variable 1 of X runs from .* multiply it by a number"):
        grow_tree(X, np.arange(20) % 2, weight_min=-1, weight_max=1)


@pytest.mark.parametrize("scale", [1e-140, 1e-9, 1e9, 1e140])
def test_grow_tree__does_not_mind_the_scale(scale):
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    expected, tree = (
        grow_tree(X * of, y, weight_min=-1, weight_max=1) for of in (1.0, [1.0, scale, 1.0])
    )
    assert [n.coef.tolist() for n in tree.nodes] == [n.coef.tolist() for n in expected.nodes]
    assert np.array_equal(tree.predict(X * [1.0, scale, 1.0]), expected.predict(X))


def test_search_node__refuses_what_becomes_constant_in_fixed_point():
    with pytest.raises(InputError, match="variable 0 of X runs from 1e-07 to 3e-07, which is one"):
        search_node([[1e-7], [2e-7], [3e-7]], [0, 1, 1], weight_min=-1, weight_max=1)
