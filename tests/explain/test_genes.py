"""The list of genes, against counts by hand and other people's tests."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import deepnic
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.explain import rank_genes
from deepnic.nic import rop_images

N = 80
GENES = [f"g{k}" for k in range(N)]
CONDITIONS = ["V3 R3", "V3 R4", "V4 R3", "V4 R4"]
FEW = {"n_trees": 7, "weight_ranges": [3, 4], "tree_sizes": [3, 4], "seed": 5}


def make(symbols=None):
    """Genes 0 and 1 are higher in the sick, 2 and 3 lower, 4 is flat."""
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    values = random.normal(size=(60, N))
    values[:, :4] += 2.5 * y[:, None] * [1, 1, -1, -1]
    values[:, 4] = 1
    label = np.where(y, "sick", "well")
    cohort = make_cohort(values, label, GENES, [f"p{k}" for k in range(60)], positive="sick")
    return cohort if symbols is None else cohort.assign_coords(symbol=("gene", symbols))


@pytest.fixture(scope="module")
def cohort():
    return make()


@pytest.fixture(scope="module")
def forest(cohort):
    return deepnic.grow_forest(cohort, **FEW).compute()


@pytest.fixture(scope="module")
def genes(forest, cohort):
    return rank_genes(forest, cohort).set_index("gene")


def test_rank_genes__criteria_are_those_of_the_images(forest, genes):
    images = rop_images(forest, family="base")["image"].values
    for k in range(10):
        pixels = pd.DataFrame(images[:, k].reshape(N, 4), forest["gene"].values)
        mean = pixels.mean(axis=1)[genes.index]
        np.testing.assert_allclose(genes[f"nic{k + 1}"], mean, rtol=1e-6)
        for gene, row in pixels.iterrows():
            best = row.max()
            at = "" if not best > 0 else CONDITIONS[int(row.argmax())]
            assert genes.loc[gene, f"nic{k + 1}_at"] == at


def test_rank_genes__smallest_condition_is_the_first_with_a_perfect_tree(forest, genes):
    perfect = (forest["signature"] > 0).any("draw").transpose("gene", ...).values.reshape(N, 4)
    for gene, row in zip(GENES, perfect, strict=True):
        named = [CONDITIONS[k] for k in np.flatnonzero(row)]
        assert genes.loc[gene, "smallest"] == (named or [""])[0]
    assert "" in genes["smallest"].values


def test_rank_genes__stability_compares_even_and_odd_draws(forest, genes):
    perfect = (forest["signature"].values > 0).transpose(3, 0, 1, 2)
    for gene, of_gene in zip(GENES, perfect, strict=True):
        even, odd = of_gene[..., ::2].mean(axis=-1), of_gene[..., 1::2].mean(axis=-1)
        either = np.maximum(even, odd).sum()
        wanted = np.minimum(even, odd).sum() / either if either else np.nan
        np.testing.assert_allclose(genes.loc[gene, "stability"], wanted)


def test_rank_genes__direction_is_that_of_the_planted_genes(genes):
    assert (
        genes.loc[["g0", "g1", "g2", "g3"], "direction"].tolist() == ["higher"] * 2 + ["lower"] * 2
    )
    assert genes.loc["g4", "direction"] == ""
    assert {*genes.index[:4]} == {*GENES[:4]}


def test_rank_genes__beside_it_stands_what_scipy_says(cohort, genes):
    sick = cohort["expression"].values[cohort["state"].values == 1].astype(float)
    well = cohort["expression"].values[cohort["state"].values == 0].astype(float)
    for k in (0, 2, 9):
        test = stats.ttest_ind(sick[:, k], well[:, k], equal_var=False)
        row = genes.loc[GENES[k]]
        np.testing.assert_allclose([row["t"], row["welch_p"]], [*test], rtol=1e-6)
        np.testing.assert_allclose(row["fold_change"], sick[:, k].mean() - well[:, k].mean())
    p = genes["welch_p"].sort_values()
    by_hand = (p * len(p) / np.arange(1, len(p) + 1))[::-1].cummin()[::-1]
    np.testing.assert_allclose(genes["welch_q"][p.index], by_hand)


def test_rank_genes__orders_by_perfect_trees_and_then_by_p(genes):
    keys = [(-row.nic1, row.welch_p) for row in genes.itertuples()]
    assert keys == sorted(keys)


def test_rank_genes__does_not_look_at_hidden_labels(cohort):
    hidden = hide_labels(cohort, np.arange(60) < 12)
    forest = deepnic.grow_forest(hidden, **FEW)
    pd.testing.assert_frame_equal(rank_genes(forest, cohort), rank_genes(forest, hidden))


def test_rank_genes__of_some_genes_is_that_part_of_the_list(cohort, genes):
    some = ["g7", "g0", "g2"]
    forest = deepnic.grow_forest(cohort, genes=some, **FEW)
    found = rank_genes(forest, cohort).set_index("gene")
    assert {*found.index} == {*some}
    names = [name for name in found if name != "welch_q"]  # adjusted over fewer
    pd.testing.assert_frame_equal(found[names], genes.loc[found.index, names])


def test_rank_genes__takes_symbols_along():
    cohort = make([f"S{k}" for k in range(N)])
    genes = rank_genes(deepnic.grow_forest(cohort, **FEW), cohort)
    assert (genes["symbol"] == genes["gene"].str.replace("g", "S")).all()


def test_rank_genes__refuses_another_cohort(forest, cohort):
    other = cohort.assign(expression=cohort["expression"] + 1)
    with pytest.raises(InputError, match="not what the trees were grown on"):
        rank_genes(forest, other)
    with pytest.raises(InputError, match="does not say what it was grown on"):
        rank_genes(forest.drop_attrs().assign_attrs(deepnic_kind="forest"), cohort)


def test_rank_genes__refuses_one_draw(cohort):
    forest = deepnic.grow_forest(cohort, **FEW | {"n_trees": 1})
    with pytest.raises(InputError, match="at least 2 trees"):
        rank_genes(forest, cohort)
