from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    roc_auc_score,
)
from statsmodels.stats.proportion import proportion_confint

from deepnic.analysis.limits import area
from deepnic.analysis.metrics import BINS, METRICS, calibration, probability, score_arms, summarise


def predictions(state, score, predicted, **place):
    place = {"arm": "a", "kind": "assembly", "repeat": 0, "fold": 0, "seed": 0} | place
    return pd.DataFrame({**place, "state": state, "score": score, "predicted": predicted})


def random_predictions(n, seed=0):
    """One arm that is right for 70 % of n patients, half of each class, in one fold."""
    rng = np.random.default_rng(seed)
    state = np.arange(n) % 2
    predicted = np.where(rng.random(n) < 0.7, state, 1 - state)
    score = (predicted + rng.random(n)) / 2
    return predictions(state, score, predicted).assign(item=[f"patient {k}" for k in range(n)])


def of(summary, arm="a", metric="accuracy"):
    row = summary[(summary["arm"] == arm) & (summary["metric"] == metric)]
    return row[["mean", "low", "high"]].to_numpy()[0]


def repeated_predictions(n=24, repeats=2, folds=2, seeds=1, seed=0):
    """One arm in repeated cross-validation; a patient's scores differ between networks."""
    rng = np.random.default_rng(seed)
    state = np.arange(n) % 3 // 2
    parts = []
    for repeat in range(repeats):
        fold = rng.permutation(n) % folds
        for network in range(seeds):
            score = np.clip(0.35 + 0.3 * state + rng.normal(0, 0.25, n), 0, 1)
            told = predictions(state, score, (score > 0.5) * 1, repeat=repeat, seed=network)
            parts.append(told.assign(fold=fold, item=[f"patient {k}" for k in range(n)]))
    return pd.concat(parts, ignore_index=True)


def test_score_arms__by_hand():
    table = score_arms(predictions([0, 0, 0, 1], [0.1, 0.6, 0.2, 0.5], [0, 1, 0, 1]))
    assert table["n_test"].item() == 4
    expected = [3 / 4, (2 / 3 + 1) / 2, 2 / 3, (0.01 + 0.36 + 0.04 + 0.25) / 4]
    assert table.loc[0, list(METRICS)].tolist() == pytest.approx(expected)


def test_score_arms__equals_sklearn_in_every_group():
    rng = np.random.default_rng(0)
    parts = []
    for kind, repeat, fold, seed in product(("x", "w"), (0, 1), (1, 0), range(4)):
        score = rng.integers(0, 5, 5) / 4.5  # ties among them
        place = {"arm": f"arm {kind}", "kind": kind, "repeat": repeat, "fold": fold, "seed": seed}
        state = rng.permutation([0, 0, 0, 1, 1])
        parts.append(predictions(state, score, (score > 0.5) * 1, **place))
    table = score_arms(pd.concat(parts))
    assert len(table) == len(parts)
    for part, row in zip(parts, table.itertuples(), strict=True):
        place = part.iloc[0]
        assert (row.arm, row.kind, row.repeat, row.fold, row.seed) == tuple(place[:5])
        assert row[7:] == pytest.approx(sklearn_metrics(part))


def sklearn_metrics(table):
    y, predicted, score = table["state"], table["predicted"], table["score"]
    return (
        accuracy_score(y, predicted),
        balanced_accuracy_score(y, predicted),
        roc_auc_score(y, score),
        brier_score_loss(y, score),
    )


