"""What of a study could not be made, in words without anybody's id, and what stops it instead."""

import logging
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepnic.errors import DeepnicError, chain, own_steps
from deepnic.files import REFUSALS
from deepnic.study.cohorts import Split

logger = logging.getLogger("deepnic.study")


@dataclass(frozen=True)
class Failure:
    """An arm that could not be made in a fold, or all of a fold."""

    cohort: str
    permutation: int  # -1 = the true labels
    repeat: int
    fold: int
    arm: str  # "" = the fold itself: its forest, its pixels
    seed: int | None
    reason: str

    @classmethod
    def of(cls, split: Split, reason: str, arm: str = "", seed: int | None = None) -> "Failure":
        """Failure in a fold."""
        return cls(split.name, split.permutation, split.repeat, split.fold, arm, seed, reason)

    def __str__(self) -> str:
        """Say which arm, where and why."""
        permuted = f", labels permuted ({self.permutation})" if self.permutation >= 0 else ""
        what = f"{self.arm}, seed {self.seed}" if self.seed is not None else self.arm or "the fold"
        place = f"{self.cohort}, repeat {self.repeat}, fold {self.fold}{permuted}"
        return f"{what} in {place}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``study.json``."""
        return asdict(self)


def note(failures: list[Failure], failure: Failure) -> None:
    """Remember what could not be made, and say so."""
    failures.append(failure)
    logger.warning("not made: %s", failure)


def reason_of(error: Exception, ids: Iterable[object]) -> str:
    """Tell in a sentence why something could not be made; raise again what stops a study.

    A sentence of deepnic's stands as it is unless it names one of the ids; of other exceptions,
    whose messages may hold anything, the type and the place are told.

    Examples
    --------
    >>> from deepnic.errors import InputError
    >>> reason_of(InputError("no pixel is left; take more trees"), ["p1", "p2"])
    'InputError: no pixel is left; take more trees'
    >>> reason_of(KeyError("p1 not found"), ["p1", "p2"])
    'KeyError'
    """
    # what the disk refuses one arm it refuses the next one too
    if any(isinstance(one, OSError) and one.errno in REFUSALS for one in chain(error)):
        raise error
    kind, sentence = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, DeepnicError) and not _names(sentence, ids):
        return f"{kind}: {sentence}"
    ours = own_steps(error)
    return f"{kind} in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else kind


def _names(sentence: str, ids: Iterable[object]) -> bool:
    """Tell whether a sentence holds one of the ids as a word."""
    return any(
        word in sentence and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", sentence)
        for word in filter(None, map(str, ids))
    )
