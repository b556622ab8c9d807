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
from deepnic.study.cohorts import cut
from deepnic.study.fold import fit_fold
from studies.experiments import changes
from tests.study.conftest import TINY, make_settings

ARM = PathArm("snail", 16, "pixel")


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    """Of 60 patients of noise, 20 of them sick."""
    values = np.random.default_rng(0).normal(size=(60, 60))
    labels = np.where(np.arange(60) % 3, "well", "sick")
    names = [f"g{k}" for k in range(60)], [f"p{k}" for k in range(60)]
    cohort = make_cohort(values, labels, *names)
    settings = make_settings(TINY, forest={"n_trees": 8, "n_genes": 20}, parts=3)
    (split, *_) = cut({"noise": cohort}, settings)
    return fit_fold(split.hidden, settings, tmp_path_factory.mktemp("fold"))


def test_ask__tells_of_test_patients_what_each_says_by_itself(fold):
    told = changes.ask(ARM, fold)
    test = fold.state < 0
    assert set(told["item"]) == set(fold.ids[test])
    assert (told["predicted"] == (told["score"] > 0.5)).all()
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
