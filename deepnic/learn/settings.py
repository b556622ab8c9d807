"""How to train; every key has a range."""

from pydantic import Field

from deepnic.config import Strict
from deepnic.errors import InputError

CHECKPOINT_FILE = "checkpoint.pt"
"""Of a run's folder: the trained network."""

LAST_FILE = "last.pt"
"""Of a run's folder: all that it needs to go on after its last epoch."""

DEVICES = ("auto", "cpu", "cuda")
"""What a network may be trained on; "auto" takes CUDA if there is a GPU for each worker."""

TILES = "deepnic.learn.tiles:tile_network"
"""The network with an encoder that all tiles share."""

POOLED = "deepnic.learn.pooled:pooled_network"
"""The network with an encoder that all cells of a patient's canvas share."""

SHIPPED = "pretrained"
"""Word for the networks of other cohorts that come with deepnic."""

ALL = "all"
"""Name of the pretrained network that saw every source, beside those without one."""


class Settings(Strict):
    """How to train; the defaults are untuned and the same for every path and filter.

    Examples
    --------
    >>> Settings(epochs=3).epochs
    3
    """

    network: str = "small"  # small, residual, or module:function
    epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=32, ge=1)  # of all workers together
    learning_rate: float = Field(default=3e-3, gt=0)  # at its highest, after the warm-up
    warm_up: float = Field(default=0.1, ge=0, le=1)  # share of the steps
    weight_decay: float = Field(default=1e-2, ge=0)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    clip: float = Field(default=1.0, gt=0)  # largest norm of the gradient
    class_weights: bool = True  # every class weighs the same in the loss
    validation: float = Field(default=0.0, ge=0, lt=1)  # share of the training items
    patience: int = Field(default=5, ge=1)  # epochs without a better validation loss
    mixed_precision: bool = True  # on GPUs
    compiled: bool = False  # torch.compile
    seed: int = Field(default=0, ge=0)


def choose_device(device: str, workers: int, available: int) -> str:
    """Choose "cuda" or "cpu", of `DEVICES`, where so many GPUs are available to the workers."""
    needed = max(1, workers)
    if device == "cuda" and available < needed:
        raise InputError(
            f"device is 'cuda', which takes {needed} GPUs, and {available} are there; ask for "
            "fewer workers, or device='cpu'"
        )
    return "cuda" if device != "cpu" and available >= needed else "cpu"
