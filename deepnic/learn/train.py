"""Train the network on canvases, in this process or on several workers, through Ray Train."""

import hashlib
import json
import os
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import ray.train
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from ray.train.torch import TorchTrainer
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from deepnic import __version__
from deepnic.errors import InputError
from deepnic.learn.checks import check_state
from deepnic.learn.cluster import gpus, machines, quiet, ray_cluster
from deepnic.learn.loop import (
    CHECKPOINT_FILE,
    Settings,
    class_probability,
    save_checkpoint,
    train_loop,
)
from deepnic.learn.network import SmallNetwork

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class TrainResult:
    """What a training gives back.

    Attributes
    ----------
    metrics : dict
        `n_training`, `n_test`, `training_loss` and `training_accuracy` of the last epoch; with
        `truth` also `test_accuracy`, `test_balanced_accuracy` and, where both classes occur,
        `test_auroc` of the finished network on the hidden items whose truth is known.
    history : DataFrame
        One row an epoch: `epoch`, `learning_rate`, `training_loss`, `training_accuracy` (both as
        met during the epoch, with dropout) and, with `truth`, `test_accuracy`.
    predictions : DataFrame
        One row an item: `item`, `state` (-1 = hidden), `truth` where it was given, `probability`
        of class 1 and the `predicted` class. Rows with a state are training items: their
        probabilities say how well the network fits, never how well it predicts.
    network : SmallNetwork
        The trained network, on the CPU.
    checkpoint : Path or None
        File that `load_network` reads, where `storage` was given.
    device : str
        "cpu" or "cuda".
    """

    metrics: dict[str, float]
    history: pd.DataFrame
    predictions: pd.DataFrame
    network: SmallNetwork
    checkpoint: Path | None
    device: str


def train(
    images: xr.Dataset,
    *,
    truth: pd.Series | ArrayLike | None = None,
    workers: int = 0,
    device: Device = "auto",
    storage: str | os.PathLike[str] | None = None,
    epochs: int = Settings.epochs,
    batch_size: int = Settings.batch_size,
    learning_rate: float = Settings.learning_rate,
    weight_decay: float = Settings.weight_decay,
    dropout: float = Settings.dropout,
    seed: int = Settings.seed,
) -> TrainResult:
    """Train the network on the items of known state and predict all items.

    AdamW with a warm-up and a cosine schedule minimises the cross-entropy in which both classes
    weigh the same. Each batch is cut between the workers and each test item is predicted by
    exactly one of them, so that apart from dropout the result does not depend on their number.
    The same seed, data and device give the same numbers.

    Parameters
    ----------
    images : Dataset
        As from `assemble`: `image` (item, row, column) float32, NaN where nothing is defined;
        `state` (item): 1 or 0 = to train on, -1 = to predict.
    truth : Series by item, or array (item), optional
        True states of the hidden items, for the accuracies only: they are compared here after the
        training and never reach it. -1 or missing where unknown; entries of training items are
        not read.
    workers : int
        0 trains in this process. From 1 on, so many Ray workers train data-parallel (DDP, with
        NCCL on GPUs and gloo on CPUs) on the cluster of `RAY_ADDRESS`, or on one started on this
        machine for the time of the training.
    device : {"auto", "cpu", "cuda"}
        "auto" takes CUDA if there is a GPU for each worker.
    storage : path, optional
        Folder for checkpoints, shared by all machines of the cluster. Workers write one every
        epoch and keep two; called again, an interrupted training goes on from the last and a
        finished one is read back. The name of the run is a hash of everything that decides its
        result, so that two different trainings never meet. Without workers one checkpoint is
        written at the end.
    epochs, batch_size, learning_rate, weight_decay, dropout, seed
        `batch_size` counts the items of all workers together; `learning_rate` is the highest.

    Returns
    -------
    TrainResult

    Raises
    ------
    InputError
        No item, a class without training item, a setting out of range, or more workers or GPUs
        than there are.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> y = np.arange(40) % 2
    >>> noise = np.random.default_rng(0).normal(size=(40, 8, 8))
    >>> images = xr.Dataset(
    ...     {"image": (("item", "row", "column"), noise + y[:, None, None])},
    ...     coords={"item": np.arange(40), "state": ("item", np.where(np.arange(40) < 30, y, -1))},
    ... )
    >>> result = train(images, truth=y, epochs=20)
    >>> result.metrics["n_test"], result.metrics["test_accuracy"]
    (10, 1.0)
    """
    settings = Settings(epochs, batch_size, learning_rate, weight_decay, dropout, seed)
    if workers < 0:
        raise InputError(f"workers is {workers}; give 0 to train in this process, or more")
    image, state = _arrays(images)
    true_state = None if truth is None else _true_state(truth, images, state)
    config: dict[str, Any] = {
        "image": image,
        "state": state,
        "settings": asdict(settings),
        "follow": true_state is not None,
        "keep_checkpoints": storage is not None and workers > 0,
    }
    folder = None if storage is None else Path(storage).resolve()
    run_name = _run_name(config)
    fitted, trained_on = _fit(config, run_name, workers, device, folder)
    learnt = fitted.return_value
    network = _network({name: torch.tensor(w) for name, w in learnt["weights"].items()})
    checkpoint = None
    if config["keep_checkpoints"]:
        checkpoint = Path(fitted.checkpoint.path) / CHECKPOINT_FILE
    elif folder is not None:
        checkpoint = folder / run_name / CHECKPOINT_FILE
        save_checkpoint(checkpoint, network=network.state_dict(), history=learnt["history"])
    return TrainResult(
        metrics=_metrics(learnt, state, true_state),
        history=_history(learnt, state, true_state),
        predictions=_predictions(learnt, images, state, true_state),
        network=network,
        checkpoint=checkpoint,
        device=trained_on,
    )


