"""Telling how a run gets on, from what it writes down wherever its workers are."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import pandas as pd

from deepnic.learn.checkpoints import HISTORY_FILE

logger = logging.getLogger("deepnic.train")

INTERVAL = 1.0  # seconds between two looks


@contextmanager
def epochs_logged(run: Path | None, epochs: int) -> Iterator[None]:
    """Log a line for each epoch that a run in a folder finishes within the block.

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
    history, start, over = run / HISTORY_FILE, perf_counter(), threading.Event()
    before = told = len(pd.read_csv(history)) if history.exists() else 0

    def tell() -> None:
        nonlocal told
        rows = pd.read_csv(history) if history.exists() else pd.DataFrame()
        for epoch, row in enumerate(rows.to_dict("records")[told:], start=told + 1):
            told = epoch
            left = (perf_counter() - start) / (epoch - before) * (epochs - epoch)
            losses = ", ".join(
                f"{part} loss {row[f'{part}_loss']:.4f}"
                for part in ("training", "validation")
                if f"{part}_loss" in row
            )
            logger.info("epoch %d of %d: %s; %.0f s left", epoch, epochs, losses, left)

    def follow() -> None:
        while not over.wait(INTERVAL):
            tell()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        tell()
