"""The arms: everything that is compared, on the same folds with the same seeds."""

from threading import Lock
from time import thread_time

import numpy as np
import pandas as pd

from deepnic.study.arms.arm import Answer, Arm, Outcome
from deepnic.study.arms.canvas import CanvasArm, PathArm, PlacementArm
from deepnic.study.arms.classifiers import ExpressionArm, ForestArm, PixelsArm
from deepnic.study.costs import measured
from deepnic.study.fold import Fold
from deepnic.study.settings import Arms, StudySettings

__all__ = ["KINDS", "Answer", "Arm", "CanvasArm", "Outcome", "arms_of", "fit_predict"]

KINDS: dict[str, type[Arm[Fold, Arms]]] = {
    cls.kind: cls for cls in (PathArm, PlacementArm, PixelsArm, ForestArm, ExpressionArm)
}
"""Kinds of arms by name, in the order in which tables show them."""

_one_at_a_time = Lock()  # torch's random numbers and the numbers of threads are the process's


def arms_of(settings: StudySettings) -> list[Arm[Fold, Arms]]:
    """List the arms of a study.

    Examples
    --------
    >>> few = StudySettings(arms={"paths": ["snail"], "strengths": [256]})
    >>> [arm.name for arm in arms_of(few)][:3]
    ['snail, 256 pixels', 'DeepInsight placement, 256 pixels', 'random placement, 256 pixels']
    """
    return [arm for kind in KINDS.values() for arm in kind.of(settings.arms)]


def fit_predict(arm: Arm[Fold, Arms], fold: Fold, seed: int) -> Outcome:
    """Fit an arm on the training observations of a fold and predict the others.

    One at a time in a process, whatever its threads; the processor time is this thread's.
    """
    with _one_at_a_time, measured(thread_time) as cost:
        answer = arm.fit_predict(fold, seed)
    test = fold.cohort["state"].values < 0
    predictions = pd.DataFrame(
        {
            "item": fold.cohort["observation"].values[test],
            "score": np.asarray(answer.score, np.float64)[test],
            "predicted": np.asarray(answer.predicted, np.int8)[test],
        }
    )
    return Outcome(predictions, answer.history, cost)
