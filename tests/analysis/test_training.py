"""What a training run found, against numbers worked out another way."""

import numpy as np
import pandas as pd

from deepnic.analysis import Interval
from deepnic.analysis.limits import share
from deepnic.analysis.results import RunResults
from deepnic.analysis.training import find_run, headline

FACTS = {
    "items": "genes", "n_training": 90, "n_validation": 10, "n_test": 50,
    "classes": ["a", "b", "c", "d"],
    "metrics": {"training_loss": 0.4, "test_accuracy": 0.75, "test_balanced_accuracy": 0.7,
                "test_auroc": None},
}  # fmt: skip
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "training_loss": [3.0, 2, 1], "validation_loss": [3.0, 1, 2],
     "validation_accuracy": [0.5, 0.6, 0.8]}
)  # fmt: skip


def test_headline__gives_chance_for_more_classes():
    sentence = headline(FACTS, {}, share(0.75, 50))
    assert "balanced accuracy is 0.700, where guessing gives 0.250" in sentence


def test_find_run__takes_validation_at_the_epoch_that_was_kept():
    findings = find_run(RunResults(FACTS, HISTORY, 40, None))
    assert findings.kept_epoch == 2
    accuracy, loss = (findings.measures[of] for of in ("accuracy", "loss (cross-entropy, nats)"))
    assert accuracy.keys() == {"validation", "test"}
    assert accuracy["test"] == share(0.75, 40)
    assert repr(accuracy["validation"]) == repr(Interval(0.6))  # NaN is not equal to itself
    assert repr(loss["validation"]) == repr(Interval(1.0))
    assert np.isnan(findings.measures["AUROC"]["test"].mean)
    assert findings.counts == {"training": 90, "validation": 10, "test": 40}
    assert "of the 40 genes held out" in findings.headline


def test_find_run__without_validation_kept_no_epoch():
    facts = FACTS | {"n_validation": 0}
    findings = find_run(RunResults(facts, HISTORY[["epoch", "training_loss"]], 40, None))
    assert findings.kept_epoch is None
    assert findings.counts == {"training": 90, "test": 40}


def test_find_run__judges_rankings_by_the_interval_of_their_difference():
    columns = ["ranking", "metric", "mean", "low", "high",
               "difference", "difference_low", "difference_high"]  # fmt: skip
    table = pd.DataFrame(
        [["network", "auroc", 0.8, 0.7, 0.9, np.nan, np.nan, np.nan],
         ["|t| of the first half", "auroc", 0.7, 0.6, 0.8, 0.1, -0.1, 0.3],
         ["NIC1", "auroc", 0.9, 0.8, 1.0, -0.1, -0.2, -0.01]],
        columns=columns,
    )  # fmt: skip
    findings = find_run(RunResults(FACTS, HISTORY, 40, table))
    verdicts = [ranking.verdict for ranking in findings.rankings["AUROC"]]
    assert verdicts == ["undefined", "not distinguishable", "worse"]
    assert "not distinguishable from the first half’s own |t| by AUROC" in findings.headline
