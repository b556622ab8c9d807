import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from deepnic.study.statistics import METRICS, score_arms, summarise


def predictions(state, score, predicted, **place):
    place = {"arm": "a", "kind": "assembly", "repeat": 0, "fold": 0, "seed": 0} | place
    return pd.DataFrame({**place, "state": state, "score": score, "predicted": predicted})


def results(accuracy, **columns):
    """Results of one arm, a fold each, 10 test observations."""
    rows = {"arm": "a", "kind": "assembly", "repeat": 0, "seed": 0, "n_test": 10} | columns
    folds = {"fold": np.arange(len(accuracy))} if "fold" not in columns else {}
    return pd.DataFrame(
        rows | folds | {"accuracy": accuracy, "balanced_accuracy": accuracy, "auroc": accuracy}
    )


def of(summary, arm="a", metric="accuracy"):
    row = summary[(summary["arm"] == arm) & (summary["metric"] == metric)]
    return row[["mean", "low", "high"]].to_numpy()[0]


def test_score_arms__by_hand():
    table = score_arms(predictions([0, 0, 0, 1], [0.1, 0.6, 0.2, 0.5], [0, 1, 0, 1]))
    assert table["n_test"].item() == 4
    assert table.loc[0, list(METRICS)].tolist() == pytest.approx([3 / 4, (2 / 3 + 1) / 2, 2 / 3])


def test_score_arms__equals_sklearn_in_every_group():
    rng = np.random.default_rng(0)
    parts = [
        predictions(rng.permutation([0, 0, 0, 1, 1]), rng.random(5), rng.integers(0, 2, 5),
                    arm=arm, repeat=repeat, fold=fold, seed=seed)
        for arm in "ab" for repeat in (0, 1) for fold in (0, 1) for seed in (0, 1)
    ]  # fmt: skip
    table = score_arms(pd.concat(parts))
    assert len(table) == len(parts)
    for part, row in zip(parts, table.itertuples(), strict=True):
        place = part.iloc[0]
        assert (row.arm, row.kind, row.repeat, row.fold, row.seed) == tuple(place[:5])
        assert row.accuracy == (part["state"] == part["predicted"]).mean()
        assert row.balanced_accuracy == balanced_accuracy_score(part["state"], part["predicted"])
        assert row.auroc == roc_auc_score(part["state"], part["score"])


def test_score_arms__one_class_leaves_only_accuracy():
    table = score_arms(predictions([1, 1], [0.4, 0.6], [0, 1]))
    assert table["accuracy"].item() == 0.5
    assert table[["balanced_accuracy", "auroc"]].isna().all(axis=None)


def test_summarise__corrected_resampled_t_interval():
    accuracy = np.array([0.5, 0.6, 0.4, 0.55, 0.5])
    # 5 folds of 10 of 50: test to training is 1 to 4
    half = stats.t.ppf(0.975, 4) * np.sqrt(np.var(accuracy, ddof=1) * (1 / 5 + 10 / 40))
    np.testing.assert_allclose(
        of(summarise(results(accuracy), 50)), [0.51, 0.51 - half, 0.51 + half], rtol=1e-12
    )


def test_summarise__repeats_are_more_folds_and_confidence_widens():
    accuracy = np.array([0.5, 0.6, 0.4, 0.5])
    table = results(accuracy, repeat=[0, 0, 1, 1], fold=[0, 1, 0, 1])
    half = stats.t.ppf(0.95, 3) * np.sqrt(np.var(accuracy, ddof=1) * (1 / 4 + 10 / 30))
    np.testing.assert_allclose(
        of(summarise(table, 40, confidence=0.9)), [0.5, 0.5 - half, 0.5 + half], rtol=1e-12
    )


def test_summarise__clips_to_shares():
    np.testing.assert_array_equal(of(summarise(results([0.9, 1.0]), 20))[2], 1)
    np.testing.assert_array_equal(of(summarise(results([0.0, 0.1]), 20))[1], 0)


def test_summarise__single_fold_has_no_width():
    np.testing.assert_array_equal(of(summarise(results([0.7]), 20)), [0.7, 0.7, 0.7])


def test_summarise__averages_seeds_first():
    seeds = results([0.4, 0.6, 0.6, 0.8], fold=[0, 0, 1, 1], seed=[0, 1, 0, 1])
    np.testing.assert_allclose(
        of(summarise(seeds, 100)), of(summarise(results([0.5, 0.7]), 100)), rtol=1e-12
    )


def test_summarise__leaves_out_folds_where_undefined():
    table = results([0.5, 0.7, 0.6])
    table["auroc"] = [np.nan, 0.7, np.nan]
    np.testing.assert_array_equal(of(summarise(table, 30), metric="auroc"), [0.7, 0.7, 0.7])
    table["auroc"] = np.nan
    assert np.isnan(of(summarise(table, 30), metric="auroc")).all()


def test_summarise__arms_in_the_order_met():
    table = pd.concat([results([0.5, 0.6], arm=arm) for arm in ("z", "a", "m")])
    summary = summarise(table, 20)
    assert summary["arm"].unique().tolist() == ["z", "a", "m"]
    assert summary["metric"].tolist() == [*METRICS] * 3
    assert list(summary) == ["arm", "kind", "metric", "mean", "low", "high"]


def test_summarise__interval_covers_at_its_rate():
    """Folds without anything in common: the plain t interval, which the corrected one contains."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        _, low, high = of(summarise(results(rng.normal(0.5, 0.05, 5)), 50))
        covered += low <= 0.5 <= high
    assert covered >= stats.binom.ppf(0.01, 200, 0.95)


@pytest.mark.parametrize("metric", METRICS)
def test_summarise__same_folds_same_interval_for_every_metric(metric):
    summary = summarise(results([0.4, 0.7]), 20)
    np.testing.assert_array_equal(of(summary, metric=metric), of(summary))
