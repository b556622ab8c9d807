"""Companions: pairs that meet, counted one by one, and a planted pair."""

from collections import defaultdict

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

import deepnic
from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.explain.companions import KEPT, find_companions
from deepnic.rop.engine import draw_of

N = 23  # a draw of trees of 3 has a group that is filled


def make(N):
    """Genes 0 and 1 tell little alone, and their sum everything; gene 2 tells much alone."""
    random = np.random.default_rng(2)
    y = np.arange(40) % 2
    values = random.normal(size=(40, N))
    values[:, 1] = -4 * values[:, 0] + random.normal(0, 0.2, 40)
    values[:, 0] *= 4
    values[:, :2] += 0.75 * (2 * y[:, None] - 1)
    values[:, 2] += 1.5 * y
    genes, ids = [f"g{k}" for k in range(N)], [f"p{k}" for k in range(40)]
    return make_cohort(values, y.astype(str), genes, ids, positive="1")


@pytest.fixture(scope="module")
def cohort():
    return make(N)


def grow(cohort, design="balanced", **more):
    given = {"n_trees": 12, "weight_ranges": [3], "tree_sizes": [3, 4], "design": design}
    return deepnic.grow_forest(cohort, **given | more).compute()


def met_by_hand(forest, gene):
    """Perfect or not, of each common tree: by companion and tree size."""
    found = defaultdict(list)
    for V in (3, 4):
        for draw in range(12):
            drawn = draw_of(forest.attrs, forest["state"].values, None, V, 3, draw)
            number = drawn.gene_tree[gene]
            signature = forest["tree_signature"].sel(tree_size=V, weight_range=3)[draw, number]
            for other in drawn.members[number]:
                fills = forest.attrs["design"] == "balanced" and drawn.gene_tree[other] != number
                if other != gene and not fills:
                    found[other, V].append(bool(signature[0] > 0))
    return found


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_find_companions__are_counted_and_expected_as_by_hand(cohort, design):
    forest = grow(cohort, design)
    pairs = find_companions(forest, ["g2"]).set_index("companion")
    met = met_by_hand(forest, 2)
    perfect = (forest["signature"] > 0).sum("draw")
    several = 0
    for other in range(N):
        each = []
        for V in (3, 4):
            trees = met[other, V]
            rates = perfect.sel(tree_size=V, weight_range=3).values
            less = (1, 1 if design == "balanced" else 0)
            alone = [
                (rates[gene] - k * sum(trees) + 0.5) / (12 - k * len(trees) + 1)
                for gene, k in zip((2, other), less, strict=True)
            ]
            of_all = (rates.sum() + 0.5) / (12 * N + 1)
            each += [expit(sum(logit(alone)) - logit(of_all))] * len(trees)
        if f"g{other}" not in pairs.index:
            continue
        row = pairs.loc[f"g{other}"]
        found = sum(met[other, 3] + met[other, 4])
        assert (row["together"], row["perfect"]) == (len(each), found)
        assert row["expected"] == pytest.approx(sum(each))
        assert row["p"] == pytest.approx(stats.poisson_binom(each).sf(found - 1))
        several += 1
    assert several >= 15


def test_find_companions__a_planted_pair_comes_first():
    forest = grow(make(60), n_trees=100, seed=1)
    pairs = find_companions(forest, [f"g{k}" for k in range(8)])
    first = [{*pair} for pair in pairs[["gene", "companion"]].to_numpy()[:2]]
    assert first == [{"g0", "g1"}, {"g0", "g1"}]
    assert pairs["q"][0] < 0.05
    assert (pairs["q"][2:] > 0.1).all()  # nor gene 2, whose trees are good with whomever
    assert pairs["gene"].value_counts().max() <= KEPT
    assert (np.diff(pairs["p"]) >= 0).all()


def test_find_companions__refuses_a_forest_of_some_genes(cohort):
    forest = grow(cohort, genes=["g0", "g1"])
    with pytest.raises(InputError, match="of some genes only"):
        find_companions(forest, ["g0"])
    with pytest.raises(InputError, match="no genes"):
        find_companions(grow(cohort), ["g99"])