def test_score_arms__one_class_leaves_accuracy_and_brier():
    table = score_arms(predictions([1, 1], [0.4, 0.6], [0, 1]))
    assert table["accuracy"].item() == 0.5
    assert table["brier"].item() == pytest.approx((0.36 + 0.16) / 2)
    assert table[["balanced_accuracy", "auroc"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("score", "predicted"),
    [
        ([0.1, 0.9, 1.2], [0, 1, 1]),  # a distance from a plane
        ([-0.1, 0.9, 0.2], [0, 1, 0]),  # a vote in -1..1
    ],
)
def test_probability__takes_the_range_of_the_whole_arm(score, predicted):
    """One fold that gives it away is enough, and another arm's scores do not matter."""
    sure = predictions([0, 1, 1], [0.5, 0.5, 1], [0, 1, 1], arm="sure")
    fold = predictions([0, 1, 1], score, predicted, fold=1)
    table = pd.concat([sure, fold.assign(fold=0, score=[0, 1, 1], predicted=[0, 1, 1]), fold])
    assert probability(table).tolist()[:3] == [0.5, 0.5, 1]
    assert probability(table)[3:].isna().all()
    assert score_arms(table)["brier"].isna().tolist() == [False, True, True]


def test_probability__wherever_the_prediction_is_cut():
    """Where one class is rarer, both weigh the same elsewhere than at 0.5."""
    state, score = [0, 0, 0, 1], [0.1, 0.2, 0.45, 0.4]
    table = predictions(state, score, [0, 0, 1, 1])
    assert probability(table).tolist() == score
    assert score_arms(table)["brier"].item() == pytest.approx(brier_score_loss(state, score))
    assert len(calibration(table)) > 0


def test_summarise__mean_is_that_of_sklearn():
    table = random_predictions(40)
    np.testing.assert_allclose(summarise(table)["mean"], sklearn_metrics(table), rtol=1e-12)


def test_summarise__is_of_values_of_patients():
    """Each patient's predictions counted one by one; the Brier score drawn by brute force."""
    table = repeated_predictions()
    summary = summarise(table).set_index("metric")[["mean", "low", "high"]]
    told = table.assign(right=table["predicted"] == table["state"],
                        loss=(table["score"] - table["state"]) ** 2)  # fmt: skip
    patients = told.groupby("item")[["right", "loss", "state"]].mean()
    wilson = proportion_confint(patients["right"].sum(), 24, method="wilson")
    assert tuple(summary.loc["accuracy"]) == pytest.approx((patients["right"].mean(), *wilson))
    right = patients.groupby("state")["right"]
    low, high = proportion_confint(right.sum(), right.size(), method="wilson")
    spread = [np.hypot(*(right.mean() - end)) / 2 for end in (low, high)]
    mean = right.mean().mean()
    expected = mean, mean - spread[0], mean + spread[1]
    assert tuple(summary.loc["balanced_accuracy"]) == pytest.approx(expected)
    compared = np.zeros((24, 24))
    in_order = 0
    for _, network in told.groupby(["repeat", "fold", "seed"]):
        who = patients.index.get_indexer(network["item"])
        compared[np.ix_(who, who)] += 1
        ones, zeros = (network.loc[network["state"] == k, "score"].to_numpy() for k in (1, 0))
        in_order += (ones[:, None] > zeros).sum() + (ones[:, None] == zeros).sum() / 2
    compared = compared[np.ix_(patients["state"] == 1, patients["state"] == 0)]
    auroc = area(in_order / compared.sum(), compared)
    assert tuple(summary.loc["auroc"]) == pytest.approx((auroc.mean, auroc.low, auroc.high))
    rng = np.random.default_rng(1)
    ones, zeros = (patients.loc[patients["state"] == k, "loss"].to_numpy() for k in (1, 0))
    drawn = [np.concatenate([rng.choice(one, one.size) for one in (ones, zeros)]).mean()
             for _ in range(2000)]  # fmt: skip
    brier = summary.loc["brier"]
    assert brier["mean"] == pytest.approx(patients["loss"].mean())
    assert tuple(brier[1:]) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_summarise__is_not_sure_where_every_patient_is_right():
    """22 of 22: Wilson's end is 22 / (22 + 3.84), and no measure has an interval of no width."""
    state = np.arange(22) % 2
    table = predictions(state, 1.0 * state, state).assign(item=range(22))
    summary = summarise(table).set_index("metric")
    end = 22 / (22 + stats.chi2.ppf(0.95, 1))
    assert summary["mean"].tolist() == [1, 1, 1, 0]
    assert summary.loc["accuracy", "low"] == pytest.approx(end)
    assert summary.loc["brier", "high"] == pytest.approx(1 - end)
    of_class = 11 / (11 + stats.chi2.ppf(0.95, 1))
    assert summary.loc["balanced_accuracy", "low"] == pytest.approx(1 - (1 - of_class) / np.sqrt(2))
    assert 0.7 < summary.loc["auroc", "low"] < 0.9


def test_summarise__brier_score_is_scipys_bca():
    table = random_predictions(40).sort_values("item")
    loss = (table["score"] - table["state"]) ** 2
    expected = stats.bootstrap(
        [loss[table["state"] == k] for k in (1, 0)],
        lambda *drawn, axis: np.concatenate(drawn, axis=axis).mean(axis=axis),
        n_resamples=2000, rng=0, method="BCa",
    ).confidence_interval  # fmt: skip
    np.testing.assert_allclose(of(summarise(table), metric="brier")[1:], expected)


def test_summarise__leaving_one_out_has_no_auroc():
    """A network that tests one patient puts no two in order."""
    summary = summarise(random_predictions(20).assign(fold=range(20)))
    assert summary["metric"][summary["mean"].isna()].tolist() == ["auroc"]
    assert summary["metric"][summary["low"].isna()].tolist() == ["auroc"]


def test_summarise__no_brier_score_without_probabilities():
    table = random_predictions(20)
    summary = summarise(table.assign(score=table["score"] - 0.5))
    np.testing.assert_array_equal(of(summary, metric="brier"), [np.nan] * 3)
    pd.testing.assert_frame_equal(summary[:3], summarise(table)[:3])


def test_summarise__auroc_compares_within_a_network_only():
    """Scores of two folds on different scales: no pair across folds counts."""
    low = predictions([0, 1], [0.1, 0.2], [0, 0], fold=0).assign(item=["p", "q"])
    high = predictions([0, 1], [0.8, 0.9], [1, 1], fold=1).assign(item=["r", "s"])
    table = pd.concat([low, high], ignore_index=True)
    assert of(summarise(table), metric="auroc")[0] == 1
    assert roc_auc_score(table["state"], table["score"]) == 0.75


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
    """A positive outranks a negative if right and it is not (0.49), half the time if alike."""
    truth = [0.7, 0.7, 0.49 + 0.42 / 2, 0.7 / 12 + 0.3 * 7 / 12]
    covered = np.zeros(4)
    for seed in range(100):
        summary = summarise(random_predictions(60, seed))
        covered += summary["low"].le(truth) & summary["high"].ge(truth)
    assert (covered >= stats.binom.ppf(0.001, 100, 0.95)).all()


def test_calibration__equals_sklearn():
    arms = [repeated_predictions(seed=k).assign(arm=f"arm {k}") for k in (1, 0)]
    table = pd.concat(arms, ignore_index=True)
    table.loc[:5, "score"] = BINS  # on the edges
    table["predicted"] = (table["score"] > 0.5) * 1
    found = calibration(table)
    assert found["arm"].unique().tolist() == ["arm 1", "arm 0"]
    for arm, rows in found.groupby("arm"):
        one = table[table["arm"] == arm]
        observed, predicted = calibration_curve(one["state"], one["score"], n_bins=5)
        np.testing.assert_allclose(rows["observed"], observed)
        np.testing.assert_allclose(rows["predicted"], predicted)
        assert rows["n"].sum() == len(one)
        assert rows["n"] @ rows["observed"] == pytest.approx(one["state"].sum())
        assert rows["n"] @ rows["predicted"] == pytest.approx(one["score"].sum())


def test_calibration__leaves_out_arms_without_probabilities():
    sure = random_predictions(20)
    vote = sure.assign(arm="vote", score=2 * sure["score"] - 1)
    assert calibration(pd.concat([vote, sure]))["arm"].unique().tolist() == ["a"]
    assert calibration(vote).columns.tolist() == list(calibration(sure))
    assert calibration(vote).empty
