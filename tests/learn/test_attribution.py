"""What a network looks at, against plain loops, planted genes and permuted labels."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

import deepnic
from deepnic.assembly import assemble, assemble_counts
from deepnic.assembly.cross_fitted import cut_parts, join_canvases, read_parts, without_part
from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.learn import OneVsRest, attribute
from deepnic.learn.attributed import (
    agreement,
    explain_items,
    list_items,
    parts_of,
    rank_parts,
)
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.fit import train
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels

pytest.importorskip("captum")

PLANTED = [f"g{k}" for k in range(6)]
N, GENES = 48, 60


def made(permuted=None):
    """A cohort with six genes planted, or its labels permuted by a seed."""
    random = np.random.default_rng(0)
    y = np.arange(N) % 2
    values = random.normal(8, 1, (N, GENES))
    values[:, : len(PLANTED)] += 1.5 * y[:, None]
    if permuted is not None:
        y = np.random.default_rng(permuted).permutation(y)
    names = [f"g{k}" for k in range(GENES)], [f"p{k}" for k in range(N)]
    return make_cohort(values.astype(np.float32), np.where(y, "t", "n"), *names, positive="t")


def table_of(cohort, seed=0):
    how = {"n_trees": 16, "weight_ranges": [3], "tree_sizes": [3, 4], "subsample": 0.7}
    forest = deepnic.grow_forest(cohort, **how, seed=seed)
    return filter_pixels(observation_images(forest), k=49, fdr=None).compute()


def explained(canvas, seed, epochs=25, n=None):
    """A network, and what it looks at in the first n items, or all."""
    network = train(canvas, epochs=epochs, seed=seed, classes=["n", "t"]).predictor
    return network, attribute(network, canvas.isel(item=slice(n)))[0]


@pytest.fixture(scope="module")
def canvas():
    return assemble(table_of(made()), path="snail")


@pytest.fixture(scope="module")
def both(canvas):
    """Two networks of other seeds on one canvas, and what they look at."""
    return [explained(canvas, seed) for seed in (0, 1)]


def margins(network, images):
    with torch.no_grad():
        return np.diff(network.network(images).numpy().astype(float))[:, 0]


def test_gradients__add_up_to_what_the_margin_is_above_the_baseline(both, canvas):
    network, found = both[0]
    image = make_images(canvas_arrays(canvas))(torch.arange(N))
    turned = image.clone()
    turned[:, :-1] *= -1
    above = margins(network, image) - margins(network, turned)
    assert np.abs(above).mean() > 1
    np.testing.assert_allclose(found.gradients.sum(axis=1), above, atol=0.015 * np.abs(above).max())
    np.testing.assert_allclose(found.items["margin"] - found.items["of_baseline"], above, atol=1e-4)
    listed = list_items([found])
    np.testing.assert_allclose(listed["explained"], found.gradients.sum(axis=1))
    for part in ("gene", "combination", "condition"):
        np.testing.assert_allclose(found.of(part).sum(axis=1), found.gradients.sum(axis=1))


def test_occlusion__is_what_a_plain_loop_finds(both, canvas):
    """One patient: each pixel set to 0 by hand, and all those of a gene."""
    network, found = both[0]
    image = make_images(canvas_arrays(canvas))(torch.tensor([5]))
    index, genes = canvas["index"].values, canvas["gene"].values
    whole = margins(network, image)[0]

    def without(pixels):
        changed = image.clone()
        for row, column in zip(*np.nonzero(np.isin(index, pixels) & (index >= 0)), strict=True):
            changed[0, :-1, row, column] = 0
        return whole - margins(network, changed)[0]

    each = [without([k]) for k in range(len(genes))]
    np.testing.assert_allclose(found.occlusion["pixel"][5], each, atol=1e-5)
    of_genes = [without(np.flatnonzero(genes == name)) for name in found.names("gene")]
    np.testing.assert_allclose(found.occlusion["gene"][5], of_genes, atol=1e-5)
    assert np.ptp(each) > 0.01


def test_pixels__are_named_as_the_table_names_them(both, canvas):
    _, found = both[0]
    for k, row in enumerate(found.pixels.itertuples()):
        assert canvas["index"].values[row.row, row.column] == k
        assert row.gene == canvas["gene"].values[k]
        assert row.combination == canvas["combination"].values[k]
        one = canvas.isel(pixel=k)
        assert row.condition == f"V{int(one['tree_size'])} R{int(one['weight_range'])}"
        np.testing.assert_array_equal(canvas["image"].values[:, row.row, row.column],
                                      found.image[:, k])  # fmt: skip


def test_planted_genes__are_what_networks_of_all_seeds_look_at(both):
    for _, found in both:
        first = rank_parts([found], "gene")["gene"].tolist()
        assert {*PLANTED} <= {*first[:9]}
        assert {*first[:4]} <= {*PLANTED}
    together = rank_parts([found for _, found in both], "gene")
    assert {*together["gene"][:4]} <= {*PLANTED}
    assert together["share"].sum() == pytest.approx(1)
    assert (together["best"] <= together["worst"]).all()
    agreed = agreement([found for _, found in both]).set_index("what")["agreement"]
    assert agreed["gene"] > 0.6


def of_all_genes(found):
    ranked = rank_parts([found], "gene").set_index("gene")["attribution"]
    return ranked.reindex([f"g{k}" for k in range(GENES)], fill_value=0)


def test_permuted_labels__leave_nothing_that_is_stable(both):
    """Labels permuted anew for each seed, all that follows made of them; planted ones beside it."""
    planted, permuted = [], []
    for seed in (2, 3, 4):
        again = assemble(table_of(made(), seed=seed), path="snail")
        planted.append(of_all_genes(explained(again, seed, n=16)[1]))
        again = assemble(table_of(made(permuted=seed), seed=seed), path="snail")
        permuted.append(of_all_genes(explained(again, seed, n=16)[1]))
    assert np.mean(correlations(planted)) > 0.3
    assert np.abs(correlations(permuted)).max() < 0.2
    for ranked in planted:
        assert {*ranked.nlargest(3).index} <= {*PLANTED}
    first = [{*ranked.nlargest(6).index} for ranked in permuted]
    assert not set.intersection(*first)


def correlations(rankings):
    return [spearmanr(one, other).statistic for one, other in combinations(rankings, 2)]


def test_items__of_a_class_are_explained_by_what_speaks_for_it(both):
    _, found = both[0]
    listed = explain_items([found])
    assert (listed.groupby("item", sort=False)["attribution"].first().abs() > 0.05).all()
    ranked = rank_parts([found], "gene")
    assert (ranked["in_class"][:3] > 0).all()
    assert (ranked["in_others"][:3] < 0).all()
    gene = found.names("gene").index(ranked["gene"][0])
    values = found.of("gene")[:, gene]
    sick = found.items["predicted"].to_numpy() == "t"
    assert ranked["in_class"][0] == pytest.approx(values[sick].mean())
    assert ranked["attribution"][0] == pytest.approx(np.abs(values).mean())
    rows = listed[listed["item"] == "p5"].set_index("gene")
    assert rows["attribution"][ranked["gene"][0]] == pytest.approx(values[5])


def test_result__is_the_same_again_whoever_else_is_asked(both, canvas):
    network, found = both[0]
    [again] = attribute(network, canvas.isel(item=[7, 5]))
    np.testing.assert_array_equal(again.gradients, found.gradients[[7, 5]])
    np.testing.assert_array_equal(again.occlusion["gene"], found.occlusion["gene"][[7, 5]])


def test_cross_fitted__items_are_means_over_the_pipelines_that_show_them():
    cohort = made()
    cohort = deepnic.hide_labels(cohort, np.arange(N) >= N - 8)
    part = cut_parts(cohort["state"].values, parts=2)
    tables = [table_of(without_part(cohort, part, k)) for k in range(2)]
    canvases = [assemble(table.isel(pixel=slice(0, 36 - k))) for k, table in enumerate(tables)]
    joined = join_canvases(canvases, *read_parts(tables))
    network, found = explained(joined, 0, epochs=5)
    n = joined["item"].to_index().nunique()
    assert found.gradients.shape == (n, 36 + 35)
    above = found.items["margin"] - found.items["of_baseline"]
    np.testing.assert_allclose(found.gradients.sum(axis=1), above, atol=0.05)
    images = make_images(canvas_arrays(joined))(torch.arange(joined.sizes["item"]))
    said = margins(network, images)
    new = found.items["item"].tolist().index("p47")
    of_new = joined["item"].values == "p47"
    assert of_new.sum() == 2
    assert found.items["margin"][new] == pytest.approx(said[of_new].mean(), abs=1e-4)
    assert (found.gradients[new, :36] != 0).any()
    assert (found.gradients[new, 36:] != 0).any()
    known = found.items["item"].tolist().index("p0")
    shown = int(joined["shown_by"].values[joined["item"].values == "p0"][0])
    elsewhere = found.pixels["pipeline"].to_numpy() != shown
    assert (found.gradients[known, elsewhere] == 0).all()
    assert np.isnan(found.image[known, elsewhere]).all()
    pairs = agreement([found])
    assert pairs["between"].unique().tolist() == ["pipelines"]
    assert {*pairs["what"]} == {"gene", "combination"}  # of two conditions nothing is told


def test_counts_of_genes__are_explained_by_combinations_and_conditions():
    """Images of genes, three classes: margins against the others, names as the family has them."""
    forest = deepnic.grow_forest(made(), n_trees=4, weight_ranges=[3, 4], tree_sizes=[3])
    counts = deepnic.count_signatures(forest).isel(gene=slice(0, 12))
    state = ("gene", (np.arange(12) % 3).astype(np.int8))
    canvas = assemble_counts(counts.compute().assign_coords(state=state), family="base")
    network = train(canvas, epochs=1, classes=["a", "b", "c"]).predictor
    found = attribute(network, canvas.isel(item=[0, 4]))
    assert [one.label for one in found] == ["a", "b", "c"]
    assert parts_of(found) == ["combination", "condition", "pixel"]
    scores = network.network(make_images(canvas_arrays(canvas))(torch.tensor([0, 4]))).detach()
    for k, one in enumerate(found):
        others = scores[:, [j for j in range(3) if j != k]].mean(dim=1)
        np.testing.assert_allclose(one.items["margin"], scores[:, k] - others, atol=1e-5)
        cell = one.pixels.query("combination == '7|1' and condition == 'V3 R4'")
        images = deepnic.rop_images(forest, family="base").image.isel(gene=[0, 4])
        wanted = images.sel(combination="7|1", tree_size=3, weight_range=4).values
        np.testing.assert_array_equal(one.image[:, cell.index[0]], wanted)
    assert len(explain_items(found)) <= 3 * 2 * 30


def test_networks_of_each_class__are_explained_one_by_one(both, canvas):
    network, found = both[0]
    renamed = [replace(network, classes=("rest", label)) for label in "ab"]
    of_each = attribute(OneVsRest(tuple(renamed)), dict.fromkeys("ab", canvas.isel(item=[0])))
    assert [one.label for one in of_each] == ["a", "b"]
    np.testing.assert_array_equal(of_each[0].gradients[0], found.gradients[0])
    assert (
        rank_parts(of_each, "gene").groupby("class").size().tolist()
        == [len(found.names("gene"))] * 2
    )


def test_images_of_the_users_own__have_pixels_without_names(make_images):
    images, _ = make_images(n_training=8, n_test=2, side=4)
    network = train(images, epochs=1).predictor
    [found] = attribute(network, images)
    assert parts_of([found]) == ["pixel"]
    assert np.isnan(found.image).any()
    assert (found.gradients[np.isnan(found.image)] == 0).all()
    ranked = rank_parts([found], "pixel")
    assert ranked.columns[:4].tolist() == ["class", "place", "row", "column"]
    assert {*explain_items([found])} >= {"item", "row", "column", "attribution"}


def test_tables__have_no_gap(both):
    found = [one for _, one in both]
    tables = [rank_parts(found, part) for part in parts_of(found)]
    tables += [list_items(found), explain_items(found), agreement(found)]
    for table in tables:
        assert not table.isna().any().any()
        assert len(table)


def test_attribute__refuses_more_than_fits(both, canvas, monkeypatch):
    monkeypatch.setattr("deepnic.learn.attribution.MOST", 49 * 3)
    with pytest.raises(InputError, match="give up to 3 items"):
        attribute(both[0][0], canvas)


def test_agreement__of_rankings_made_by_hand(both):
    """Three genes in two networks, one of which lacks one: Spearman's, worked out by hand."""
    one = both[0][1]

    def network(**sizes):
        pixels = pd.DataFrame({"pipeline": 0, "row": 0, "column": range(len(sizes)),
                               "gene": [*sizes]})  # fmt: skip
        values = np.array([[*sizes.values()]], float)
        return replace(one, items=one.items[:1], pixels=pixels, gradients=values,
                       occlusion={"gene": values, "pixel": values})  # fmt: skip

    pair = [network(a=3, b=-2, c=1), network(b=5, a=-4)]
    got = agreement(pair).query("what == 'gene'")["agreement"].item()
    assert got == pytest.approx(0.5)  # ranks 3 2 1 and 2 3 1
    ranked = rank_parts(pair, "gene").set_index("gene")
    assert ranked["attribution"].to_dict() == {"a": 3.5, "b": 3.5, "c": 0.5}
    assert ranked.loc["b", ["best", "worst"]].tolist() == [1, 2]
    assert agreement(pair).query("what == 'gene'")["common"].item() == 2
