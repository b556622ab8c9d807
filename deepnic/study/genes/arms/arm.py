"""An arm of a study of genes: one way from the training genes to a number for each gene."""

from collections.abc import Hashable

from deepnic.study.arms.arm import IN_UNITS, Arm
from deepnic.study.genes.fold import GeneFold
from deepnic.study.genes.settings import GeneArms


class GeneArm(Arm[GeneFold, GeneArms]):
    """One way from the training genes to a number for each gene, higher where the truth is."""

    @property
    def name(self) -> str:
        """What readers call it; no two arms have the same."""
        words = {"distinct": ", 510 combinations", "all": ", 59,049 combinations"}
        kept = words.get(str(self.strength))
        return super().name if kept is None else f"{self.label}{kept}{IN_UNITS.get(self.unit, '')}"

    @property
    def tasks(self) -> tuple[str, ...] | None:
        """Names of the tasks that it is asked; all of them unless it says."""
        return None

    @property
    def beside(self) -> Hashable:
        """What it shares with the arms that it is compared with, but for the placement."""
        return self.strength
