"""What a run writes down after every epoch: to go on if interrupted, and for others to follow."""

import logging
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TypedDict

import pandas as pd
import torch
from tensorboardX import SummaryWriter

from deepnic.compute import repeated
from deepnic.errors import InputError
from deepnic.files import write_csv
from deepnic.learn.saved import About, read_checkpoint, save_checkpoint
from deepnic.learn.settings import CHECKPOINT_FILE, LAST_FILE

HISTORY_FILE = "history.csv"
INTERVAL = 1.0  # seconds between two looks at a history

logger = logging.getLogger("deepnic.train")


class Best(TypedDict, total=False):
    """The epoch of least validation loss; empty without validation items."""

    epoch: int
    loss: float
    weights: dict[str, torch.Tensor]


class Record:
    """History, best weights and checkpoints of a run; the same on every rank, written by rank 0.

    On Ray's workers a checkpoint goes through `ray.train.report`, which hands the last one to the
    workers of a second attempt; else it is a file of the run's folder.

    Parameters
    ----------
    folder : str or None
        Of the run, on storage that all machines share: `history.csv` and TensorBoard's files.
    parts : dict
        Whose states are kept: network, optimiser and scaler.
    about : About
    rank : int
    on_ray : bool
        On a worker of Ray's, not on this machine alone.

    Attributes
    ----------
    history : list of dict
        One an epoch.
    followed : list of Tensor
        What was predicted of the items of unknown state after each epoch.
    best : Best
    """

    def __init__(
        self, folder: str | None, parts: dict[str, Any], about: About, rank: int, *, on_ray: bool
    ):
        self.folder = None if folder is None else Path(folder)
        self.parts, self.about, self.rank, self.on_ray = parts, about, rank, on_ray
        self.history: list[dict[str, float]] = []
        self.followed: list[torch.Tensor] = []
        self.best: Best = {}
        self.writer: SummaryWriter | None = None

    def resume(self) -> None:
        """Take up the last checkpoint of this run, if it was interrupted."""
        saved = self._last()
        if saved is not None:
            for name, part in self.parts.items():
                part.load_state_dict(saved[name])
            self.history, self.followed = saved["history"], saved["followed"]
            self.best = saved["best"]

    def add(self, row: dict[str, float]) -> None:
        """Write an epoch down."""
        self.history.append({"epoch": len(self.history) + 1} | row)
        loss = row.get("validation_loss")
        if loss is not None and loss < self.best.get("loss", float("inf")):
            weights = self.parts["network"].state_dict()
            self.best = {
                "epoch": len(self.history),
                "loss": loss,
                "weights": {name: value.detach().cpu().clone() for name, value in weights.items()},
            }
        if self.folder is None:
            return
        if self.rank == 0:
            self._write_curves()
        self._keep()

    def is_over(self, patience: int) -> bool:
        """Tell whether the validation loss has not improved for so many epochs."""
        return bool(self.best) and len(self.history) - self.best["epoch"] >= patience

    def finish(self) -> None:
        """Give the network the weights of its best epoch, and close what is written."""
        if self.best:
            self.parts["network"].load_state_dict(self.best["weights"])
        if self.writer is not None:
            self.writer.close()

    def _last(self) -> dict[str, Any] | None:
        if self.on_ray and (saved := _reported()):
            return saved
        if self.folder is None or not (last := self.folder / LAST_FILE).exists():
            return None
        try:
            return read_checkpoint(last)
        except InputError as error:
            raise InputError(
                f"{last} is damaged; rename it, and resume=True trains the run from its first epoch"
            ) from error

    def _keep(self) -> None:
        """Keep a checkpoint, from rank 0; on Ray every rank must report."""
        checkpoint = self._states() if self.rank == 0 else None
        if self.on_ray:
            _report(self.history[-1], checkpoint)
        elif checkpoint is not None:
            assert self.folder is not None
            save_checkpoint(self.folder / LAST_FILE, **checkpoint)

    def _states(self) -> dict[str, Any]:
        states = {name: part.state_dict() for name, part in self.parts.items()}
        states |= {"history": self.history, "followed": self.followed, "best": self.best}
        return states | {"about": self.about}

    def _write_curves(self) -> None:
        assert self.folder is not None
        row = self.history[-1]
        if self.writer is None:  # a second attempt hides the epochs that it repeats
            self.writer = SummaryWriter(
                str(self.folder / "tensorboard"), purge_step=int(row["epoch"])
            )
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, int(row["epoch"]))
        self.writer.flush()
        write_csv(self.folder / HISTORY_FILE, pd.DataFrame(self.history))


def _report(row: dict[str, float], states: dict[str, Any] | None) -> None:
    """Give Ray Train the epoch, and from rank 0 its checkpoint."""
    import ray.train  # not where this machine trains alone

    if states is None:
        ray.train.report(row)
        return
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder) / CHECKPOINT_FILE, **states)
        ray.train.report(row, checkpoint=ray.train.Checkpoint.from_directory(folder))


def _reported() -> dict[str, Any] | None:
    """Read the last checkpoint that Ray Train was given."""
    import ray.train

    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return None
    with checkpoint.as_directory() as folder:
        return read_checkpoint(Path(folder) / CHECKPOINT_FILE)


@contextmanager
def epochs_logged(run: Path | None, epochs: int) -> Iterator[None]:
    """Log a line for each epoch that a run in a folder finishes within the block.

    Its history is looked at now and then, wherever its workers are: a callback of Ray Train's is
    called in the process of its controller, whose log does not reach this one.

    Parameters
    ----------
    run : Path or None
        Folder of the run; None: nothing is written down, and nothing logged.
    epochs : int
        Epochs at most.
    """
    if run is None:
        yield
        return
    history, start = run / HISTORY_FILE, perf_counter()
    before = logged = len(_rows(history))

    def log() -> None:
        nonlocal logged
        for row in _rows(history)[logged:]:
            logged += 1
            left = (perf_counter() - start) / (logged - before) * (epochs - logged)
            losses = ", ".join(
                f"{part} loss {row[f'{part}_loss']:.4f}"
                for part in ("training", "validation")
                if f"{part}_loss" in row
            )
            logger.info("epoch %d of %d: %s; %.0f s left", logged, epochs, losses, left)

    try:
        with repeated(log, INTERVAL):
            yield
    finally:
        log()


def _rows(history: Path) -> list[dict[Hashable, float]]:
    """Epochs of a history; none where it is damaged, as the run writes it anew."""
    try:
        return pd.read_csv(history).to_dict("records")
    except (OSError, ValueError):
        return []
