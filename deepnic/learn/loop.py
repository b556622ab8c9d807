"""The training loop: what every worker runs, and nothing about clusters."""

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import ray.train.torch
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deepnic.errors import InputError
from deepnic.learn.network import SmallNetwork

CHECKPOINT_FILE = "checkpoint.pt"


@dataclass(frozen=True)
class Settings:
    """How to train; the defaults are untuned and the same for every path and filter.

    Raises
    ------
    InputError
        A value out of its range.
    """

    epochs: int = 40
    batch_size: int = 32  # of all workers together
    learning_rate: float = 3e-3  # at its highest, after the warm-up
    weight_decay: float = 1e-2
    dropout: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in [("epochs", 1), ("batch_size", 1), ("weight_decay", 0), ("seed", 0)]:
            if getattr(self, name) < low:
                raise InputError(f"{name} is {getattr(self, name)}; give a number from {low} on")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate is {self.learning_rate}; give a number above 0")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}; give a share from 0 to below 1")


def train_loop(config: dict[str, Any]) -> dict[str, Any]:
    """Train one network; every rank runs this on its part of each batch.

    Parameters
    ----------
    config : dict
        `image` (item, row, column) float32 and `state` (item) int8, -1 = to predict; `settings`
        (dict), `device` ("cpu" or "cuda"), `follow` (predict the items of state -1 after every
        epoch), `keep_checkpoints` (report one after every epoch).

    Returns
    -------
    dict
        `weights` (state dict, as arrays), `history` (one dict an epoch), `followed` (one array an
        epoch, (item of state -1)) and `probability` (item) float32 of class 1, the same on every
        rank.
    """
    settings = Settings(**config["settings"])
    context = ray.train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    device = torch.device("cpu") if config["device"] == "cpu" else ray.train.torch.get_device()

    image = torch.tensor(config["image"], device=device)
    state = torch.tensor(config["state"], dtype=torch.long, device=device)
    known, hidden = state >= 0, state < 0
    data = image[known], state[known]

    with _reproducible(settings.seed, device):
        network = SmallNetwork(dropout=settings.dropout)
        model = ray.train.torch.prepare_model(network, move_to_device=device)
        optimiser = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        history, followed = _resume(network, optimiser)
        for epoch in range(len(history), settings.epochs):
            history.append(_train_epoch(model, optimiser, data, settings, epoch, rank, size))
            if config["follow"]:
                followed.append(_predict_together(network, image[hidden], rank, size))
            if config["keep_checkpoints"]:
                _report(network, optimiser, history, followed, rank)
        probability = _predict_together(network, image, rank, size)

    return {
        "weights": {name: value.cpu().numpy() for name, value in network.state_dict().items()},
        "history": history,
        "followed": [values.cpu().numpy() for values in followed],
        "probability": probability.cpu().numpy(),
    }


def class_probability(network: nn.Module, image: torch.Tensor, block: int = 256) -> torch.Tensor:
    """Probability of class 1 of each image, (item) float32, from the network in evaluation mode."""
    network.eval()
    with torch.no_grad():
        parts = [network(part).softmax(dim=1)[:, 1] for part in image.split(block)]
    return torch.cat(parts)


def _train_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: tuple[torch.Tensor, torch.Tensor],
    settings: Settings,
    epoch: int,
    rank: int,
    size: int,
) -> dict[str, float]:
    """One pass over the training items; the loss and accuracy are those met on the way."""
    model.train()
    image, label = data
    n = len(label)
    weight = n / (2 * torch.bincount(label, minlength=2))  # each class weighs half of the loss
    order = np.random.default_rng([settings.seed, epoch]).permutation(n)  # the same on every rank
    torch.manual_seed(_derived_seed(settings.seed, epoch, rank))  # of the dropout
    met = torch.zeros(2, device=image.device)
    starts = range(0, n, settings.batch_size)
    for step, start in enumerate(starts):
        batch = order[start : start + settings.batch_size]
        mine = torch.from_numpy(batch[rank::size]).to(image.device)  # may be empty in the last one
        rate = _learning_rate(epoch * len(starts) + step, settings.epochs * len(starts), settings)
        for group in optimiser.param_groups:
            group["lr"] = rate

        logits = model(image[mine])
        losses = weight[label[mine]] * cross_entropy(logits, label[mine], reduction="none")
        optimiser.zero_grad()
        # DDP averages the ranks' gradients; the factor makes that the mean over the whole batch,
        # however unevenly it was cut.
        (losses.sum() * size / len(batch)).backward()
        optimiser.step()

        hits = logits.argmax(dim=1) == label[mine]
        met += torch.stack([losses.sum(), hits.sum()]).detach()

    loss, hits = (_sum_over_ranks(met, size) / n).tolist()
    return {"learning_rate": rate, "training_loss": loss, "training_accuracy": hits}


def _learning_rate(step: int, n_steps: int, settings: Settings) -> float:
    """Linear warm-up over the first tenth of the steps, then half a cosine down to zero."""
    warm = max(1, n_steps // 10)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, n_steps - warm)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _predict_together(
    network: nn.Module, image: torch.Tensor, rank: int, size: int
) -> torch.Tensor:
    """Probability of class 1 of every image: each rank predicts its own items, none twice."""
    probability = torch.zeros(len(image), device=image.device)
    probability[rank::size] = class_probability(network, image[rank::size])
    return _sum_over_ranks(probability, size)


def _sum_over_ranks(values: torch.Tensor, size: int) -> torch.Tensor:
    if size > 1:
        torch.distributed.all_reduce(values)
    return values


def _report(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    history: list[dict[str, float]],
    followed: list[torch.Tensor],
    rank: int,
) -> None:
    """Hand the epoch to Ray; only rank 0 brings a checkpoint, but every rank must call."""
    if rank > 0:
        ray.train.report(history[-1])
        return
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(
            Path(folder) / CHECKPOINT_FILE,
            network=network.state_dict(),
            optimiser=optimiser.state_dict(),
            history=history,
            followed=followed,
        )
        checkpoint = ray.train.Checkpoint.from_directory(folder)
        ray.train.report(history[-1], checkpoint=checkpoint)


def _resume(
    network: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[list[dict[str, float]], list[torch.Tensor]]:
    """Take up the last checkpoint of this run, if it was interrupted: history and followed."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return [], []
    with checkpoint.as_directory() as folder:
        saved = torch.load(Path(folder) / CHECKPOINT_FILE, weights_only=True, map_location="cpu")
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    return saved["history"], saved["followed"]


def save_checkpoint(path: Path, **parts: Any) -> None:
    """Write tensors, numbers, lists and dicts only, so that `weights_only=True` reads them back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(parts, path)


def _derived_seed(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1)[0])


@contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch and make it deterministic and single-threaded; put everything back afterwards.

    In-process training shares torch's global state with the caller.
    """
    # cuBLAS is deterministic only with a fixed workspace
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)