def _fit(
    config: dict[str, Any], run_name: str, workers: int, device: Device, storage: Path | None
) -> tuple[ray.train.Result, str]:
    """Run the training loop through Ray Train, in this process or on workers; and the device."""
    with ExitStack() as stack:
        stack.enter_context(quiet())
        if workers:
            stack.enter_context(ray_cluster(workers))
            if storage is None and machines() > 1:
                raise InputError("storage is missing; several machines need a folder they share")
        # without a folder of its own Ray would write to the home directory
        folder = storage or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chosen = _device(device, workers)
        trainer = TorchTrainer(
            train_loop,
            train_loop_config=config | {"device": chosen},
            scaling_config=ray.train.ScalingConfig(
                num_workers=workers, use_gpu=workers > 0 and chosen == "cuda"
            ),
            run_config=ray.train.RunConfig(
                name=run_name,
                storage_path=str(folder),
                checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
                # a worker that is lost is replaced, and the training goes on from the checkpoint
                failure_config=ray.train.FailureConfig(max_failures=2 if storage else 0),
            ),
        )
        return trainer.fit(), chosen


def load_network(checkpoint: str | os.PathLike[str]) -> SmallNetwork:
    """Read a trained network from a checkpoint file of `train`, ready to predict on the CPU.

    The file is read without running any code from it (`weights_only=True`).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_checkpoint(Path(folder, "c.pt"), network=SmallNetwork().state_dict(), history=[])
    ...     network = load_network(Path(folder, "c.pt"))
    >>> predict(network, np.zeros((3, 8, 8))).shape
    (3,)
    """
    saved = torch.load(checkpoint, weights_only=True, map_location="cpu")
    return _network(saved["network"])


def predict(network: SmallNetwork, image: ArrayLike) -> NDArray[np.float32]:
    """Probability of class 1 of new images, (item) float32.

    Parameters
    ----------
    network : SmallNetwork
        Trained.
    image : array (item, row, column)
        From the assembly that the network was trained on, NaN where nothing is defined.

    Examples
    --------
    >>> predict(SmallNetwork().eval(), np.full((2, 8, 8), np.nan)).shape
    (2,)
    """
    return class_probability(network, torch.tensor(np.asarray(image, dtype=np.float32))).numpy()


def _network(weights: dict[str, torch.Tensor]) -> SmallNetwork:
    with torch.device("meta"):  # no initial weights, which would cost the caller random numbers
        network = SmallNetwork()
    network.load_state_dict(weights, assign=True)
    return network.eval()


