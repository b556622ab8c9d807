"""Scores of genes' arms against scikit-learn and SciPy, one place at a time."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from deepnic.analysis.gene_scores import ROPE, differences, quality, score_genes, summarise_genes

N = 400


def made(truth, scores, cohort="a", task="strength", half=0):
    """Predictions of arms by name, the first half of the genes for validation."""
    part = np.where(np.arange(N) < N // 2, "validation", "test")
    frames = [
        pd.DataFrame({"item": [f"g{k}" for k in range(N)], "part": part, "truth": truth,
                      "score": score, "arm": name, "kind": kind, "seed": 0, "cohort": cohort,
                      "task": task, "half": half})
        for (name, kind), score in scores.items()
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def signals():
    """A truth of two independent parts; one is known to the images, one to the statistics."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(2, N))
    noise = rng.normal(size=(4, N))
    truth = parts.sum(axis=0) + noise[0]
    return stats.rankdata(truth) / N, {
        ("images", "assembly"): parts[0] + 0.3 * noise[1],
        ("copy", "counts"): parts[1] + 0.3 * noise[2],
        ("simple", "statistics"): parts[1] + 0.3 * noise[2],
        ("bad", "statistics"): noise[3],
    }


def test_quality__by_the_truth():
    rng = np.random.default_rng(1)
    score, state, rank = rng.normal(size=50), np.arange(50.0) % 2, rng.random(50)
    assert quality(state, score) == pytest.approx(roc_auc_score(state, score))
    assert quality(rank, score) == pytest.approx(stats.spearmanr(rank, score)[0])
    assert np.isnan(quality(np.ones(50), score))
    assert quality(state, np.ones(50)) == 0.5
    assert quality(rank, np.ones(50)) == 0


def test_score_genes__value_on_the_test_genes_and_what_is_added(signals):
    truth, scores = signals
    table = score_genes(made(truth, scores)).set_index("arm")
    test = slice(N // 2, N)
    for (arm, _), score in scores.items():
        expected = stats.spearmanr(truth[test], score[test])[0]
        assert table.loc[arm, "value"] == pytest.approx(expected)
    assert set(table["metric"]) == {"spearman"}
    assert set(table["n_test"]) == {N // 2}
    assert table.loc["images", "added"] > 0.1  # the other part of the truth
    assert abs(table.loc["copy", "added"]) < 0.02  # nothing beside the same once more
    assert table.loc[["simple", "bad"], "added"].isna().all()


def test_score_genes__weights_are_fitted_on_the_validation_genes_only(signals):
    truth, scores = signals
    before = score_genes(made(truth, scores)).set_index("arm")
    other = truth.copy()
    other[N // 2 :] = other[N // 2 :][::-1]
    after = score_genes(made(other, scores)).set_index("arm")
    assert (before["value"] != after["value"]).all()
    turned = made(np.where(np.arange(N) < N // 2, 1 - truth, truth), scores)
    assert score_genes(turned).set_index("arm").loc["images", "added"] < -0.3


def test_score_genes__classes_by_auroc(signals):
    truth, scores = signals
    table = score_genes(made((truth > 0.5).astype(float), scores))
    assert set(table["metric"]) == {"auroc"}


@pytest.fixture(scope="module")
def scores():
    """Three arms in five cohorts of two halves: b is 5 points above a, c the same as a."""
    rng = np.random.default_rng(2)
    rows = []
    for cohort in "pqrst":
        level = rng.uniform(0.6, 0.9)
        for half in range(2):
            for arm, lead in {"a": 0, "b": 0.05, "c": 0}.items():
                value = level + lead + rng.normal(0, 0.004)
                rows.append((cohort, "strength", half, arm, 0, "spearman", 100, value, np.nan))
    names = ["cohort", "task", "half", "arm", "seed", "metric", "n_test", "value", "added"]
    return pd.DataFrame(rows, columns=names)


def test_summarise_genes__cohorts_are_the_units(scores):
    summary = summarise_genes(scores, ["value"]).set_index("arm")
    means = scores[scores["arm"] == "b"].groupby("cohort")["value"].mean()
    expected = stats.t.interval(0.95, 4, means.mean(), stats.sem(means))
    assert summary.loc["b", ["low", "high"]].tolist() == pytest.approx(expected)
    assert summary.loc["b", "n_cohorts"] == 5


def test_differences__paired_over_cohorts(scores):
    table = differences(scores, [("b", "a"), ("c", "a"), ("x", "a")]).set_index("arm")
    assert list(table.index) == ["b", "c"]
    means = scores.groupby(["arm", "cohort"])["value"].mean()
    apart = (means["b"] - means["a"]).to_numpy()
    t, p = stats.ttest_1samp(apart, 0)
    assert table.loc["b", "p"] == pytest.approx(2 * p)  # Holm: the least of two
    assert table.loc["b", "low"] == pytest.approx(
        apart.mean() - stats.t.ppf(0.975, 4) * apart.mean() / t
    )
    assert table.loc["b", "better"] > 0.99
    assert table.loc["c", "same"] > 0.9
    drawn = apart.mean() + stats.sem(apart) * stats.t.rvs(4, size=200_000, random_state=0)
    assert table.loc["b", "better"] == pytest.approx((drawn > ROPE).mean(), abs=0.005)
    rng = np.random.default_rng(3)
    sd, lead = apart.std(ddof=1), table.loc["b", "detectable"]
    found = stats.ttest_1samp(rng.normal(lead, sd, size=(20_000, 5)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.06)
    sums = table[["worse", "same", "better"]].sum(axis=1)
    np.testing.assert_allclose(sums, 1)


def test_summarise_genes__halves_of_a_lone_cohort_are_no_independent_units(scores):
    alone = scores[scores["cohort"] == "p"].assign(half=range(6))
    alone["arm"] = "a"
    summary = summarise_genes(alone, ["value"]).iloc[0]
    values = alone["value"].to_numpy()
    half = stats.t.ppf(0.975, 5) * values.std(ddof=1) * np.sqrt(1 / 6 + 1)
    assert summary["high"] - summary["mean"] == pytest.approx(half)
    assert summary["n_cohorts"] == 1
    lone = summarise_genes(alone.iloc[:1], ["value"]).iloc[0]
    assert np.isnan(lone["low"])
    assert lone["mean"] == values[0]
