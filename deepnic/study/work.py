"""The arms of a fold, run by the workers of the current client, or here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import process_time, thread_time
from typing import Any, Protocol

import dask
import pandas as pd
from numpy.typing import NDArray

from deepnic.compute import compute, current_client, is_task
from deepnic.study.arms.arm import Arm, Outcome
from deepnic.study.costs import measured
from deepnic.study.failures import reason_of
from deepnic.study.folder import write_outcome

_one_at_a_time = Lock()  # torch's random numbers and the numbers of threads are the process's


class Learnt(Protocol):
    """A fold, of observations or of genes: what arms learn from and answer."""

    @property
    def ids(self) -> Iterable[object]:
        """What no message may hold: names of patients."""

    def told(self, score: NDArray, predicted: NDArray) -> pd.DataFrame:
        """Rows of what is judged, from the answers for all."""


def fit_predict(arm: Arm[Any, Any], fold: Learnt, seed: int) -> Outcome:
    """Fit an arm on the training items of a fold and predict the others.

    One at a time in a process, whatever its threads; the processor time is that of this thread,
    where the process may do other tasks too.
    """
    with _alone(), measured(thread_time if is_task() else process_time) as cost:
        answer = arm.fit_predict(fold, seed)
    return Outcome(fold.told(answer.score, answer.predicted), answer.history, cost)


@contextmanager
def _alone() -> Iterator[None]:
    """Run no other arm in this process within the block.

    An arm that computes with Dask leaves its place in the worker and needs one to go on: nobody
    waits for it in one.
    """
    if not _one_at_a_time.acquire(blocking=not is_task()):
        from distributed import secede

        secede()
        _one_at_a_time.acquire()
    try:
        yield
    finally:
        _one_at_a_time.release()


def run_arms(
    fold: Learnt,
    pending: Sequence[tuple[Arm[Any, Any], int]],
    folder: Path,
    advance: Callable[..., None],
) -> list[tuple[Arm[Any, Any], int, str]]:
    """Run arms on the workers of the current client, or here; those that could not be, and why."""
    failed: list[tuple[Arm[Any, Any], int, str]] = []
    made, ids = set(), fold.ids

    def receive(answer: tuple[Arm[Any, Any], int, Outcome | str]) -> None:
        arm, seed, outcome = answer
        made.add((arm, seed))
        if isinstance(outcome, Outcome):
            write_outcome(folder, arm, seed, outcome)
        else:
            failed.append((arm, seed, outcome))
        advance()

    if current_client() is None:
        for arm, seed in pending:
            receive(_run_arm(arm, seed, fold))
        return failed
    run, shared = dask.delayed(_run_arm, pure=False), dask.delayed(fold, traverse=False)
    try:
        compute([run(arm, seed, shared) for arm, seed in pending], "training", receive=receive)
        return failed
    except Exception as error:
        reason_of(error, ids)  # raises what stops a study
    for arm, seed in pending:  # alone: an arm that ends its worker takes the others there along
        if (arm, seed) not in made:
            try:
                compute([run(arm, seed, shared)], "training", receive=receive)
            except Exception as error:
                receive((arm, seed, reason_of(error, ids)))
    return failed


def _run_arm(
    arm: Arm[Any, Any], seed: int, fold: Learnt
) -> tuple[Arm[Any, Any], int, Outcome | str]:
    """Fit and predict, or tell why that is not possible."""
    try:
        return arm, seed, fit_predict(arm, fold, seed)
    except Exception as error:
        return arm, seed, reason_of(error, fold.ids)
