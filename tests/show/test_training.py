"""The page of a training run: what it says of the numbers, and what it leaves out."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from deepnic.errors import InputError
from deepnic.show import figures, write_report
from deepnic.show.training import headline, share

FACTS = {
    "name": "snail-0123456789abcdef",
    "items": "genes",
    "n_training": 900,
    "n_validation": 100,
    "n_test": 400,
    "classes": ["not replicating", "replicating"],
    "config": {"data": {"source": "half.zarr"}, "labels": None, "training": {"epochs": 3}},
    "metrics": {
        "n_training": 900, "n_validation": 100, "n_test": 400, "training_loss": 0.4,
        "training_accuracy": 0.8, "test_accuracy": 0.75, "test_balanced_accuracy": 0.7,
        "test_auroc": 0.81,
    },
    "canvas": [96, 96],
    "device": "cpu",
    "device_name": "CPU",
    "workers": 2,
    "machine": {"processor": "some", "cores": 2, "python": "3.11", "deepnic": "0.1", "torch": "2"},
    "command": "deepnic train --config <run>.toml",
    "seconds": 83.0,
}  # fmt: skip


def make_ranking(low, high):
    """The network beside |t|, whose lead has this interval."""
    columns = ["ranking", "metric", "mean", "low", "high",
               "difference", "difference_low", "difference_high"]  # fmt: skip
    rows = []
    for metric in ("auroc", "average_precision"):
        rows.append(["network", metric, 0.8, 0.78, 0.82, np.nan, np.nan, np.nan])
        middle = (low + high) / 2
        rows.append(["|t| of the first half", metric, 0.8 - middle, 0.7, 0.9, middle, low, high])
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def make_run(tmp_path):
    def make(ranking=None, **changes):
        (tmp_path / "run.json").write_text(json.dumps(FACTS | changes))
        history = pd.DataFrame(
            {"epoch": [1, 2, 3], "learning_rate": 0.1, "training_loss": [0.7, 0.5, 0.4],
             "training_accuracy": [0.6, 0.7, 0.8], "validation_loss": [0.7, 0.6, 0.65],
             "validation_accuracy": [0.5, 0.6, 0.6]}
        )  # fmt: skip
        history.to_csv(tmp_path / "history.csv", index=False)
        pd.DataFrame({"item": ["patient Smith"]}).to_csv(tmp_path / "predictions.csv", index=False)
        if ranking is not None:
            ranking.to_csv(tmp_path / "ranking.csv", index=False)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "is better than the first half’s own |t| by AUROC"),
        (-0.03, -0.01, "is worse than the first half’s own |t| by AUROC"),
        (-0.01, 0.03, "is not distinguishable from the first half’s own |t| by AUROC"),
    ],
)
def test_page__says_whether_the_network_ranks_better(make_run, low, high, verdict):
    folder = make_run(make_ranking(low, high))
    page = write_report(folder).read_text()
    (said,) = re.findall(r'class="headline">(.*?)</p>', page, re.S)
    assert verdict in said
    middle = (low + high) / 2
    assert f"(0.800 against {0.8 - middle:.3f}: difference {middle:.3f}, 95% interval" in said
    assert "by average precision" in said


def test_page__shows_what_was_run_and_nothing_from_elsewhere(make_run):
    page = write_report(make_run()).read_text()
    assert "Smith" not in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    for words in ("snail-0123456789abcdef", "half.zarr", "96 × 96", "1 min 23 s", "0.810"):
        assert words in page, words
    assert "deepnic train --config &lt;run&gt;.toml" in page
    assert "Probe sets of one gene" in page
    assert "Which genes replicate" not in page


def test_page__of_observations_says_nothing_of_probe_sets(make_run):
    page = write_report(make_run(items="observations", classes=["healthy", "sick"])).read_text()
    assert "Probe sets" not in page


def test_page__without_test_items_claims_nothing(make_run):
    metrics = {"training_loss": 0.4, "training_accuracy": 0.8}
    page = write_report(make_run(n_test=0, metrics=metrics)).read_text()
    assert "how well it predicts is not known" in page
    assert "Test accuracy is" not in page


def test_headline__gives_chance_for_more_classes():
    facts = FACTS | {"classes": ["a", "b", "c", "d"]}
    assert "balanced accuracy is 0.700, where guessing gives 0.250" in headline(facts, {})


@pytest.mark.parametrize(("right", "n"), [(0.75, 400), (1.0, 20), (0.5, 2)])
def test_share__is_wilsons_interval(right, n):
    """The shares p that a normal test at 5 % does not refuse: their ends lie 1.96 sd away."""
    found = share(right, n)
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(right - end) == pytest.approx(
                norm.ppf(0.975) * np.sqrt(end * (1 - end) / n), rel=1e-6
            )


def test_learning__draws_the_curves_there_are():
    history = pd.DataFrame(
        {"epoch": [1, 2], "training_loss": [2, 1], "training_accuracy": [0.5, 0.6],
         "test_accuracy": [0.4, 0.45]}
    )  # fmt: skip
    loss, accuracy = figures.learning(history).axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in accuracy.lines}
    assert drawn == {"training": [0.5, 0.6], "test": [0.4, 0.45]}
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2, 1]]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "history.csv").unlink(), "lacks history.csv: run `deepnic train` first"),
        (lambda f: (f / "run.json").write_text("{"), "cannot be read .* run `deepnic train` again"),
        (lambda f: (f / "run.json").write_text("{}"), "training run .* is not complete"),
        (lambda f: (f / "run.json").unlink(), "run `deepnic study` first, or `deepnic train`"),
    ],
)
def test_page__refuses_in_a_sentence(make_run, spoil, sentence):
    folder = make_run()
    spoil(folder)
    with pytest.raises(InputError, match=sentence):
        write_report(folder)
