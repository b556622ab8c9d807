"""A study of genes to its end: what is planted is found, permuted labels are not, it goes on."""

import numpy as np
import pandas as pd
import pytest

from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.report import write_report
from deepnic.study import work
from deepnic.study.genes.fold import Half, cut
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
    pairs = pd.read_csv(folder / "differences.csv").set_index(["arm", "other"]).index
    assert ("snail, 16 pixels", "random placement, 16 pixels") in pairs
    assert ("linear, 16 pixels", "snail, 16 pixels") in pairs


def test_run_gene_study__goes_on_where_it_stopped(folder, cohort, tmp_path, monkeypatch):
    asked, fit_predict = [], work.fit_predict

    def stopping(arm, fold, seed):
        if len(asked) == 30:
            raise KeyboardInterrupt
        asked.append(arm.name)
        return fit_predict(arm, fold, seed)

    with monkeypatch.context() as patched:
        patched.setattr(work, "fit_predict", stopping)
        with pytest.raises(KeyboardInterrupt):
            run_gene_study({"made": cohort}, tmp_path / "s", FEW)
    run_gene_study({"made": cohort}, tmp_path / "s", FEW)
    for table in ("scores", "summary", "differences"):
        name = f"{table}.csv"
        assert (tmp_path / "s" / name).read_text() == (folder / name).read_text()
    with pytest.raises(InputError, match="another study, which differs in halves"):
        run_gene_study({"made": cohort}, folder, FEW | {"halves": 2})


def test_half__learns_from_the_first_half_alone(cohort, tmp_path):
    """Other labels of the other half change what is judged, and nothing that is learnt from."""
    settings = GeneStudySettings(**FEW)
    split = next(cut({"made": cohort}, settings))
    label = cohort["label"].values.copy()
    label[split.other] = np.random.default_rng(1).permutation(label[split.other])
    state = (label == "1").astype(np.int8)
    changed = cohort.assign(state=("observation", state)).assign_coords(
        label=("observation", label)
    )
    other = type(split)("made", "", 0, changed, split.other)
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
