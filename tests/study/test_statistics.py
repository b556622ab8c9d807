import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from deepnic.study.statistics import METRICS, score_arms, summarise


def predictions(state, score, predicted, **place):
    place = {"arm": "a", "kind": "assembly", "repeat": 0, "fold": 0, "seed": 0} | place
    return pd.DataFrame({**place, "state": state, "score": score, "predicted": predicted})


def random_predictions(n, seed=0):
    """One arm that is right for 70 % of n patients, half of each class, in one fold."""
    rng = np.random.default_rng(seed)
    state = np.arange(n) % 2
    predicted = np.where(rng.random(n) < 0.7, state, 1 - state)
    score = predicted * 0.4 + rng.random(n) * 0.6
    return predictions(state, score, predicted).assign(item=[f"patient {k}" for k in range(n)])


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


def test_summarise__mean_is_that_of_sklearn():
    table = random_predictions(40)
    expected = [
        (table["state"] == table["predicted"]).mean(),
        balanced_accuracy_score(table["state"], table["predicted"]),
        roc_auc_score(table["state"], table["score"]),
    ]
    np.testing.assert_allclose(summarise(table)["mean"], expected, rtol=1e-12)


def test_summarise__auroc_compares_within_a_network_only():
    """Scores of two folds on different scales: no pair across folds counts."""
    low = predictions([0, 1], [0.1, 0.2], [0, 0], fold=0).assign(item=["p", "q"])
    high = predictions([0, 1], [0.8, 0.9], [1, 1], fold=1).assign(item=["r", "s"])
    table = pd.concat([low, high], ignore_index=True)
    assert of(summarise(table), metric="auroc")[0] == 1
    assert roc_auc_score(table["state"], table["score"]) == 0.75


def test_summarise__interval_is_a_bootstrap_within_classes():
    """Near the normal interval whose variance adds up over the classes."""
    table = random_predictions(400)
    _, low, high = of(summarise(table))
    right = table["state"] == table["predicted"]
    variance = sum(right[table["state"] == k].var(ddof=0) * 200 for k in (0, 1)) / 400**2
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    np.testing.assert_allclose([low, high], [right.mean() - half, right.mean() + half], atol=0.006)


def test_summarise__repeats_and_seeds_make_no_patients():
    """The same predictions made four times say no more than once."""
    once = random_predictions(30)
    again = [once.assign(repeat=repeat, seed=seed) for repeat in (0, 1) for seed in (0, 1)]
    pd.testing.assert_frame_equal(summarise(pd.concat(again, ignore_index=True)), summarise(once))


def test_summarise__confidence_widens():
    table = random_predictions(40)
    narrow, wide = (of(summarise(table, confidence=c)) for c in (0.5, 0.99))
    assert wide[1] < narrow[1] < narrow[0] < narrow[2] < wide[2]


def test_summarise__one_class_is_undefined():
    table = predictions([1, 1], [0.4, 0.6], [0, 1]).assign(item=["p", "q"])
    assert summarise(table)[["mean", "low", "high"]].isna().all(axis=None)


def test_summarise__arms_in_the_order_met():
    table = pd.concat([random_predictions(20).assign(arm=arm) for arm in ("z", "a", "m")])
    summary = summarise(table)
    assert summary["arm"].unique().tolist() == ["z", "a", "m"]
    assert summary["metric"].tolist() == [*METRICS] * 3
    assert list(summary) == ["arm", "kind", "metric", "mean", "low", "high"]


def test_summarise__interval_covers_at_its_rate():
    covered = 0
    for seed in range(100):
        _, low, high = of(summarise(random_predictions(60, seed)))
        covered += low <= 0.7 <= high
    assert covered >= stats.binom.ppf(0.001, 100, 0.95)
