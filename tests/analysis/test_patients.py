"""Patients one by one, against scikit-learn and pandas."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from deepnic.analysis.patients import (
    as_predictions,
    judge_patients,
    patients_of,
    read_patients_of,
    roc,
)


def test_judge_patients__called_as_they_were_predicted():
    """At a threshold below 0.5, where one class is rarer; of repeats by most of them."""
    table = pd.DataFrame(
        {
            "arm": "x", "kind": "k", "item": [*"aabbccdd"], "state": [0, 0, 0, 0, 1, 1, 1, 1],
            "score": [0.1, 0.2, 0.45, 0.42, 0.41, 0.44, 0.3, 0.2],
            "predicted": [0, 0, 1, 1, 1, 1, 0, 0], "repeat": [0, 1] * 4, "fold": 0, "seed": 0,
        }
    )  # fmt: skip
    _, counts = judge_patients(patients_of(table))
    assert counts.tolist() == [[1, 1], [1, 1]]


@pytest.fixture
def predictions():
    draws = np.random.default_rng(0)
    state = np.tile(np.arange(20) % 2, 3)
    score = np.clip(draws.normal(0.42 + 0.12 * state, 0.2), 0, 1)
    table = pd.DataFrame(
        {
            "arm": "network", "kind": "assembly", "repeat": np.repeat([0, 1, 2], 20), "fold": 0,
            "seed": 0, "item": np.tile([f"p{k}" for k in range(20)], 3), "state": state,
            "score": score, "predicted": (score >= 0.5).astype(int),
        }
    )  # fmt: skip
    return pd.concat([table, table.assign(arm="vote", kind="forest", score=5 * score - 2)])


def test_patients_of__means_over_what_was_predicted_of_each(predictions):
    patients = patients_of(predictions)
    assert patients["arm"].tolist() == ["network"] * 20 + ["vote"] * 20
    mine = patients[:20].set_index("item")
    assert (np.diff(mine["probability"]) <= 0).all()
    for item in ("p3", "p12"):
        rows = predictions[(predictions["item"] == item) & (predictions["arm"] == "network")]
        one = mine.loc[item]
        assert one["probability"] == pytest.approx(rows["score"].mean())
        assert one["wrong"] == pytest.approx((rows["predicted"] != rows["state"]).mean())
        assert one["sure"] == pytest.approx(abs(2 * rows["score"].mean() - 1))
        assert (one["n"], one["truth"]) == (3, rows["state"].iloc[0])
    assert patients["probability"][20:].isna().all()  # a vote is no probability
    assert patients["wrong"][20:].notna().all()


def test_judge_patients__agrees_with_scikit_learn(predictions):
    patients = patients_of(predictions)[:20]
    measures, counts = judge_patients(patients)
    truth, chance = patients["truth"], patients["probability"]
    assert measures["auroc"].mean == pytest.approx(roc_auc_score(truth, chance))
    assert measures["brier"].mean == pytest.approx(brier_score_loss(truth, chance))
    assert measures["auroc"].low < measures["auroc"].mean < measures["auroc"].high
    assert counts.sum() == 20
    assert counts[1, 1] == ((chance >= 0.5) & (truth == 1)).sum()
    curve = roc(patients)
    area = np.trapezoid(curve["true_positive"], curve["false_positive"])
    assert area == pytest.approx(measures["auroc"].mean)
    assert len(as_predictions(patients)) == 20


def test_read_patients_of__has_ids_only_if_asked(predictions, tmp_path):
    file = tmp_path / "patients.csv"
    assert read_patients_of(file, ids=True) is None
    patients_of(predictions).assign(item="007").to_csv(file, index=False)
    assert "item" not in read_patients_of(file, ids=False)
    assert set(read_patients_of(file, ids=True)["item"]) == {"007"}
