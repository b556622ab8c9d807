"""The training loop: what every worker runs, and nothing about clusters."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from deepnic.learn.calibration import Calibration
from deepnic.learn.channels import Images, make_images
from deepnic.learn.checkpoints import About, Record
from deepnic.learn.memory import most_items
from deepnic.learn.network import build_network
from deepnic.learn.settings import Settings
from deepnic.variables import kind_of


class Job(TypedDict):
    """What every rank is given; plain enough for Ray to carry."""

    canvas: dict[str, Any]  # arrays, see `make_images`
    state: NDArray[np.int64]  # (item), -1 = to predict
    target: NDArray[np.float32] | None  # (item), probability of class 1 to learn, not its state
    classes: int
    validation: NDArray[np.bool_]  # (item)
    settings: dict[str, Any]  # of `Settings`
    follow: bool  # predict the items of state -1 after every epoch
    about: About  # what checkpoints say of the network
    on_ray: bool  # on a worker of Ray's, not on this machine alone
    device: str  # cpu or cuda
    folder: str | None  # where the run keeps its record


class LoopResult(NamedTuple):
    """What a training comes to, the same on every rank."""

    weights: dict[str, NDArray]  # state of the network
    history: list[dict[str, float]]  # one an epoch
    followed: list[NDArray[np.float32]]  # (item of state -1, class) after each epoch
    scores: NDArray[np.float32]  # (item, class), logits


def train_loop(job: Job, rank: int = 0, size: int = 1, card: int | None = None) -> LoopResult | str:
    """Train one network; every rank runs this on its part of each batch.

    Parameters
    ----------
    job : Job
    rank, size : int
        Of this process among those that train together; torch.distributed connects them.
    card : int, optional
        Number of the GPU on this machine, where the job is for GPUs; else the rank's.

    Returns
    -------
    LoopResult or str
        A sentence where a batch does not fit the memory.
    """
    settings = Settings(**job["settings"])
    device = torch.device("cpu")
    if job["device"] == "cuda":
        device = torch.device("cuda", rank if card is None else card)

    images = make_images(job["canvas"]).to(device)
    state = torch.tensor(job["state"], device=device)
    wanted = state if job["target"] is None else torch.tensor(job["target"], device=device)
    validation = torch.tensor(job["validation"], device=device)
    training = ((state >= 0) & ~validation).nonzero().ravel()
    judged, hidden = validation.nonzero().ravel(), (state < 0).nonzero().ravel()
    every = torch.arange(len(state), device=device)

    with _reproducible(settings.seed, device):
        network = build_network(
            settings.network, images.channels, job["classes"], settings.dropout
        ).to(device)
        if refusal := _too_large(network, images, settings.batch_size, size):
            return refusal
        if settings.compiled:
            network.compile()
        model = network if size == 1 else DistributedDataParallel(network)
        learner = Learner(model, settings, job["classes"], rank, size)
        parts = {"network": network, "optimiser": learner.optimiser, "scaler": learner.scaler}
        record = Record(job["folder"], parts, job["about"], rank, on_ray=job["on_ray"])
        record.resume()
        for epoch in range(len(record.history), settings.epochs):
            if record.is_over(settings.patience):
                break
            row = learner.train_epoch(images, state, wanted, training, epoch)
            if len(judged):
                scores = predict_together(network, images, judged, rank, size)
                row |= _judge(scores, state[judged])
            if job["follow"]:
                probability = predict_together(network, images, hidden, rank, size).softmax(dim=1)
                record.followed.append(probability.cpu())
            record.add(row)
        record.finish()
        scores = predict_together(network, images, every, rank, size)

    return LoopResult(
        weights={name: value.cpu().numpy() for name, value in network.state_dict().items()},
        history=record.history,
        followed=[values.numpy() for values in record.followed],
        scores=scores.cpu().numpy(),
    )


class Learner:
    """A network on its way: optimiser, schedule and the cut of every batch."""

    def __init__(self, model: nn.Module, settings: Settings, classes: int, rank: int, size: int):
        self.model, self.settings, self.classes = model, settings, classes
        self.rank, self.size = rank, size
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.device = next(model.parameters()).device
        self.half = _half_precision(settings, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half is torch.float16)

    def train_epoch(
        self,
        images: Images,
        state: torch.Tensor,
        wanted: torch.Tensor,
        training: torch.Tensor,
        epoch: int,
    ) -> dict[str, float]:
        """One pass over the training items; the loss and accuracy are those met on the way."""
        settings, n = self.settings, len(training)
        self.model.train()
        weight = torch.ones(self.classes, device=self.device)
        if settings.class_weights:
            weight = n / (self.classes * torch.bincount(state[training], minlength=self.classes))
        order = np.random.default_rng([settings.seed, epoch]).permutation(n)  # same on every rank
        torch.manual_seed(_derived_seed(settings.seed, epoch, self.rank))  # of the dropout
        met = torch.zeros(2, device=self.device, dtype=torch.float64)
        starts = range(0, n, settings.batch_size)
        for step, start in enumerate(starts):
            batch = order[start : start + settings.batch_size]
            mine = torch.from_numpy(batch[self.rank :: self.size])  # may be empty in the last one
            items = training[mine.to(self.device)]
            rate = _learning_rate(
                epoch * len(starts) + step, settings.epochs * len(starts), settings
            )
            met += self._step(images(items), state[items], wanted[items], weight, len(batch), rate)
        loss, hits = (_sum_over_ranks(met, self.size) / n).tolist()
        return {"learning_rate": rate, "training_loss": loss, "training_accuracy": hits}

    def _step(
        self,
        image: torch.Tensor,
        label: torch.Tensor,
        wanted: torch.Tensor,
        weight: torch.Tensor,
        batch_size: int,
        rate: float,
    ) -> torch.Tensor:
        """Take one step down the gradient; sums of loss and hits over this rank's items."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            scores = self.model(image).float()
        if wanted.is_floating_point():
            wanted = torch.stack([1 - wanted, wanted], dim=1)
        losses = weight[label] * cross_entropy(scores, wanted, reduction="none")
        self.optimiser.zero_grad()
        # DDP averages the ranks' gradients; the factor makes that the mean over the whole batch,
        # however unevenly it was cut.
        self.scaler.scale(losses.sum() * self.size / batch_size).backward()
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        hits = scores.argmax(dim=1) == label
        return torch.stack([losses.sum(), hits.sum()]).detach()


