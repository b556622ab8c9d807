import statistics
import tempfile

import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.feature_selection import f_classif
from sklearn.metrics import roc_auc_score

from deepnic.assembly.cross_fitted import stack_pixels, without_part
from deepnic.cohort import hide_labels, make_cohort
from deepnic.nic import forest_vote, observation_images
from deepnic.pixels import filter_pixels
from deepnic.rop.origin import stamp
from deepnic.study import fold
from deepnic.study.fold import grow, keep_best, lazy_forest, preselect_genes, read_tables
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


def test_fit_fold__pipelines_are_filter_pixels_by_every_strength(cohort, tmp_path):
    """Of forests that saw neither the test labels nor those of the part."""
    fold = make_fold(cohort, TEST, BOTH, tmp_path / "a" / "0-0")
    assert len(fold.pipelines) == BOTH.parts == 2
    assert ((fold.part < 0) == TEST).all()
    for k, pipeline in enumerate(fold.pipelines):
        hidden = hide_labels(cohort, TEST | (fold.part == k)).drop_vars("label")
        forest = lazy_forest(hidden, BOTH).compute()
        assert forest.sizes["gene"] == BOTH.forest.n_genes
        images = observation_images(forest)
        expected = {
            24: filter_pixels(images, k=24, fdr=0.5),
            "none": filter_pixels(images, k=30, supervised=False),
            40: filter_pixels(images, k=40, fdr=0.5),
        }
        assert list(pipeline.tables) == list(expected)
        for strength, table in expected.items():
            assert pipeline.tables[strength].identical(table.assign_attrs(stamp()))
        np.testing.assert_array_equal(pipeline.vote, forest_vote(forest))
    assert fold.cohort.identical(hide_labels(cohort, TEST).drop_vars("label"))


def test_fit_fold__reads_what_is_there(cohort, tmp_path, monkeypatch):
    first = make_fold(cohort, TEST, BOTH, tmp_path)
    costs = {file: file.read_text() for file in tmp_path.glob("part-*/*.json")}
    names = {"forest", "relevant", "varying"}
    assert {(file.parent.name, file.stem) for file in costs} == {
        (part, name) for part in ("part-0", "part-1") for name in names
    }

    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(fold, "filter_pixels", refuse)
    monkeypatch.setattr("deepnic.store.forest._grow", refuse)
    again = make_fold(cohort, TEST, BOTH, tmp_path)
    for ours, theirs in zip(first.pipelines, again.pipelines, strict=True):
        assert all(theirs.tables[k].identical(table) for k, table in ours.tables.items())
    assert {file: file.read_text() for file in tmp_path.glob("part-*/*.json")} == costs


def test_fit_fold__is_read_here_though_there_are_workers(cohort, tmp_path, monkeypatch):
    """They may not see its folder."""
    fold = make_fold(cohort, TEST, BOTH, tmp_path)
    hidden = without_part(fold.cohort, fold.part, 0)
    kind = {"n_workers": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**kind) as cluster, Client(cluster), monkeypatch.context() as patched:
        patched.setattr(Client, "get", None)
        again = grow(hidden, BOTH, tmp_path / "part-0")
        tables = read_tables(tmp_path / "part-0", BOTH)
    assert again["vote"].identical(lazy_forest(hidden, BOTH)["vote"].compute())
    assert all(tables[k].identical(table) for k, table in fold.pipelines[0].tables.items())


def test_fit_fold__makes_only_the_tables_asked_for(cohort, tmp_path):
    for strength, name in ((16, "relevant"), ("none", "varying")):
        settings = make_settings(arms={"strengths": [strength]})
        make_fold(cohort, TEST, settings, tmp_path / name)
        made = {path.stem for path in (tmp_path / name / "part-0").glob("*.zarr")}
        assert made == {"forest", name} | ({"chosen"} if strength == 16 else set())


def test_fit_fold__training_images_obey_the_law_of_test_images():
    """On noise a pixel that labels chose tells nothing of those that did not choose it."""
    rng = np.random.default_rng(1)
    labels, test = np.tile(["sick", "well"], 40), np.arange(80) >= 50
    names = [f"g{k}" for k in range(400)], [f"o{k}" for k in range(80)]
    noise = make_cohort(rng.normal(size=(80, 400)), labels, *names, positive="sick")
    forest = {"n_genes": 20, "n_trees": 10, "tree_sizes": [3]}
    settings = make_settings(forest=forest, arms={"strengths": [64]}, parts=5)
    with tempfile.TemporaryDirectory() as folder:
        fold = make_fold(noise, test, settings, folder)
    state = noise["state"].values
    shown = np.nan_to_num(stack_pixels([one.tables[64] for one in fold.pipelines]))
    own = shown[fold.part, np.arange(80)][~test].mean(axis=1)
    new = shown.mean(axis=(0, 2))[test]
    chosen = shown[0].mean(axis=1)[(fold.part > 0)]  # the old way: by who chose the pixels
    areas = [
        roc_auc_score(state[~test], own),
        roc_auc_score(state[test], new),
        roc_auc_score(state[fold.part > 0], chosen),
    ]
    assert all(0.3 < area < 0.7 for area in areas[:2])
    assert areas[2] > 0.9
