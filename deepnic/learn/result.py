"""What a training gives back."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    roc_auc_score,
)

from deepnic.learn.loop import Job, LoopResult, mean_over_pipelines
from deepnic.learn.predictor import Predictor
from deepnic.learn.settings import CHECKPOINT_FILE


@dataclass(frozen=True)
class TrainResult:
    """What a training gives back.

    Attributes
    ----------
    metrics : dict
        `n_training`, `n_validation`, `n_test`, `training_loss` and `training_accuracy` of the last
        epoch; with `truth` also `test_accuracy`, `test_balanced_accuracy` and, for two classes that
        both occur, `test_auroc` and `test_brier` of the finished network on the hidden items whose
        truth is known.
    history : DataFrame
        One row an epoch: `epoch`, `learning_rate`, `training_loss`, `training_accuracy` (both as
        met during the epoch, with dropout), with validation items `validation_loss` and
        `validation_accuracy`, else with `truth` `test_accuracy`.
    predictions : DataFrame
        One row an item: `item`, `state` (-1 = hidden), `truth` where it was given, `probability`
        of class 1 (of more than two classes `probability_0`, `probability_1`, ...) and the
        `predicted` class. Rows with a state are training items: their probabilities say how well
        the network fits, never how well it predicts.
    scores : ndarray of float32, shape (item, class)
        Logits, in the order of `predictions`; of an item that several pipelines show the mean.
    predictor : Predictor
        The network, ready to predict other items.
    folder : Path or None
        Of the run, where `storage` was given: `checkpoint.pt`, `history.csv`, TensorBoard's files.
    device : str
        "cpu" or "cuda".
    """

    metrics: dict[str, float]
    history: pd.DataFrame = field(repr=False)
    predictions: pd.DataFrame = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)
    predictor: Predictor = field(repr=False)
    folder: Path | None
    device: str

    @property
    def trained(self) -> Predictor:
        """The predictor, as version 0.1.0 called it."""
        return self.predictor

    @property
    def margin(self) -> NDArray[np.float64]:
        """Of two classes, score of the second less that of the first, of each item."""
        first, second = self.scores.astype(np.float64).T
        return second - first

    @property
    def checkpoint(self) -> Path | None:
        """File that `load_network` reads, where `storage` was given."""
        return None if self.folder is None else self.folder / CHECKPOINT_FILE


def metrics_of(
    result: LoopResult,
    job: Job,
    probability: NDArray[np.floating],
    predicted: NDArray[np.integer],
    state: NDArray[np.int64],
    true_state: NDArray[np.int64],
) -> dict[str, float]:
    last, validation = result.history[-1], job["validation"]
    metrics = {
        "n_training": int((state >= 0).sum() - validation.sum()),
        "n_validation": int(validation.sum()),
        "n_test": int((state < 0).sum()),
        "training_loss": last["training_loss"],
        "training_accuracy": last["training_accuracy"],
    }
    judged = true_state >= 0
    y, probability, predicted = true_state[judged], probability[judged], predicted[judged]
    if len(y):
        metrics["test_accuracy"] = float(accuracy_score(y, predicted))
    if len(np.unique(y)) == job["classes"]:  # the others need all classes
        metrics["test_balanced_accuracy"] = float(balanced_accuracy_score(y, predicted))
        if job["classes"] == 2:
            metrics["test_auroc"] = float(roc_auc_score(y, probability[:, 1]))
            metrics["test_brier"] = float(brier_score_loss(y, probability[:, 1]))
    return metrics


def history_of(result: LoopResult, canvas: xr.Dataset, y: NDArray[np.int64]) -> pd.DataFrame:
    """Learning curve, with the accuracy on the hidden items after each epoch.

    ``canvas`` is of these, ``y`` their true states, -1 unknown. Of an item that several pipelines
    show it is that of the mean of their probabilities, not yet calibrated.
    """
    history = pd.DataFrame(result.history)
    if result.followed and np.any(y >= 0):
        told = [mean_over_pipelines(canvas, probability) for probability in result.followed]
        history["test_accuracy"] = [
            float((mean.argmax(axis=1) == y[first])[y[first] >= 0].mean()) for first, mean in told
        ]
    return history


def columns_of(
    probability: NDArray[np.floating], predicted: NDArray[np.integer]
) -> dict[str, NDArray]:
    """Columns of the probabilities and of the class."""
    columns = {f"probability_{k}": values for k, values in enumerate(probability.T)}
    if len(columns) == 2:
        columns = {"probability": columns["probability_1"]}
    return columns | {"predicted": predicted.astype(np.int8)}
