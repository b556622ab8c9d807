"""The null of permuted genes: what is permuted, what is computed of it, and how it is kept."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

import deepnic
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.explain import Null, null, permutation_null, rank_genes
from deepnic.explain.null import PARTS, Counts, estimate_null, permute_genes, share_grown
from deepnic.rop.draws import gene_trees, tree_members

FEW = {"n_trees": 8, "weight_ranges": [3], "tree_sizes": [3, 4]}


def make(n_genes=50, n=40, groups=None, planted=0, shift=2.5, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    values = random.normal(size=(n, n_genes))
    values[:, :planted] += shift * y[:, None]
    genes, ids = [f"g{k}" for k in range(n_genes)], [f"p{k}" for k in range(n)]
    return make_cohort(values, y.astype(str), genes, ids, positive="1", group=groups)


@pytest.fixture(scope="module")
def cohort():
    return make(planted=2)


@pytest.fixture(scope="module")
def forest(cohort):
    return deepnic.grow_forest(cohort, **FEW).compute()


@pytest.mark.parametrize("n_genes", [7, 50])
def test_permute_genes__takes_each_once_and_no_value_away(n_genes):
    cohort = hide_labels(make(n_genes), np.arange(40) < 5)
    before, taken = cohort["expression"].values, []
    for k in range(min(PARTS, n_genes)):
        permuted, genes = permute_genes(cohort, k, seed=3)
        after = permuted["expression"].values
        changed = permuted["gene"].values[(after != before).any(axis=0)]
        assert {*changed} == {*genes}
        assert (np.sort(after, axis=0) == np.sort(before, axis=0)).all()
        assert (after[:5] == before[:5]).all()  # of unknown state
        taken += genes
    assert sorted(taken) == sorted(cohort["gene"].values)


def test_permute_genes__is_another_for_each_gene_number_and_seed():
    cohort = make(400)

    def moves(k, seed):
        permuted, genes = permute_genes(cohort, k, seed=seed)
        pairs = (one.sel(gene=genes)["expression"].values.T for one in (permuted, cohort))
        return {
            tuple(np.argsort(np.argsort(old))[np.argsort(new)])
            for new, old in zip(*pairs, strict=True)
        }

    several = [moves(0, 0), moves(0, 1), moves(PARTS, 0)]
    assert moves(0, 0) == several[0]
    assert len(set.union(*several)) == 3 * 400 // PARTS


def test_permute_genes__of_pairs_changes_the_two():
    """Patients with a sample of either state: what is exchangeable is within them."""
    cohort = make(40, groups=[f"a{k // 2}" for k in range(40)])
    permuted, genes = permute_genes(cohort, 0, seed=0)
    before, after = (one.sel(gene=genes)["expression"].values for one in (cohort, permuted))
    pairs = [np.sort(one.reshape(20, 2, -1), axis=1) for one in (before, after)]
    assert (pairs[0] == pairs[1]).all()
    assert 0.3 < (before != after).mean() < 0.7


def test_permute_genes__moves_groups_whole():
    """Patients with two samples of one state: these stay together, in their order."""
    cohort = make(40, groups=[f"a{k // 4}-{k % 2}" for k in range(40)])
    permuted, genes = permute_genes(cohort, 0, seed=0)
    before, after = (one.sel(gene=genes)["expression"].values for one in (cohort, permuted))
    pairs = [one.reshape(10, 2, 2, -1).swapaxes(1, 2).reshape(20, 2, -1) for one in (before, after)]
    for g in range(len(genes)):
        old, new = ({(*pair,) for pair in one[..., g].tolist()} for one in pairs)
        assert old == new
    assert (before != after).mean() > 0.8


def of_counts(perfect, n_trees, trees=None, own=None):
    names = ["tree_size", "weight_range"]
    conditions = pd.MultiIndex.from_product([[3, 4], [3]], names=names)
    trees = np.full(np.shape(perfect), n_trees) if trees is None else trees
    permuted = Counts(np.array(perfect), trees)
    return Null(permuted if own is None else own, permuted, n_trees, conditions)


def test_null__residuals_are_those_of_a_binomial_model():
    random = np.random.default_rng(0)
    trees = random.integers(12, 21, (300, 2, 1))
    counts = random.binomial(trees, random.beta(0.5, 4, (300, 2, 1)))  # overdispersed
    found = of_counts(counts, 20, trees)
    for v in range(2):
        rate = (counts[:, v, 0].sum() + 0.5) / (trees[:, v, 0].sum() + 1)
        assert found.rate[v, 0] == pytest.approx(rate)
        share = np.arange(21) / 20
        wanted = sm.families.Binomial().resid_dev(
            share, np.full(21, rate), var_weights=20, scale=1 + 19 * found.correlation[v, 0]
        )
        some = np.tile(np.arange(21)[:, None, None], (1, 2, 1))
        np.testing.assert_allclose(found.residuals(some, 20)[:, v, 0], wanted, 1e-6, atol=1e-6)


def test_null__correlation_is_that_of_beta_binomial_counts():
    random = np.random.default_rng(0)
    trees = random.integers(2, 21, (20000, 2, 1))
    a, b = np.array([[0.5], [3]]), np.array([[4], [5]])  # the correlation is 1 / (a + b + 1)
    found = of_counts(random.binomial(trees, random.beta(a, b, trees.shape)), 20, trees)
    np.testing.assert_allclose(found.correlation, 1 / (a + b + 1), rtol=0.1)
    residuals = found.residuals(*found.permuted)[:, 1, 0]
    spread = [residuals[trees[:, 1, 0] == n].std() for n in (5, 10, 20)]
    np.testing.assert_allclose(spread, 1, rtol=0.15)  # alike, of however many trees


def test_null__trees_are_never_less_spread_than_coins():
    assert (of_counts(np.full((40, 2, 1), 5), 20).correlation == 0).all()


def test_null__of_genes_without_a_tree_of_their_own():
    own = Counts(np.array([[[0], [0]]]), np.array([[[0], [1]]]))
    found = of_counts([[[0], [1]], [[0], [0]]], 1, np.array([[[0], [1]], [[0], [1]]]), own)
    assert (found.residuals(*found.permuted)[:, 0] == 0).all()
    assert np.isfinite(found.test()).all(axis=None)


def test_null__p_and_q_are_those_of_the_pooled_scores():
    random = np.random.default_rng(1)
    permuted = random.binomial(20, 0.1, (60, 2, 1))
    genes = np.concatenate([random.binomial(20, 0.3, (30, 2, 1)), permuted[:9]])  # ties
    found = of_counts(permuted, 20, own=Counts(genes, np.full(genes.shape, 20)))
    tested = found.test()
    score = found.residuals(genes, 20).mean(axis=(1, 2))
    pooled = found.residuals(permuted, 20).mean(axis=(1, 2))
    p = [(1 + sum(pooled >= one)) / 61 for one in score]
    np.testing.assert_allclose(tested["score"], score)
    np.testing.assert_allclose(tested["p"], p)
    np.testing.assert_allclose(tested["q"], multipletests(p, method="fdr_bh")[1])


def test_null__a_saturated_condition_is_told_and_counts_for_nothing():
    random = np.random.default_rng(2)
    perfect = np.stack([random.binomial(20, [0.02, 0.98]) for _ in range(200)])[..., None]
    table = of_counts(perfect, 20).table()
    assert table["saturated"].tolist() == [False, True]
    assert table["most"][0] > 10
    assert table["most"][1] < 1
    assert table[["tree_size", "weight_range"]].to_numpy().tolist() == [[3, 3], [4, 3]]


def counted(cohort, k, *, permuted=True, **forest):
    """Perfect and all trees of permuted genes, from the trees of the whole forest, one by one.

    Or of the same genes as they are.
    """
    other, genes = permute_genes(cohort, k, seed=0)
    whole = deepnic.grow_forest(other if permuted else cohort, **forest).compute()
    names, counts = whole["gene"].values, np.zeros((2, len(genes), 2, 1), int)
    for v, V in enumerate([3, 4]):
        for draw in range(8):
            given = {"seed": 0, "weight_range": 3, "tree_size": V, "draw": draw}
            given |= {"design": forest["design"], "n_genes": len(names)}
            tree, slot = gene_trees(**given)
            members = tree_members(**given)
            grown = whole["tree_signature"].isel(tree_size=v, weight_range=0, draw=draw).values
            for g, gene in enumerate(genes):
                place = names.tolist().index(gene)
                others = {*names[members[tree[place]]]} - {gene}
                if not others & {*genes}:
                    is_perfect = grown[tree[place], slot[place]] > 0
                    counts[:, g, v, 0] += [is_perfect, 1]
    return counts


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_permutation_null__counts_the_trees_in_which_one_gene_is_permuted(design, tmp_path):
    """Of 61 genes, as many permuted as meet, and a remainder in either tree size."""
    cohort = make(61, planted=2)
    forest = deepnic.grow_forest(cohort, design=design, **FEW).compute()
    found = permutation_null(forest, cohort, tmp_path, permutations=3)
    wanted = np.concatenate([counted(cohort, k, design=design, **FEW) for k in range(3)], axis=1)
    np.testing.assert_array_equal(found.permuted, wanted)
    assert found.permuted.trees.min() < found.n_trees == found.permuted.trees.max() == 8
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["0.zarr", "1.zarr", "2.zarr"]


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_permutation_null__counts_the_same_trees_of_genes_as_they_are(design, tmp_path):
    """Whether or not the permutation was asked that takes a gene."""
    cohort = make(61, planted=2)
    forest = deepnic.grow_forest(cohort, design=design, **FEW).compute()
    found = permutation_null(forest, cohort, tmp_path, permutations=21)
    for k in (0, 7, 19):
        _, genes = permute_genes(cohort, k, seed=0)
        place = cohort["gene"].to_index().get_indexer(genes)
        wanted = counted(cohort, k, permuted=False, design=design, **FEW)
        np.testing.assert_array_equal([one[place] for one in found.own], wanted)
    order = np.concatenate([permute_genes(cohort, k, seed=0)[1] for k in range(20)])
    place = cohort["gene"].to_index().get_indexer(order)
    np.testing.assert_array_equal(found.own.trees[place], found.permuted.trees[: len(order)])
    few = permutation_null(forest, cohort, tmp_path, permutations=1)
    np.testing.assert_array_equal(few.own, found.own)


def test_permutation_null__of_groups_keeps_them_in_bags(tmp_path):
    """Trees of a permuted gene are those of the forest of the permuted cohort, bags included."""
    cohort = make(12, groups=np.arange(40) // 4)
    grouped = deepnic.grow_forest(cohort, **FEW).compute()
    assert estimate_null(grouped, cohort, 2).core_seconds > 0
    found = permutation_null(grouped, cohort, tmp_path / "null", permutations=1)
    permuted, genes = permute_genes(cohort, 0, seed=0)
    trees = deepnic.grow_forest(permuted, genes=genes, **FEW)
    perfect = (trees["signature"] > 0).sum("draw").transpose("gene", ...).values
    np.testing.assert_array_equal(found.permuted.perfect, perfect)


def test_permutation_null__goes_on_where_it_stopped(cohort, forest, tmp_path, monkeypatch):
    whole = permutation_null(forest, cohort, tmp_path / "whole", permutations=3)
    write, grown = null.write_forest, []

    def interrupted(trees, path):
        write(trees, path)
        grown.append(path.name)
        if grown == ["0-growing.zarr", "1-growing.zarr"]:
            raise KeyboardInterrupt

    monkeypatch.setattr(null, "write_forest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        permutation_null(forest, cohort, tmp_path / "n", permutations=3)
    found = permutation_null(forest, cohort, tmp_path / "n", permutations=3)
    assert (found.permuted.perfect == whole.permuted.perfect).all()
    assert grown == [f"{k}-growing.zarr" for k in (0, 1, 1, 2)]
    assert len([*(tmp_path / "n").iterdir()]) == 3
    permutation_null(forest, cohort, tmp_path / "n", permutations=2)
    assert len(grown) == 4


def test_permutation_null__refuses_the_folder_of_another_forest(cohort, forest, tmp_path):
    permutation_null(forest, cohort, tmp_path, permutations=1)
    other = deepnic.grow_forest(cohort, **FEW, seed=1)
    with pytest.raises(InputError, match="is of another forest"):
        permutation_null(other, cohort, tmp_path, permutations=1)


def test_rank_genes__refuses_the_null_of_another_forest(cohort, forest, tmp_path):
    found = permutation_null(forest, cohort, tmp_path, permutations=1)
    with pytest.raises(InputError, match="the null is of another forest"):
        rank_genes(forest.isel(draw=slice(0, 6)), cohort, found)


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_share_grown__is_that_of_the_trees_with_a_permuted_gene(design):
    n_genes, V = 4000, 5
    given = {"design": design, "seed": 0, "weight_range": 3, "tree_size": V, "draw": 0}
    tree, _ = gene_trees(n_genes, **given)
    genes = np.random.default_rng(0).permutation(n_genes)[: n_genes // PARTS]
    grown = len({*tree[genes]}) / len({*tree})
    share = share_grown({"n_genes": n_genes, "design": design}, V)
    assert share == pytest.approx(grown, rel=0.1)


@pytest.mark.slow
def test_rank_genes__those_who_share_trees_with_planted_genes_do_not_pass(tmp_path):
    """By permuted labels 300 and more of such genes would."""
    cohort = make(600, n=60, planted=15, seed=4)
    forest = deepnic.grow_forest(cohort, n_trees=20, weight_ranges=[3], tree_sizes=[3, 5]).compute()
    genes = rank_genes(forest, cohort, permutation_null(forest, cohort, tmp_path))
    passing = genes.loc[genes["q"] <= 0.1, "gene"]
    true = passing.isin([f"g{k}" for k in range(15)])
    assert true.sum() >= 12
    assert (~true).sum() <= 3
    others = genes[~genes["gene"].isin([f"g{k}" for k in range(15)])]
    assert (others["nic1"] > 0).sum() > 300
