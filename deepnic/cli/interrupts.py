"""Ctrl-C: a command says what is kept and how to go on, and has ended two seconds later."""

import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from deepnic.files import SCRATCH

INTERRUPTED = 130  # exit code after Ctrl-C, as of a shell
KEPT = "what is written is kept: run the same command again and it goes on"
PATIENCE = 0.8  # seconds in which a command may end by itself


@dataclass
class _Ending:
    """How the command that runs ends where it is interrupted."""

    kept: str = KEPT
    patience: float = PATIENCE
    begun: bool = False
    told: bool = False


_ending = _Ending()


def keeps(sentence: str) -> None:
    """Say what is kept, and how to go on, should the command be interrupted from now on."""
    _ending.kept = sentence


@contextmanager
def patiently(seconds: float) -> Iterator[None]:
    """Have so many seconds to end what runs elsewhere: jobs are to be taken back from a queue."""
    before, _ending.patience = _ending.patience, seconds
    try:
        yield
    finally:
        _ending.patience = before


def tell() -> None:
    """Say it, once."""
    if not _ending.told:
        _ending.told = True
        print(f"error: interrupted; {_ending.kept}", file=sys.stderr, flush=True)


@contextmanager
def ends_in_time() -> Iterator[None]:
    """Have Ctrl-C end the process, whoever waits for something or swallows the exception.

    It is raised where the main thread happens to be: where that is a destructor or a callback,
    Python drops it. And at its end a process waits for the threads that compute.
    """
    _ending.__init__()  # type: ignore[misc]
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # it is ignored, as below `nohup`, or another program's own
        return
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")  # of processes left by force
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if not _ending.begun:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _ending.begun:
        _ending.begun = True
        logging.disable()  # what libraries say from now on is of their own end
        sys.unraisablehook = lambda broken: None
        threading.excepthook = lambda broken: None
        for worker in multiprocessing.active_children():  # of Dask: it finishes whole files or none
            worker.kill()
        threading.Thread(target=_end, args=(_ending.patience,), daemon=True).start()
    raise KeyboardInterrupt


def _end(patience: float) -> None:
    """End the process, if it does not end by itself."""
    never = threading.Event()
    never.wait(PATIENCE)
    tell()
    never.wait(patience - PATIENCE)
    for folder in [*SCRATCH]:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(INTERRUPTED)
