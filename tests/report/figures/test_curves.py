"""What the charts of curves draw, read back from them."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis import Interval, find
from deepnic.analysis.account import Stage
from deepnic.analysis.training import Ranking
from deepnic.report.figures.curves import Account, Learning, Rankings, Training


def test_account__writes_every_count_even_0():
    chart = Account.of([Stage("data", 12_345, {"undefined": 678, "duplicate": 0})])
    assert chart.frame()["pixels"].tolist() == [13_023, 678, 0, 12_345]
    [axes] = chart.draw().axes
    words = [text.get_text() for text in axes.texts]
    assert words == ["13,023", "678 removed", "0 removed", "12,345"]
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("followed", [False, True])
def test_training__draws_the_mean_over_folds_and_the_range(small_results, followed):
    [arm] = small_results.summary.query("path == 'snail'")["arm"].unique()
    history = pd.DataFrame(
        {"cohort": "wisconsin", "arm": arm, "fold": [0, 0, 1, 1], "epoch": [2, 1, 1, 2],
         "training_loss": [2, 4, 2, 0]}
    )  # fmt: skip
    if followed:
        history["test_accuracy"] = [0.7, 0.5, 0.7, 0.9]
    findings = find(type(small_results)(**small_results.__dict__ | {"history": history}))
    chart = Training(findings.curves)
    loss = chart.frame().query("curve == 'training_loss'").set_index("epoch")
    assert loss.loc[[1, 2], ["mean", "low", "high"]].values.tolist() == [[3, 2, 4], [1, 0, 2]]
    figure = chart.draw()
    assert len(figure.axes) == 1 + followed
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[1, 3], [2, 1]]
    assert figure.axes[0].get_title() == "snail"


def test_learning__draws_the_curves_there_are():
    history = pd.DataFrame(
        {"epoch": [1, 2], "training_loss": [2, 1], "training_accuracy": [0.5, 0.6],
         "test_accuracy": [0.4, 0.45]}
    )  # fmt: skip
    loss, accuracy = Learning(history).draw().axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in accuracy.lines}
    assert drawn == {"training": [0.5, 0.6], "test": [0.4, 0.45]}
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2, 1]]


def test_learning__marks_the_epoch_that_was_kept():
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "training_loss": [3, 2, 1], "validation_loss": [3, 1, 2],
         "training_accuracy": [0.5, 0.6, 0.7], "validation_accuracy": [0.5, 0.6, 0.8]}
    )  # fmt: skip
    figure = Learning(history, kept_epoch=2).draw()
    for axes in figure.axes:
        *_, kept = axes.lines
        assert list(kept.get_xdata()) == [2, 2]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss: cross-entropy (nats)", "accuracy (% of items)"
    ]  # fmt: skip


def test_rankings__draws_each_value_with_its_interval():
    rows = [
        Ranking("network", Interval(0.8, 0.7, 0.9), Interval()),
        Ranking("$|t|$", Interval(0.6, 0.5, 0.7), Interval(0.2, 0.1, 0.3)),
    ]
    chart = Rankings.of({"AUROC": rows, "average precision": rows})
    assert chart.frame()["low"].tolist() == [0.7, 0.5] * 2
    figure = chart.draw()
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert [line.get_xdata()[0] for line in axes.lines] == [0.8, 0.6]
        assert [line.get_marker() for line in axes.lines] == ["o", "s"]
        ends = [bar.get_segments()[0][:, 0].tolist() for bar in axes.collections]
        assert ends == [[0.7, 0.9], [0.5, 0.7]]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["network", "$|t|$"]
    assert np.diff([line.get_ydata()[0] for line in axes.lines]) < 0
