"""Arms without a canvas: classifiers on the same pixels or on expression, and the forest's vote."""

from abc import abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepnic.analysis.ranking import BASELINE
from deepnic.assembly.cross_fitted import stack_pixels
from deepnic.learn.baselines import BASELINES, baseline_of, learner_of
from deepnic.learn.calibration import cross_fitted_margins
from deepnic.study.arms.arm import Answer, Arm
from deepnic.study.fold import Fold
from deepnic.study.settings import Arms


class ClassifierArm(Arm[Fold, Arms]):
    """A classifier of `BASELINES`, or of the user's."""

    role = BASELINE

    @abstractmethod
    def shown(self, fold: Fold) -> NDArray[np.float32]:
        """What it is fitted on, (pipeline, observation, variable), as `cross_fitted_margins`."""

    @property
    def draws(self) -> bool:
        """Whether the classifier does."""
        return baseline_of(self.method).random

    @property
    def revision(self) -> int:
        """That of the classifier."""
        return baseline_of(self.method).revision

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Fit the classifier; see `Arm`."""
        fit = learner_of(self.method, seed)
        margin = cross_fitted_margins(fit, self.shown(fold), fold.part, fold.state)
        return Answer.of(margin, fold.state)


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

    def shown(self, fold: Fold) -> NDArray[np.float32]:
        """Kept pixels, by rank in their pipeline."""
        tables = [pipeline.tables[self.strength] for pipeline in fold.pipelines]
        return stack_pixels(tables)


class ForestArm(Arm[Fold, Arms]):
    """The forest's own vote."""

    kind, title, role = "forest", "the forest itself", BASELINE

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One, always."""
        return [cls("forest vote")]

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Look it up: of a training observation by the forest that had not seen its part."""
        vote = np.stack([pipeline.vote for pipeline in fold.pipelines])
        own = vote[fold.part, np.arange(len(fold.part))]
        return Answer.of(np.where(fold.part >= 0, own, vote.mean(axis=0)), fold.state)


class ExpressionArm(ClassifierArm):
    """A classifier on the expression itself.

    Examples
    --------
    >>> ExpressionArm("our_models:tabular").name
    'tabular'
    """

    kind, title = "expression", "expression, without images"

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Every classifier for expression, and those that the study names."""
        names = [name for name, baseline in BASELINES.items() if "expression" in baseline.on]
        return [cls(name) for name in (*names, *settings.classifiers)]

    @property
    def label(self) -> str:
        """Name of the classifier, or of the function that makes it."""
        return self.method.rpartition(":")[2]

    def shown(self, fold: Fold) -> NDArray[np.float32]:
        """All genes; the same whatever the part."""
        return fold.cohort["expression"].values[None]
