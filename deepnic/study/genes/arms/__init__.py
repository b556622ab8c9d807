"""The arms of a study of genes: canvases, the same counts without a canvas, and no image at all."""

from deepnic.study.genes.arms.arm import GeneArm
from deepnic.study.genes.arms.canvas import GeneNetworkArm, GenePathArm, GenePlacementArm
from deepnic.study.genes.arms.dose import DosedMethodArm, DosedPathArm
from deepnic.study.genes.arms.methods import (
    BothArm,
    CountsArm,
    GenePixelsArm,
    RankingArm,
    StatisticsArm,
)
from deepnic.study.genes.settings import GeneArms

KINDS: tuple[type[GeneArm], ...] = (
    GenePathArm, GenePlacementArm, GeneNetworkArm, GenePixelsArm, CountsArm, StatisticsArm, BothArm,
    RankingArm, DosedPathArm, DosedMethodArm,
)  # fmt: skip


def arms_of(settings: GeneArms) -> list[GeneArm]:
    """List the arms of a study of genes.

    Examples
    --------
    >>> few = GeneArms(paths=["snail"], strengths=["distinct"], networks=["small"])
    >>> [arm.name for arm in arms_of(few)][:2]
    ['snail, 510 combinations', 'natural grid, 510 combinations']
    """
    return [arm for kind in KINDS for arm in kind.of(settings)]
