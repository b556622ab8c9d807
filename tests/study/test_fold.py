import statistics

import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.feature_selection import f_classif
from sklearn.metrics import roc_auc_score

from deepnic.cohort import hide_labels, make_cohort
from deepnic.nic import forest_vote, observation_images
from deepnic.pixels import filter_pixels
from deepnic.rop.origin import stamp
from deepnic.study import fold
from deepnic.study.fold import (
    filter_fold,
    grow,
    keep_best,
    lazy_forest,
    preselect_genes,
    read_tables,
)
from tests.study.conftest import make_fold, make_settings

TEST = np.arange(100) < 30
BOTH = make_settings(arms={"strengths": [24, "none", 40], "unfiltered": 30, "fdr": 0.5})


@pytest.fixture(scope="module")
def images(cohort):
    """Of two genes that differ between the classes and eight that do not."""
    hidden = hide_labels(cohort.isel(gene=slice(6, None)), TEST)
    return observation_images(lazy_forest(hidden, make_settings()).compute())


def test_preselect_genes__largest_f_of_known_observations_in_the_cohorts_order(cohort):
    hidden = hide_labels(cohort, TEST)
    score, _ = f_classif(cohort["expression"].values[~TEST], cohort["state"].values[~TEST])
    expected = cohort["gene"].values[np.sort(np.argsort(score)[-5:])]
    assert preselect_genes(hidden, 5)["gene"].values.tolist() == expected.tolist()


def test_preselect_genes__ignores_hidden_observations(cohort):
    changed = cohort.copy(deep=True)
    changed["expression"][TEST, 8:] += 100 * changed["state"][TEST]  # a giveaway, were it looked at
    chosen, other = (preselect_genes(hide_labels(c, TEST), 5) for c in (cohort, changed))
    assert chosen["gene"].values.tolist() == other["gene"].values.tolist()
    assert preselect_genes(changed, 5)["gene"].values.tolist() != chosen["gene"].values.tolist()


def test_preselect_genes__by_variance_of_known_observations_whatever_their_labels(cohort):
    hidden = hide_labels(cohort, TEST)
    known = hidden["expression"].values[hidden["state"].values >= 0]
    largest = np.sort(np.argsort([-statistics.pvariance(map(float, row)) for row in known.T])[:5])
    chosen = preselect_genes(hidden, 5, "variance")["gene"].values.tolist()
    assert chosen == cohort["gene"].values[largest].tolist()
    state = hidden["state"].values
    mixed = hidden.assign(state=("observation", np.where(state < 0, -1, np.arange(100) % 2)))
    assert preselect_genes(mixed, 5, "variance")["gene"].values.tolist() == chosen
    assert preselect_genes(mixed, 5)["gene"].values.tolist() != chosen
    assert chosen != preselect_genes(hidden, 5)["gene"].values.tolist()


@pytest.mark.parametrize("chosen_by", ["f-test", "variance"])
def test_lazy_forest__out_of_bag_votes_know_labels_that_chose_the_genes(chosen_by):
    """On pure noise the votes on training observations are at chance, but for that."""
    random = np.random.default_rng(0)
    labels = np.repeat(["sick", "well"], 20)
    genes, names = [f"g{k}" for k in range(1000)], [f"o{k}" for k in range(40)]
    noise = make_cohort(random.normal(size=(40, 1000)), labels, genes, names, positive="sick")
    forest = {"n_genes": 20, "n_trees": 20, "tree_sizes": [3], "chosen_by": chosen_by}
    settings = make_settings(forest=forest)
    area = roc_auc_score(noise["state"], forest_vote(lazy_forest(noise, settings)))
    assert area > 0.9 if chosen_by == "f-test" else 0.3 < area < 0.7


def test_preselect_genes__takes_constant_genes_last():
    """Constant everywhere; constant within the classes, that is perfect; and noise."""
    expression = np.array([[5, 0, 1], [5, 0, 2], [5, 1, 1], [5, 1, 2.5]])
    cohort = make_cohort(expression, list("0011"), ["flat", "perfect", "noise"], list("abcd"))
    assert preselect_genes(cohort, 1)["gene"].values.tolist() == ["perfect"]
    assert preselect_genes(cohort, 2)["gene"].values.tolist() == ["perfect", "noise"]


