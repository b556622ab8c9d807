"""Who meets whom: laws of the draws, for any seed and size."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from deepnic.rop.bags import bag_size
from deepnic.rop.draws import draw_trees, gene_trees, n_trees_of_draw

SEEDS = st.integers(0, 2**64 - 1)
STATE = np.array([0, 1, 1, -1, 0, 0, 1, 0, 1, 0, -1, 0], np.int8)  # four 1, six 0, two hidden


def draw_of(design, n_genes=12, tree_size=4, *, draw=0, seed=0, subsample=0.7, state=STATE, R=3):
    return draw_trees(
        state, n_genes, seed=seed, weight_range=R, tree_size=tree_size, draw=draw, design=design,
        subsample=subsample,
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(n_genes=st.integers(1, 60), tree_size=st.integers(1, 10), seed=SEEDS)
def test_balanced__every_gene_counts_in_one_tree(n_genes, tree_size, seed):
    assume(tree_size <= n_genes)
    draw = draw_of("balanced", n_genes, tree_size, seed=seed)
    T = n_trees_of_draw("balanced", n_genes, tree_size)
    assert draw.members.shape == (T, tree_size)
    assert (draw.members[draw.gene_tree, draw.gene_slot] == np.arange(n_genes)).all()
    assert all(len(set(tree)) == tree_size for tree in draw.members.tolist())
    # all groups are full but the last, which counts only for the genes that lacked a tree
    counted = np.bincount(draw.gene_tree, minlength=T)
    assert (counted[:-1] == tree_size).all()
    assert counted[-1] == n_genes - (T - 1) * tree_size
    filling = draw.members[-1][counted[-1] :]
    assert (draw.gene_tree[filling] < T - 1).all()


@settings(max_examples=100, deadline=None)
@given(n_genes=st.integers(1, 60), tree_size=st.integers(1, 10), seed=SEEDS)
def test_stratified__every_gene_has_its_own_tree(n_genes, tree_size, seed):
    assume(tree_size <= n_genes)
    draw = draw_of("stratified", n_genes, tree_size, seed=seed)
    assert draw.members.shape == (n_genes, tree_size)
    assert (draw.members[:, 0] == np.arange(n_genes)).all()
    assert (draw.gene_tree == np.arange(n_genes)).all()
    assert (draw.gene_slot == 0).all()
    assert ((draw.members >= 0) & (draw.members < n_genes)).all()
    assert all(len(set(tree)) == tree_size for tree in draw.members.tolist())


@pytest.mark.parametrize("design", ["balanced", "stratified"])
@pytest.mark.parametrize("n_genes", [12, 14])  # 14: two genes fill the last group
def test_companions_are_uniform(design, n_genes):
    met = np.zeros((n_genes, n_genes), int)
    for number in range(400):
        draw = draw_of(design, n_genes, 4, draw=number)
        for gene in range(n_genes):
            met[gene, draw.members[draw.gene_tree[gene]]] += 1
    assert (np.diag(met) == 400).all()
    for gene in range(n_genes):
        assert chisquare(np.delete(met[gene], gene)).pvalue > 0.001 / n_genes


@settings(max_examples=60, deadline=None)
@given(
    state=st.lists(st.sampled_from([0, 1, -1]), min_size=4, max_size=30),
    subsample=st.floats(0.01, 1),
    seed=SEEDS,
    design=st.sampled_from(["balanced", "stratified"]),
)
def test_bags__are_stratified_and_leave_the_hidden_out(state, subsample, seed, design):
    state = np.array([0, 0, 1, 1, *state], np.int8)
    in_bag = draw_of(design, 9, 4, seed=seed, subsample=subsample, state=state).in_bag
    assert in_bag.shape == (n_trees_of_draw(design, 9, 4), state.size)
    assert not in_bag[:, state == -1].any()
    for label in (0, 1):
        n = int((state == label).sum())
        sizes = in_bag[:, state == label].sum(axis=1)
        assert set(sizes.tolist()) == {bag_size(n, subsample)}
        if subsample < 1:
            assert 1 <= sizes[0] <= n - 1
            assert abs(sizes[0] - subsample * n) <= 0.5 or sizes[0] in (1, n - 1)
        else:
            assert sizes[0] == n


@pytest.mark.parametrize("subsample", [0.7, 1])
@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_bags__are_no_larger_than_asked_and_the_first_of_the_larger(design, subsample):
    given = {"seed": 4, "weight_range": 3, "tree_size": 4, "draw": 1, "design": design}
    whole = draw_trees(STATE, 12, subsample=subsample, **given)
    for max_bag in range(1, 8):
        few = draw_trees(STATE, 12, subsample=subsample, max_bag=max_bag, **given)
        for label in (0, 1):
            there = whole.in_bag[:, label == STATE].sum(axis=1)
            assert (few.in_bag[:, label == STATE].sum(axis=1) == np.minimum(there, max_bag)).all()
        assert not (few.in_bag & ~whole.in_bag).any()
        assert (few.members == whole.members).all()
        assert (few.keys == whole.keys).all()


def test_bags__are_uniform_and_differ_between_trees():
    bags = np.concatenate([draw_of("stratified", draw=k, subsample=0.5).in_bag for k in range(60)])
    for label in (0, 1):
        assert chisquare(bags[:, label == STATE].sum(axis=0)).pvalue > 0.001
    assert len(np.unique(bags, axis=0)) > 50  # of 6 x 20 possible ones


def test_draws__are_keyed_by_seed_condition_and_draw():
    same = {"seed": 5, "R": 4, "tree_size": 4, "draw": 2}
    one, again = (draw_of("balanced", **same) for _ in range(2))
    for name in ("members", "in_bag", "keys"):
        assert (getattr(one, name) == getattr(again, name)).all()
    for change in ({"seed": 6}, {"R": 5}, {"draw": 3}, {"seed": 2**64 - 1}):
        other = draw_of("balanced", **same | change)
        assert (one.members != other.members).any()
        assert (one.in_bag != other.in_bag).any()
        assert not set(one.keys.tolist()) & set(other.keys.tolist())


@settings(max_examples=30, deadline=None)
@given(design=st.sampled_from(["balanced", "stratified"]), draw=st.integers(0, 1000), seed=SEEDS)
def test_gene_trees__is_part_of_the_draw(design, draw, seed):
    whole = draw_of(design, 14, 4, draw=draw, seed=seed)
    tree, slot = gene_trees(14, seed=seed, weight_range=3, tree_size=4, draw=draw, design=design)
    assert (tree == whole.gene_tree).all()
    assert (slot == whole.gene_slot).all()


def test_draws__hidden_observations_do_not_change_the_companions():
    hidden = draw_of("balanced")
    known = draw_of("balanced", state=np.abs(STATE))
    assert (hidden.members == known.members).all()
    assert (hidden.keys == known.keys).all()


@settings(max_examples=30, deadline=None)
@given(
    n_genes=st.integers(8, 60),
    tree_size=st.integers(1, 8),
    first=st.integers(0, 30),
    length=st.integers(0, 30),
    n=st.integers(4, 9),
    design=st.sampled_from(["balanced", "stratified"]),
)
def test_draws__some_trees_are_those_of_the_whole(n_genes, tree_size, first, length, n, design):
    given = {"weight_range": 4, "tree_size": tree_size, "draw": 2, "seed": 5}
    given |= {"design": design, "subsample": 0.7}
    state = np.arange(n, dtype=np.int8) % 2
    whole = draw_trees(state, n_genes, **given)
    trees = slice(first, first + length)
    part = draw_trees(state, n_genes, trees=trees, **given)
    for name in ("members", "in_bag", "keys"):
        assert (getattr(part, name) == getattr(whole, name)[trees]).all()
    assert (part.gene_tree == whole.gene_tree).all()
