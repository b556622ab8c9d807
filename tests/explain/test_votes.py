"""Votes of genes' trees on patients, against a plain loop over trees."""

import numpy as np
import pytest

import deepnic
from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.explain import gene_votes
from deepnic.explain.votes import SHOWN, list_patients, list_votes
from deepnic.rop.draws import draw_trees


@pytest.fixture(scope="module")
def cohort():
    random = np.random.default_rng(0)
    y = np.arange(24) % 2
    values = random.normal(size=(24, 13)).astype(np.float32)
    values[:, :3] += 1.2 * y[:, None]
    names = [f"g{k}" for k in range(13)], [f"p{k}" for k in range(24)]
    label = np.where(y, "t", "n").astype(object)
    label[-3:] = ""
    return make_cohort(values, label, *names, positive="t")


@pytest.fixture(scope="module", params=["balanced", "stratified"])
def forest(request, cohort):
    how = {"n_trees": 7, "weight_ranges": [3, 4], "tree_sizes": [2, 4], "subsample": 0.5}
    return deepnic.grow_forest(cohort, **how, design=request.param).compute()


def votes_by_hand(forest):
    """Every tree of every draw and condition, every gene that it counts for, every patient."""
    n, genes = forest.sizes["observation"], forest.sizes["gene"]
    cast_for, against, left_out = (np.zeros((n, genes), int) for _ in range(3))
    perfect = np.zeros(genes, int)
    state = forest["state"].values
    for v, V in enumerate(forest["tree_size"].values.tolist()):
        for r, R in enumerate(forest["weight_range"].values.tolist()):
            for d in range(forest.sizes["draw"]):
                drawn = draw_trees(
                    state, genes, seed=forest.attrs["seed"], weight_range=R, tree_size=V, draw=d,
                    design=forest.attrs["design"], subsample=forest.attrs["subsample"],
                )  # fmt: skip
                for gene in range(genes):
                    tree, slot = drawn.gene_tree[gene], drawn.gene_slot[gene]
                    assert drawn.members[tree, slot] == gene
                    is_perfect = forest["tree_signature"].values[v, r, d, tree, slot] > 0
                    perfect[gene] += is_perfect
                    for patient in range(n):
                        if drawn.in_bag[tree, patient]:
                            continue
                        left_out[patient, gene] += 1
                        vote = forest["vote"].values[v, r, d, tree, patient]
                        assert vote in (1, -1)
                        if is_perfect:
                            (cast_for if vote > 0 else against)[patient, gene] += 1
    return cast_for, against, left_out, perfect


def test_votes__are_those_of_a_loop_over_trees_that_left_the_patient_out(forest):
    votes = gene_votes(forest)
    by_hand = votes_by_hand(forest)
    for name, wanted in zip(("votes_for", "votes_against", "left_out", "perfect"), by_hand,
                            strict=True):  # fmt: skip
        np.testing.assert_array_equal(votes[name], wanted)
    assert by_hand[0].sum() > 100
    assert by_hand[1].sum() > 100


def test_votes__of_some_patients_are_those_among_all(forest):
    whole = gene_votes(forest)
    some = gene_votes(forest.isel(observation=[20, 3]))
    for name in ("votes_for", "votes_against", "left_out"):
        np.testing.assert_array_equal(some[name], whole[name][[20, 3]])


def test_patients__are_explained_by_planted_genes(forest):
    """Trees on other patients: those of planted genes vote right, in the bag they always would."""
    votes = gene_votes(forest)
    known = forest["state"].values >= 0
    sign = np.where(forest["state"].values == 1, 1, -1)[:, None]
    right = (sign * (votes["votes_for"] - votes["votes_against"]).values)[known].sum(axis=0)
    assert right[:3].mean() > 2 * right[3:].mean()
    cast = (votes["votes_for"] + votes["votes_against"]).values[known].sum(axis=0)
    assert (right < cast).all()  # some are wrong


def test_tables__count_genes_once(forest):
    votes = gene_votes(forest)
    patients = list_patients(votes)
    kinds = [f"genes_{word}" for word in ("for", "against", "even", "silent", "never_perfect")]
    assert (patients[kinds].sum(axis=1) == 13).all()
    listed = list_votes(votes)
    assert listed.groupby("item").size().max() <= SHOWN
    balance = (listed["votes_for"] - listed["votes_against"]).abs()
    assert (balance.groupby(listed["item"]).diff().dropna() <= 0).all()
    voted = (votes["votes_for"] + votes["votes_against"]).values > 0
    assert len(listed) == voted.sum()
    assert listed["votes_for"].sum() == patients["votes_for"].sum()


def test_votes__of_the_published_protocol_are_refused(cohort):
    forest = deepnic.grow_forest(cohort, n_trees=1, weight_ranges=[3], tree_sizes=[2], subsample=1)
    with pytest.raises(InputError, match="no out-of-bag votes"):
        gene_votes(forest)
