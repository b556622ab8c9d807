"""The arms: everything that is compared, on the same folds with the same seeds."""

from deepnic.study.arms.arm import Answer, Arm, Outcome
from deepnic.study.arms.canvas import (
    CanvasArm,
    DeepInsightArm,
    EncoderArm,
    NetworkArm,
    OneForestArm,
    PathArm,
    PlacementArm,
    PretrainedArm,
)
from deepnic.study.arms.classifiers import ExpressionArm, ForestArm, PixelsArm
from deepnic.study.fold import Fold
from deepnic.study.settings import Arms, StudySettings

__all__ = ["KINDS", "Answer", "Arm", "CanvasArm", "Outcome", "arms_of"]

KINDS: dict[str, type[Arm[Fold, Arms]]] = {
    cls.kind: cls
    for cls in (
        PathArm,
        PlacementArm,
        OneForestArm,
        NetworkArm,
        EncoderArm,
        PretrainedArm,
        PixelsArm,
        ForestArm,
        DeepInsightArm,
        ExpressionArm,
    )
}
"""Kinds of arms by name, in the order in which tables show them."""


def arms_of(settings: StudySettings) -> list[Arm[Fold, Arms]]:
    """List the arms of a study.

    Examples
    --------
    >>> few = StudySettings(arms={"paths": ["snail"], "strengths": [256]})
    >>> [arm.name for arm in arms_of(few)][:3]
    ['snail, 256 pixels', 'DeepInsight placement, 256 pixels', 'random placement, 256 pixels']
    """
    return [arm for kind in KINDS.values() for arm in kind.of(settings.arms)]