def _arrays(images: xr.Dataset) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    for name in ("image", "state"):
        if name not in images:
            raise InputError(f"images has no {name!r}; give the Dataset that assemble returns")
    image = images["image"].transpose("item", "row", "column").to_numpy().astype(np.float32)
    if image.size == 0:
        raise InputError(f"images has sizes {dict(images.sizes)}; give at least one item and pixel")
    if np.isinf(image).any():
        raise InputError("image holds infinite values; pixels are finite, or NaN = undefined")
    return image, check_state(images["state"])


def _true_state(
    truth: pd.Series | ArrayLike, images: xr.Dataset, state: NDArray[np.int8]
) -> NDArray[np.int8]:
    """True state of each hidden item; -1 = unknown, or a training item."""
    if isinstance(truth, pd.Series):
        truth = truth.reindex(images["item"].to_index()).fillna(-1)
    values = np.asarray(truth)
    if values.shape != state.shape:
        raise InputError(f"truth has shape {values.shape}; give one entry an item, {state.shape}")
    if not np.isin(values, (-1, 0, 1)).all():
        raise InputError("truth holds other values than 1, 0 and -1 (unknown); recode it")
    return np.where(state < 0, values, -1).astype(np.int8)


def _device(device: Device, workers: int) -> str:
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}; choose 'auto', 'cpu' or 'cuda'")
    available = gpus() if workers else torch.cuda.device_count()
    enough = available >= max(1, workers)
    if device == "cuda" and not enough:
        raise InputError(
            f"device is 'cuda', which takes {max(1, workers)} GPUs, and {available} are there; "
            "ask for fewer workers, or device='cpu'"
        )
    return "cuda" if device != "cpu" and enough else "cpu"


def _run_name(config: dict[str, Any]) -> str:
    """Name by content: Ray Train takes a run of the same name in the same folder for a restart."""
    arrays = {name: value for name, value in config.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in config.items() if name not in arrays}
    rest |= {
        "shapes": [a.shape for a in arrays.values()],
        "versions": [__version__, torch.__version__],
    }
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for array in arrays.values():
        digest.update(array.tobytes())
    return f"deepnic-{digest.hexdigest()[:16]}"


def _metrics(
    learnt: dict[str, Any], state: NDArray[np.int8], true_state: NDArray[np.int8] | None
) -> dict[str, float]:
    last = learnt["history"][-1]
    metrics = {
        "n_training": int((state >= 0).sum()),
        "n_test": int((state < 0).sum()),
        "training_loss": last["training_loss"],
        "training_accuracy": last["training_accuracy"],
    }
    if true_state is None or not (true_state >= 0).any():
        return metrics
    judged = true_state >= 0
    y, probability = true_state[judged], learnt["probability"][judged]
    metrics["test_accuracy"] = float(accuracy_score(y, probability > 0.5))
    if len(np.unique(y)) == 2:  # the other two need both classes
        metrics["test_balanced_accuracy"] = float(balanced_accuracy_score(y, probability > 0.5))
        metrics["test_auroc"] = float(roc_auc_score(y, probability))
    return metrics


def _history(
    learnt: dict[str, Any], state: NDArray[np.int8], true_state: NDArray[np.int8] | None
) -> pd.DataFrame:
    history = pd.DataFrame(learnt["history"])
    history.insert(0, "epoch", np.arange(1, len(history) + 1))
    if true_state is not None and (true_state >= 0).any():
        y = true_state[state < 0]
        history["test_accuracy"] = [
            float(((probability > 0.5) == y)[y >= 0].mean()) for probability in learnt["followed"]
        ]
    return history


def _predictions(
    learnt: dict[str, Any],
    images: xr.Dataset,
    state: NDArray[np.int8],
    true_state: NDArray[np.int8] | None,
) -> pd.DataFrame:
    columns = {"item": images["item"].to_index(), "state": state}
    if true_state is not None:
        columns["truth"] = true_state
    columns["probability"] = learnt["probability"]
    columns["predicted"] = (learnt["probability"] > 0.5).astype(np.int8)
    return pd.DataFrame(columns)