def class_scores(
    network: nn.Module, images: Images, items: torch.Tensor, block: int = 64
) -> torch.Tensor:
    """Class scores of some items, (item, class) float32, from the network in evaluation mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(images(part)).float() for part in items.split(block)])


def mean_over_pipelines(
    canvas: xr.Dataset, scores: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """First image of each item of a canvas, and its class scores, of several images their mean."""
    if kind_of(canvas) != "cross-fitted canvas":
        return np.arange(len(scores)), scores
    number, ids = pd.factorize(canvas["item"].to_index())
    total = np.zeros((len(ids), scores.shape[1]))
    np.add.at(total, number, scores)
    means = total / np.bincount(number)[:, None]
    return np.unique(number, return_index=True)[1], means.astype(np.float32)


def told(
    scores: NDArray[np.float32], calibration: Calibration | None
) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Probabilities (item, class) and classes that logits (item, class) come to."""
    if calibration is None:
        probability = torch.tensor(scores).softmax(dim=1).numpy()
        return probability, probability.argmax(axis=1)
    margin = np.diff(scores.astype(np.float64))[:, 0]
    second = calibration.probability(margin)
    return np.stack([1 - second, second], axis=1), calibration.predicted(margin)


def predict_together(
    network: nn.Module, images: Images, items: torch.Tensor, rank: int, size: int
) -> torch.Tensor:
    """Class scores of some items: each rank predicts its own, none twice."""
    mine = class_scores(network, images, items[rank::size])
    scores = mine.new_zeros(len(items), mine.shape[1])
    scores[rank::size] = mine
    return _sum_over_ranks(scores, size)


def _judge(scores: torch.Tensor, label: torch.Tensor) -> dict[str, float]:
    """Loss, every class weighing the same, and accuracy on the validation items."""
    losses = cross_entropy(scores, label, reduction="none")
    means = [losses[label == k].mean() for k in label.unique()]
    return {
        "validation_loss": float(torch.stack(means).mean()),
        "validation_accuracy": float((scores.argmax(dim=1) == label).float().mean()),
    }


def _learning_rate(step: int, n_steps: int, settings: Settings) -> float:
    """Linear warm-up over the first steps, then half a cosine down to zero."""
    warm = max(1, int(n_steps * settings.warm_up))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, n_steps - warm)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _half_precision(settings: Settings, device: torch.device) -> torch.dtype | None:
    """What a GPU computes fastest in; Turing cards (sm_75) have no bfloat16."""
    if not settings.mixed_precision or device.type == "cpu":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def _sum_over_ranks(values: torch.Tensor, size: int) -> torch.Tensor:
    if size > 1:
        torch.distributed.all_reduce(values)
    return values


def _too_large(network: nn.Module, images: Images, batch_size: int, size: int) -> str:
    """Say which batch would fit where this one does not; the same on every rank."""
    fits = torch.tensor(most_items(network, images), device=images.paint.device)
    if size > 1:
        torch.distributed.all_reduce(fits, torch.distributed.ReduceOp.MIN)
    if -(-batch_size // size) <= fits:
        return ""
    return (
        f"batch_size is {batch_size}, which does not fit the memory of {size} "
        f"worker{'s' * (size > 1)}; at most about {int(fits) * size} would"
    )


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
