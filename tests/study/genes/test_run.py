"""A study of genes to its end: what is planted is found, permuted labels are not, it goes on."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from deepnic.analysis.gene_findings import find_genes
from deepnic.assembly.gene_canvas import pixel_table
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.nic import family
from deepnic.report import write_report
from deepnic.report.markdown import write_tables
from deepnic.study import work
from deepnic.study.genes import fold as fold_of_genes
from deepnic.study.genes import run
from deepnic.study.genes.arms import CountsArm, RankingArm, arms_of, canvas
from deepnic.study.genes.fold import Half, cut
from deepnic.study.genes.folder import read_gene_study
from deepnic.study.genes.run import run_gene_study
from deepnic.study.genes.settings import GeneStudySettings

FEW = {
    "halves": 1,
    "epochs": 2,
    "training_genes": 200,
    "judged_genes": 200,
    "tasks": ["strength", "permuted"],
    "rules": {"two genes": 6.0},
    "forest": {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3]},
    "arms": {
        "paths": ["snail", "linear"],
        "strengths": [16],
        "closely": ["two genes"],
        "dose": {"doses": [0, 2], "pixels": 16},
    },
}


@pytest.fixture(scope="module")
def cohort():
    """80 patients, 300 genes, a third of which differ between the classes."""
    rng = np.random.default_rng(0)
    state = np.arange(80) % 2
    values = rng.normal(size=(80, 300))
    values[:, ::3] += np.linspace(0.2, 1.5, 100) * state[:, None]
    genes, observations = [f"g{k}" for k in range(300)], [f"SECRET{k}" for k in range(80)]
    return make_cohort(values, state.astype(str), genes, observations)


@pytest.fixture(scope="module")
def folder(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("genes") / "study"
    run_gene_study({"made": cohort}, folder, FEW)
    return folder


def test_run_gene_study__finds_what_is_there_and_nothing_where_there_is_nothing(folder):
    scores = pd.read_csv(folder / "scores.csv").set_index(["task", "arm"])["value"]
    assert set(scores.index.get_level_values("task")) == {"strength", "permuted", "two genes"}
    assert scores["strength", "t"] > 0.2
    assert scores["strength", "NIC1"] > 0.1
    assert scores["permuted"].abs().max() < 0.45  # some hundred genes, 25 arms
    assert abs(scores["permuted"].mean()) < 0.15
    assert not any("SECRET" in file.read_text() for file in folder.rglob("*.csv"))
    told = pd.read_csv(folder / "columns.csv")
    for table in ("scores", "summary", "differences"):
        columns = set(pd.read_csv(folder / f"{table}.csv").columns)
        assert columns == set(told[told["table"] == table]["name"])
    pairs = {*pd.read_csv(folder / "differences.csv").set_index(["arm", "other"]).index}
    assert ("snail, 16 pixels", "random placement, 16 pixels") in pairs
    assert ("linear, 16 pixels", "snail, 16 pixels") in pairs


def test_run_gene_study__a_dose_of_none_is_the_path_itself(folder):
    scores = pd.read_csv(folder / "scores.csv").query("task == 'two genes'").set_index("arm")
    for path in ("snail", "linear", "random placement"):
        undosed = scores.loc[f"{path}, 16 pixels and 0 times as many of noise", "value"]
        assert undosed == scores.loc[f"{path}, 16 pixels", "value"]


def test_arms__of_all_combinations_learn_from_few_genes_and_judge_all(
    cohort, tmp_path, monkeypatch
):
    few = {"halves": 1, "judged_genes": 200, "sampled_genes": 20, "forest": FEW["forest"]}
    settings = GeneStudySettings(**few)
    (split, *_) = cut({"made": cohort}, settings)
    fold = Half(split, settings, tmp_path).fold("strength")
    monkeypatch.setattr(canvas, "answered", lambda table, fold, asked, *_: table["item"].values)
    met = canvas.GenePathArm("linear", "all", "pixel").fit_predict(fold, seed=0)
    asked = pd.Series(fold.part, fold.item)[met].value_counts()
    assert asked["training"] == asked["validation"] == 20
    assert asked["test"] == (fold.part == "test").sum() > 20


def test_run_gene_study__arms_without_pixels_stay_where_the_filter_leaves_none(
    cohort, tmp_path, caplog
):
    """Of many patients of noise no tree is perfect."""
    few = FEW | {"tasks": ["strength"], "rules": {}, "arms": {"paths": ["snail"], "strengths": [16],
                 "networks": ["small"], "closely": []}}  # fmt: skip
    few["forest"] = {"n_trees": 3, "weight_ranges": [3], "tree_sizes": [3]}
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=(160, 300)), (np.arange(160) % 2).astype(str)
    names = cohort["gene"].values.tolist(), [f"o{k}" for k in range(160)]
    run_gene_study(make_cohort(values, labels, *names), tmp_path / "s", few)
    scores = pd.read_csv(tmp_path / "s" / "scores.csv").set_index("arm")
    assert "t" in scores.index
    assert "gradient boosting on counts" in scores.index
    assert "snail, 16 pixels" not in scores.index
    why = "no pixel of 510 combinations is left after the data stage"
    assert why in write_report(tmp_path / "s").read_text()
    told = [one for one in caplog.messages if one.startswith("not made: snail, 16 pixels, seed 0")]
    assert len(told) == 1
    assert why in told[0]


def test_run_gene_study__goes_on_where_it_stopped(cohort, tmp_path, monkeypatch, done_before):
    arms = {"paths": ["snail"], "strengths": [16], "networks": ["small"], "dose": {"doses": []}}
    few = FEW | {"tasks": ["strength"], "rules": {}, "arms": arms}
    run_gene_study({"made": cohort}, tmp_path / "whole", few)
    asked, fit_predict = [], work.fit_predict

    def stopping(arm, fold, seed):
        if len(asked) == 8:
            raise KeyboardInterrupt
        asked.append(arm.name)
        return fit_predict(arm, fold, seed)

    with monkeypatch.context() as patched:
        patched.setattr(work, "fit_predict", stopping)
        with pytest.raises(KeyboardInterrupt):
            run_gene_study({"made": cohort}, tmp_path / "s", few)
    run_gene_study({"made": cohort}, tmp_path / "s", few)
    assert done_before == [0, 0, 8]
    for table in ("scores", "summary", "differences", "occlusion"):
        name = f"{table}.csv"
        assert (tmp_path / "s" / name).read_text() == (tmp_path / "whole" / name).read_text()
    with pytest.raises(InputError, match="another study, which differs in halves"):
        run_gene_study({"made": cohort}, tmp_path / "s", few | {"halves": 2})


def test_network_of_tiles__is_shown_whole_tiles_of_any_forest(cohort, tmp_path):
    """Under one condition of 18, each tile is undefined but for one cell."""
    settings = GeneStudySettings(**FEW)
    fold = Half(cut({"made": cohort}, settings)[0], settings, tmp_path).fold("strength")
    (arm,) = (arm for arm in arms_of(settings.arms) if arm.method == "tiles")
    shown = make_images(canvas_arrays(arm.canvas(fold, 0)))(torch.arange(len(fold.item)))
    table = pixel_table(fold.counts, family("distinct"))
    assert table.sizes["pixel"] == 510
    image = np.full((len(fold.item), 96, 96), np.nan, np.float32)
    for k in range(510):  # tree size 3 is the last row, weight range 3 the first column
        image[:, k // 32 * 6 + 5, k % 32 * 3] = table["value"].values[:, k]
    np.testing.assert_array_equal(shown[:, :-1].sum(dim=1), np.nan_to_num(image))
    np.testing.assert_array_equal(shown[:, -1], ~np.isnan(image))


def test_half__learns_from_the_first_half_alone(cohort, tmp_path):
    """Other labels of the other half change what is judged, and nothing that is learnt from."""
    settings = GeneStudySettings(**FEW)
    split, *_ = cut({"made": cohort}, settings)
    label = cohort["label"].values.copy()
    label[split.other] = np.random.default_rng(1).permutation(label[split.other])
    state = (label == "1").astype(np.int8)
    changed = cohort.assign(state=("observation", state)).assign_coords(
        label=("observation", label)
    )
    other = replace(split, given=changed)
    before, after = (
        Half(one, settings, tmp_path / name).fold("strength")
        for one, name in ((split, "a"), (other, "b"))
    )
    both = np.intersect1d(before.item, after.item)
    assert len(both) > 100
    rows = [pd.Index(fold.item).get_indexer(both) for fold in (before, after)]
    for name in ("counts", "statistics"):
        ours, theirs = getattr(before, name), getattr(after, name)
        if name == "counts":
            ours, theirs = ours["count"].values, theirs["count"].values
        np.testing.assert_array_equal(np.asarray(ours)[rows[0]], np.asarray(theirs)[rows[1]])
    assert (before.truth[rows[0]] != after.truth[rows[1]]).any()


CONTROL = {
    "halves": 6,
    "tasks": ["permuted"],
    "forest": {"n_trees": 12, "weight_ranges": [3], "tree_sizes": [4]},
    "arms": {"strengths": ["distinct"], "closely": []},
}


@pytest.mark.parametrize("leaks", [False, True])
def test_control__catches_labels_of_the_half_that_judges(tmp_path, monkeypatch, leaks):
    """Trees grown on the very half that judges, of which nothing else is wrong."""
    arms = [CountsArm("linear model"), RankingArm("t")]
    monkeypatch.setattr(run, "arms_of", lambda settings: arms)
    if leaks:
        monkeypatch.setattr(fold_of_genes, "hide_labels", lambda one, half: hide_labels(one, ~half))
    values = np.random.default_rng(0).normal(size=(24, 1200))
    labels = (np.arange(24) % 2).astype(str)
    names = [[f"{letter}{k}" for k in range(n)] for letter, n in (("g", 1200), ("o", 24))]
    run_gene_study({"made": make_cohort(values, labels, *names)}, tmp_path / "s", CONTROL)
    control = find_genes(read_gene_study(tmp_path / "s")).control.set_index("arm")
    assert control["off_chance"].tolist() == [leaks, False]
    page = write_report(tmp_path / "s").read_text()
    assert ("for linear model on counts: not to be trusted above either" in page) == leaks
    assert ("interval of every arm contains 0" in page) != leaks


def test_control__shares_the_forest_as_nothing_differs_that_it_sees(folder):
    stores = {path.name for path in (folder / "folds" / "made" / "0").glob("forest-*.zarr")}
    assert len(stores) == 2  # as it is and permuted; and with the rule


def test_report__of_genes_has_the_answer_and_every_number(folder):
    page = write_report(folder).read_text()
    summary = pd.read_csv(folder / "summary.csv").query("column == 'value' and task != 'permuted'")
    assert all(f"{value:.3f}" in page for value in summary["mean"])
    assert all(name in page for name in summary["arm"])
    for heading in ("Paths beside a random placement", "What images know of genes",
                    "The dose of uninformative pixels", "Which pixels carry it",
                    "One gene under each path", "The ten criteria of a tree",
                    "Control: permuted labels", "What it cost", "How this was made"):  # fmt: skip
        assert heading in page
    assert "SECRET" not in page
    assert "Beside the best ranking by simple statistics" in page
    assert "Among uninformative pixels the paths change by" in page
    tables = write_tables(folder).read_text()
    assert "a single cut in halves says nothing of chance" in page
    assert not re.search(r"\bnan\b", page + tables)
    assert "two genes | snail, 16 pixels | random placement, 16 pixels" in tables
    assert all(name in tables for name in summary["arm"])
