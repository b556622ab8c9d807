"""An arm: one way from a training fold to predictions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deepnic.columns import NO_FILTER
from deepnic.learn.calibration import calibrate

FoldT = TypeVar("FoldT")  # what an arm learns from: of observations, or of genes
ArmsT = TypeVar("ArmsT")  # settings that say which arms there are

IN_UNITS = {"tile": " in tiles", "condition": " by condition"}
"""How the name of an arm ends, by the unit of its canvas."""


class Answer(NamedTuple):
    """What an arm says of all observations of a fold, in order."""

    score: NDArray  # higher = state 1
    predicted: NDArray  # state, of int or bool
    history: dict[str, list]  # training curve of a network by column; empty for others

    @classmethod
    def of(
        cls,
        margin: NDArray[np.float64],
        state: NDArray[np.int8],
        history: dict[str, list] | None = None,
    ) -> Self:
        """Probability and class by the rule of all arms, which cross-fitted margins make."""
        known = state >= 0
        rule = calibrate(margin[known], state[known], "the training observations")
        return cls(rule.probability(margin), rule.predicted(margin), history or {})


class Outcome(NamedTuple):
    """What an arm says of the test observations, and what it took."""

    predictions: pd.DataFrame  # item, score (higher = state 1), predicted (0 or 1)
    history: dict[str, list]  # as of `Answer`
    cost: dict[str, float]  # seconds, core_seconds


@dataclass(frozen=True)
class Arm(ABC, Generic[FoldT, ArmsT]):
    """One way from a training fold to predictions; each kind is a class of its own."""

    method: str  # the path or the placement, or the classifier
    strength: int | str = ""  # pixels kept at most by relevance, or none; "" without pixels
    unit: str = ""  # pixel or tile where there is a canvas

    kind: ClassVar[str]  # name of the class in tables
    title: ClassVar[str]  # what the kind is called above its arms

    @classmethod
    @abstractmethod
    def of(cls, settings: ArmsT) -> list[Self]:
        """Arms of this kind that a study has."""

    @abstractmethod
    def fit_predict(self, fold: FoldT, seed: int) -> Answer:
        """Fit on the training items of a fold, and answer for all."""

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
        return f"{self.label}{kept}{IN_UNITS.get(self.unit, '')}"

    @property
    def path(self) -> str:
        """Path or placement of its canvas."""
        return self.method if self.unit else ""

    @property
    def draws(self) -> bool:
        """Whether its predictions depend on the seed."""
        return False

    @property
    def revision(self) -> int:
        """Counts up when what it answers changes: a study that goes on asks it again then."""
        return 2 if self.unit == "tile" else 1

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
