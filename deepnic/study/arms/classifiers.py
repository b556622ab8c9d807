"""Arms without a canvas: classifiers on the same pixels or on expression, and the forest's vote."""

from abc import abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepnic.analysis.ranking import BASELINE
from deepnic.learn.baselines import BASELINES, fit_predict_baseline
from deepnic.study.arms.arm import Answer, Arm
from deepnic.study.fold import Fold
from deepnic.study.settings import Arms


class ClassifierArm(Arm[Fold, Arms]):
    """A classifier of `BASELINES`."""

    role = BASELINE

    @abstractmethod
    def values(self, fold: Fold) -> NDArray[np.float32]:
        """What it is fitted on, (observation, variable)."""

    @property
    def draws(self) -> bool:
        """Whether the classifier does."""
        return BASELINES[self.method].random

    @property
    def revision(self) -> int:
        """That of the classifier."""
        return BASELINES[self.method].revision

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Fit the classifier; see `Arm`."""
        state = fold.cohort["state"].values
        return Answer(*fit_predict_baseline(self.method, self.values(fold), state, seed), {})


class PixelsArm(ClassifierArm):
    """A classifier on the pixels that the networks see."""

    kind, title = "pixels", "the same pixels without a canvas"

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Every classifier for pixels with every strength."""
        names = [name for name, baseline in BASELINES.items() if "pixels" in baseline.on]
        return [cls(name, k) for k in settings.strengths for name in names]

    @property
    def family(self) -> str:
        """The same classifier stands among those on expression."""
        return f"{self.method} on pixels"

    def values(self, fold: Fold) -> NDArray[np.float32]:
        """Kept pixels."""
        return fold.tables[self.strength]["value"].values


class ForestArm(Arm[Fold, Arms]):
    """The forest's own vote."""

    kind, title, role = "forest", "the forest itself", BASELINE

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One, always."""
        return [cls("forest vote")]

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Cut the vote where training observations' out-of-bag votes are best balanced."""
        from sklearn.metrics import roc_curve

        state = fold.cohort["state"].values
        known = state >= 0
        fpr, tpr, cut = roc_curve(state[known], fold.vote[known])
        return Answer(fold.vote, fold.vote >= cut[np.argmax(tpr - fpr)], {})


class ExpressionArm(ClassifierArm):
    """A classifier on the expression itself."""

    kind, title = "expression", "expression, without images"

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Every classifier for expression."""
        return [cls(name) for name, baseline in BASELINES.items() if "expression" in baseline.on]

    def values(self, fold: Fold) -> NDArray[np.float32]:
        """All genes."""
        return fold.cohort["expression"].values
