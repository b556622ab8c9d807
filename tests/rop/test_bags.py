"""Bags of groups: all of a group are grown on or voted on, near the size of bags without groups."""

from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.rop import grow_forest
from deepnic.rop.bags import bag_size, draw_bags, group_of

SMALL = {"n_trees": 4, "weight_ranges": [3], "tree_sizes": [2], "seed": 8}
MEMBERS = st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 7)), min_size=4, max_size=30)
SHARES = st.sampled_from([0.1, 0.5, 0.8, 0.95, 1])
LIMITS = st.sampled_from([None, 1, 3])


def words_of(seed, n, trees=20):
    return np.random.default_rng(seed).integers(0, 2**63, (trees, n)).astype(np.uint64)


def numbered(names):
    return np.array([[*dict.fromkeys(names)].index(name) for name in names], np.int32)


def bag_by_definition(words, state, group, sizes):
    """The docstring of `draw_bags`, group by group and tree by tree, in fractions."""
    bag, groups = set(), {name: np.flatnonzero(group == name) for name in dict.fromkeys(group)}

    def counts(rows):
        return [sum(state[i] == k for i in rows) for k in (0, 1)]

    def distance(rows):
        return sum(abs(Fraction(n, size) - 1) for n, size in zip(counts(rows), sizes, strict=True))

    for rows in sorted(groups.values(), key=lambda rows: words[rows[0]]):
        wanted = distance(bag | {*rows}) < distance(bag)
        for k in (0, 1):
            if k in state[rows]:
                wanted |= counts(bag)[k] == 0
        for k in (0, 1):
            out = [one for one in groups.values() if k in state[one] and not {*one} <= bag]
            if k in state[rows] and len(out) == 1 and sizes[k] < (state == k).sum():
                wanted = False
        bag |= {*rows} if wanted else set()
    return np.isin(np.arange(len(state)), [*bag])


@settings(max_examples=150, deadline=None)
@given(members=MEMBERS, seed=st.integers(0, 99), subsample=SHARES, max_bag=LIMITS)
def test_draw_bags__of_groups_are_those_of_the_definition(members, seed, subsample, max_bag):
    state, group = np.array([k for k, _ in members], np.int8), numbered([g for _, g in members])
    for label in (0, 1):
        assume(len({*group[state == label]}) >= 2)
    sizes = [bag_size(int((state == k).sum()), subsample, max_bag) for k in (0, 1)]
    words = words_of(seed, len(state))
    bags = draw_bags(words, state, group, subsample, max_bag)
    for row, bag in zip(words, bags, strict=True):
        np.testing.assert_array_equal(bag, bag_by_definition(row, state, group, sizes))
        assert not {*group[bag]} & {*group[~bag]}
        for k in (0, 1):
            assert bag[state == k].any()
            assert sizes[k] == (state == k).sum() or not bag[state == k].all()


@pytest.mark.parametrize("max_bag", [None, 3])
@pytest.mark.parametrize("subsample", [0.3, 0.8, 1])
def test_draw_bags__of_groups_of_one_are_those_without(subsample, max_bag):
    state, words = np.array([0, 1, 1, 0, 0, 0, 1, 0, 1], np.int8), words_of(0, 9)
    alone = draw_bags(words, state, np.arange(9, dtype=np.int32), subsample, max_bag)
    np.testing.assert_array_equal(alone, draw_bags(words, state, None, subsample, max_bag))


def test_draw_bags__of_pairs_have_the_size_exactly_and_every_pair_alike():
    state, group = np.tile([0, 1], 15).astype(np.int8), np.repeat(np.arange(15, dtype=np.int32), 2)
    bags = draw_bags(words_of(1, 30, trees=3000), state, group, 0.8, None)
    assert (bags[:, ::2] == bags[:, 1::2]).all()
    assert (bags[:, ::2].sum(axis=1) == 12).all()
    assert chisquare(bags[:, ::2].sum(axis=0)).pvalue > 0.001


def made_cohort(group=None):
    """Eight patients of three arrays, one of both classes; the last array's class is not known."""
    expression = np.random.default_rng(1).normal(size=(24, 6))
    label = [*"aaabbb" * 3, *"aabbb", ""]
    names = [f"o{k}" for k in range(24)]
    return make_cohort(expression, label, [*"uvwxyz"], names, positive="b", group=group)


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_grow_forest__no_tree_votes_on_what_it_was_grown_on_another_array_of(design):
    names = [f"P{k // 3}" for k in range(24)]
    forest = grow_forest(made_cohort(names), design=design, **SMALL).compute()
    vote = forest["vote"].values[0, 0].reshape(-1, 24)
    vote = vote[(vote != 0).any(axis=1)]
    assert len(vote) >= 12
    patients = vote[:, :21].reshape(len(vote), 7, 3) == 0
    assert (patients == patients[..., :1]).all()
    assert ((vote[:, 21:23] == 0) == (vote[:, 21:22] == 0)).all()
    assert (vote[:, 23] != 0).all()  # to be predicted: every tree does
    assert forest.attrs["bags"] == "groups"


def test_grow_forest__groups_of_one_change_nothing():
    plain = grow_forest(made_cohort(), **SMALL).compute()
    names = [f"P{k}" for k in range(23)] + ["P0"]  # who is to be predicted is in no bag
    alone = grow_forest(made_cohort(names), **SMALL).compute()
    assert "bags" not in alone.attrs
    xr.testing.assert_identical(alone.drop_vars("group"), plain)


def test_grow_forest__says_of_its_input_which_groups_it_is_of():
    def said(cohort):
        attrs = grow_forest(cohort, **SMALL).attrs
        return attrs["input_sha256"], attrs["origin"]

    threes, twos = ([f"P{k // n}" for k in range(24)] for n in (3, 2))
    renamed = [f"Q{9 - k // 3}" for k in range(24)]
    assert said(made_cohort(threes)) == said(made_cohort(renamed))
    parts = [*zip(*map(said, map(made_cohort, (None, threes, twos))), strict=True)]
    assert [len({*part}) for part in parts] == [3, 3]


def test_group_of__knows_of_no_groups_once_their_labels_are_hidden():
    cohort = made_cohort([f"P{k // 3}" for k in range(24)])
    hidden = hide_labels(cohort, np.arange(24) % 3 > 0)
    assert group_of(cohort) is not None
    assert group_of(hidden) is None


def test_grow_forest__refuses_a_class_of_one_group():
    names = np.where(made_cohort()["label"] == "b", "P", [f"P{k}" for k in range(24)])
    with pytest.raises(InputError, match=r"^all observations of state 1 are of one group.* 2 g"):
        grow_forest(made_cohort(names), **SMALL)
    forest = grow_forest(made_cohort(names), **SMALL, subsample=1).compute()
    assert not forest["vote"].values[..., :23].any()  # the published protocol leaves none out