def test_preselect_genes__rounding_does_not_lose_a_perfect_gene():
    """Without spread in the classes scikit-learn's F can round to less than nothing."""
    y = np.repeat([0, 1], [16, 17])
    perfect = np.where(y, 0.95, -0.5).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=33)
    assert f_classif(perfect[:, None].astype(float), y)[0] < 0
    names = [f"o{k}" for k in range(33)]
    cohort = make_cohort(np.column_stack([noise, perfect]), y, ["noise", "perfect"], names)
    assert preselect_genes(cohort, 1)["gene"].values.tolist() == ["perfect"]


@pytest.mark.parametrize("n_genes", [0, 16, 99])
def test_preselect_genes__takes_all(cohort, n_genes):
    assert preselect_genes(cohort, n_genes).identical(cohort)


@pytest.mark.parametrize("k", [100, 40, 16])
@pytest.mark.parametrize("at_least", [64, 1])
@pytest.mark.parametrize("fdr", [1, 0.05, 1e-19])
def test_keep_best__is_the_filter_with_fewer_pixels(images, k, at_least, fdr):
    options = {"fdr": fdr, "at_least": at_least}
    whole = filter_pixels(images, k=150, **options)
    # all that may be kept; those that pass; and none does
    assert whole.sizes["pixel"] == {1: 150, 0.05: 129, 1e-19: at_least}[fdr]
    assert keep_best(whole, k).identical(filter_pixels(images, k=k, **options))


def test_keep_best__of_the_pixels_that_vary_most(images):
    whole = filter_pixels(images, k=200, supervised=False)
    assert keep_best(whole, 50).identical(filter_pixels(images, k=50, supervised=False))


def test_filter_fold__is_filter_pixels_by_every_strength(cohort, tmp_path):
    ran, forest = make_fold(cohort, TEST, BOTH, tmp_path / "a" / "0-0")
    hidden = hide_labels(cohort, TEST).drop_vars("label")
    assert forest.identical(lazy_forest(hidden, BOTH).compute())
    assert forest.sizes["gene"] == BOTH.forest.n_genes
    images = observation_images(forest)
    expected = {
        24: filter_pixels(images, k=24, fdr=0.5),
        "none": filter_pixels(images, k=30, supervised=False),
        40: filter_pixels(images, k=40, fdr=0.5),
    }
    assert list(ran.tables) == list(expected)
    for strength, table in expected.items():
        assert ran.tables[strength].identical(table.assign_attrs(stamp()))
    assert ran.cohort.identical(hidden)
    np.testing.assert_array_equal(ran.vote, forest_vote(forest))


def test_filter_fold__reads_what_is_there(cohort, tmp_path, monkeypatch):
    first, _ = make_fold(cohort, TEST, BOTH, tmp_path)
    costs = {file: file.read_text() for file in tmp_path.glob("*.json")}
    assert {file.stem for file in costs} == {"forest", "relevant", "varying"}

    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(fold, "filter_pixels", refuse)
    monkeypatch.setattr("deepnic.store.forest._grow", refuse)
    again, _ = make_fold(cohort, TEST, BOTH, tmp_path)
    assert all(again.tables[k].identical(table) for k, table in first.tables.items())
    assert {file: file.read_text() for file in tmp_path.glob("*.json")} == costs


def test_fold__is_read_here_though_there_are_workers(cohort, tmp_path, monkeypatch):
    """They may not see its folder."""
    fold, forest = make_fold(cohort, TEST, BOTH, tmp_path)
    kind = {"n_workers": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**kind) as cluster, Client(cluster), monkeypatch.context() as patched:
        patched.setattr(Client, "get", None)
        again = grow(fold.cohort, BOTH, tmp_path)
        tables = read_tables(tmp_path, BOTH)
    assert again.identical(forest)
    assert all(tables[k].identical(table) for k, table in fold.tables.items())


def test_filter_fold__makes_only_the_tables_asked_for(cohort, tmp_path):
    hidden = hide_labels(cohort, TEST)
    forest = grow(hidden, BOTH, tmp_path)
    for strength, name in ((16, "relevant"), ("none", "varying")):
        settings = make_settings(arms={"strengths": [strength]})
        (tmp_path / name).mkdir()
        filter_fold(hidden, forest, settings, tmp_path / name)
        assert [path.stem for path in (tmp_path / name).glob("*.zarr")] == [name]
