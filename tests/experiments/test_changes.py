"""What was changed since the first study, taken back: against scikit-learn and Student."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.preprocessing import StandardScaler

from deepnic.cohort import make_cohort
from deepnic.study.arms.canvas import PathArm
from deepnic.study.arms.classifiers import ExpressionArm
from deepnic.study.cohorts import cut
from deepnic.study.fold import fit_fold
from studies.experiments import changes
from tests.study.conftest import TINY, make_settings

ARM = PathArm("snail", 16, "pixel")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Folder, settings and first fold of 60 patients of noise, 20 of them sick."""
    values = np.random.default_rng(0).normal(size=(60, 60))
    labels = np.where(np.arange(60) % 3, "well", "sick")
    names = [f"g{k}" for k in range(60)], [f"p{k}" for k in range(60)]
    cohort = make_cohort(values, labels, *names)
    settings = make_settings(TINY, forest={"n_trees": 8, "n_genes": 20}, parts=3)
    (split, *_) = cut({"noise": cohort}, settings)
    return tmp_path_factory.mktemp("study"), settings, split


@pytest.fixture(scope="module")
def fold(study):
    folder, settings, split = study
    return fit_fold(split.hidden, settings, folder / split.folder)


def test_ask__tells_of_test_patients_what_each_says_by_itself(study, fold, tmp_path):
    folder, settings, split = study
    told = changes.ask(ARM, split, settings, folder, {"noise": split.cohort})
    test = fold.state < 0
    assert set(told["item"]) == set(fold.ids[test])
    by_itself = told[told["arm"].str.contains("own probabilities")]
    assert by_itself["arm"].nunique() == 4
    assert (by_itself["predicted"] == (by_itself["score"] > 0.5)).all()
    values, known = fold.cohort["expression"].values.astype(float), ~test
    scale = StandardScaler().fit(values[known])
    for name, weight in ((changes.CLASSICAL_RULE, "balanced"), (changes.CLASSICAL_WEIGHTS, None)):
        model = LogisticRegression(C=0.01, class_weight=weight, max_iter=1000)
        model.fit(scale.transform(values[known]), fold.state[known])
        wanted = model.predict_proba(scale.transform(values[test]))[:, 1]
        np.testing.assert_allclose(told.set_index("arm").loc[name, "score"], wanted, rtol=1e-6)
    # a rule keeps the order; of noise a network by itself knows too much
    scores = told.pivot_table("score", "item", "arm")
    own, ruled = (scores[name] for name in (changes.ONE_FOREST, changes.ONE_FOREST_RULE))
    assert (np.diff(ruled[own.sort_values().index]) >= 0).all()
    assert ruled.std() < own.std()
    # as it was read is here as it is, and ten parts are a study's of as many
    ten = fit_fold(split.hidden, make_settings(settings, parts=10), tmp_path)
    same = {
        changes.AS_READ: ARM.fit_predict(fold, 0),
        changes.CLASSICAL_AS_READ: ExpressionArm("logistic regression").fit_predict(fold, 0),
        changes.TEN_PARTS: ARM.fit_predict(ten, 0),
    }
    assert len(ten.pipelines) == 10
    for name, answer in same.items():
        np.testing.assert_array_equal(scores.loc[fold.ids[test], name], answer.score[test])


def test_network_of_each__is_asked_of_its_part_and_all_of_them_of_new_patients(fold, monkeypatch):
    def fake(canvas, **_):
        assert canvas.sizes.get("pipeline", 1) == 1
        return SimpleNamespace(margin=canvas["image"].sum(["row", "column"]).values.ravel().copy())

    monkeypatch.setattr(changes, "train", fake)
    pixels = np.stack([one.tables[16]["value"].sum("pixel").values for one in fold.pipelines])
    wanted = np.where(
        fold.part < 0, pixels.mean(axis=0), pixels[fold.part, np.arange(len(fold.part))]
    )
    np.testing.assert_allclose(changes.network_of_each(ARM, fold), wanted, rtol=1e-5)


def test_read_without_log2__reads_what_the_study_takes_the_logarithm_of(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "patient,state,g1,g2,g3\n" + "".join(f"p{k},{k % 2},{k + 2},4,{k * k}\n" for k in range(8))
    )
    cohorts = {"a": {"file": file, "log2": True}, "b": {"file": file}}
    read = changes.read_without_log2(make_settings(TINY, cohorts=cohorts))
    assert [*read] == ["a"]
    np.testing.assert_array_equal(read["a"]["expression"].sel(gene="g1"), np.arange(8) + 2)


def test_gains__are_means_over_cohorts(monkeypatch):
    rng = np.random.default_rng(0)
    arms = [ARM.name, changes.OWN_RULE, changes.ONE_FOREST, changes.CLASSICAL,
            changes.CLASSICAL_RULE, changes.CLASSICAL_WEIGHTS]  # fmt: skip
    rows = pd.MultiIndex.from_product([[*"abcd"], arms, range(30)], names=["cohort", "arm", "item"])
    told = rows.to_frame(index=False).assign(repeat=0, fold=0, seed=0, kind="", permutation=-1)
    told["state"] = told["item"] % 2
    told["score"] = np.clip(told["state"] + rng.normal(scale=0.6, size=len(told)), 0, 1)
    told["predicted"] = (told["score"] > 0.5).astype(int)
    whole = {name: name for name in "abcd"}
    monkeypatch.setattr(changes, "read_study", lambda study: SimpleNamespace(whole=whole))
    table = changes.gains(told, ARM.name, "study").set_index(["change", "of", "measure"])
    brier = told.groupby(["cohort", "arm"])[["state", "score"]].apply(
        lambda one: brier_score_loss(one["state"], one["score"])
    )
    lead = 100 * (brier.xs(changes.OWN_RULE, level=1) - brier.xs(changes.ONE_FOREST, level=1))
    half = t.ppf(0.975, 3) * lead.std() / 2
    row = table.loc["cross-fitting", changes.ONE_FOREST, "Brier score"]
    assert row["before"] == f"{brier.xs(changes.ONE_FOREST, level=1).mean():.3f}"
    ends = f"({lead.mean() - half:.1f} to {lead.mean() + half:+.1f})".replace("-", "−")
    assert row["gain"].endswith(ends)
