"""An arm: one way from a training fold to predictions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import pandas as pd
from numpy.typing import NDArray

from deepnic.study.fold import Fold
from deepnic.study.settings import Arms
from deepnic.variables import NO_FILTER


class Answer(NamedTuple):
    """What an arm says of all observations of a fold, in order.

    Attributes
    ----------
    score : array of float
        Higher = state 1.
    predicted : array of int or bool
        State.
    history : dict of list
        Training curve of a network by column; empty for others.
    """

    score: NDArray
    predicted: NDArray
    history: dict[str, list]


class Outcome(NamedTuple):
    """What an arm says of the test observations, and what it took.

    Attributes
    ----------
    predictions : DataFrame
        item, score (higher = state 1), predicted (0 or 1).
    history : dict of list
        As of `Answer`.
    cost : dict
        seconds, core_seconds.
    """

    predictions: pd.DataFrame
    history: dict[str, list]
    cost: dict[str, float]


@dataclass(frozen=True)
class Arm(ABC):
    """One way from a training fold to predictions; each kind is a class of its own.

    Attributes
    ----------
    method : str
        The path or the placement, or the classifier.
    strength : int or str
        Pixels kept at most by relevance, or none; "" where pixels play no role.
    unit : str
        pixel or tile where there is a canvas.
    kind : str
        Name of the class in tables.
    title : str
        What the kind is called above its arms.
    """

    method: str
    strength: int | str = ""
    unit: str = ""

    kind: ClassVar[str]
    title: ClassVar[str]

    @classmethod
    @abstractmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Arms of this kind that a study has."""

    @abstractmethod
    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Fit on the training observations of a fold, and answer for all."""

    @property
    @abstractmethod
    def role(self) -> str:
        """What it is compared as; see `deepnic.analysis.ranking`."""

    @property
    def label(self) -> str:
        """What the method is called."""
        return self.method

    @property
    def family(self) -> str:
        """What arms are called together that differ in the filter and the unit only."""
        return self.label

    @property
    def name(self) -> str:
        """What readers call it; no two arms have the same."""
        words: dict[int | str, str] = {NO_FILTER: ", no filter", "": ""}
        kept = words.get(self.strength, f", {self.strength} pixels")
        return f"{self.label}{kept}{' in tiles' if self.unit == 'tile' else ''}"

    @property
    def path(self) -> str:
        """Path or placement of its canvas."""
        return self.method if self.unit else ""

    @property
    def draws(self) -> bool:
        """Whether its predictions depend on the seed."""
        return False

    @property
    def columns(self) -> dict[str, Any]:
        """How tables describe it."""
        return {
            "arm": self.name,
            "kind": self.kind,
            "path": self.path,
            "strength": self.strength,
            "unit": self.unit,
            "role": self.role,
            "family": self.family,
        }
