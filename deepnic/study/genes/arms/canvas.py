"""Arms with a canvas of a gene's pixels, and a network that reads it."""

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.analysis.ranking import OURS, PLACEMENT, RANDOM
from deepnic.assembly import Assembly, assemble_counts, fit_assembly, fit_deepinsight, lay
from deepnic.assembly.canvas import TREE_SIZES, WEIGHT_RANGES, check_tiles
from deepnic.learn.settings import TILES
from deepnic.study.arms.arm import Answer
from deepnic.study.arms.canvas import trained
from deepnic.study.genes.arms.arm import GeneArm
from deepnic.study.genes.fold import GeneFold
from deepnic.study.genes.settings import FAMILIES, GeneArms


class GeneCanvasArm(GeneArm):
    """A network on one canvas."""

    draws = True
    network = "small"

    @property
    @abstractmethod
    def how(self) -> dict[str, str]:
        """Path, order and unit that are not the usual ones, as of `fit_assembly`."""

    def canvas(self, fold: GeneFold, seed: int) -> xr.Dataset:
        """Lay the pixels; those of a whole family are made where the network runs."""
        how: dict[str, Any] = {"unit": self.unit, "seed": seed} | self.how
        if self.strength in FAMILIES:
            return assemble_counts(fold.counts_with_states, family=str(self.strength), **how)
        table = fold.table(int(self.strength))
        return lay(table, self.place(table, how))

    def place(self, table: xr.Dataset, how: dict[str, Any]) -> Assembly:
        """Choose the place of each pixel of a table."""
        return fit_assembly(table, **how)

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Train the network; see `Arm`. Of the largest canvas, some genes alone are asked."""
        asked = fold.unfiltered_sample if self.strength == "all" else np.full(len(fold.item), True)
        return answered(self.canvas(fold.of(asked), seed), fold, asked, self.network, seed)


def answered(
    canvas: xr.Dataset, fold: GeneFold, asked: NDArray[np.bool_], network: str, seed: int
) -> Answer:
    """Train a network on the canvas of the genes that are asked; the others' scores are NaN."""
    canvas = fold.aimed(canvas, asked)
    answer = trained(canvas, fold.epochs, seed, network=network, device=fold.device)
    score, predicted = np.full(len(asked), np.nan), np.zeros(len(asked), bool)
    score[asked], predicted[asked] = answer.score, answer.predicted
    return Answer(score, predicted, answer.history)


class GenePathArm(GeneCanvasArm):
    """An assembly by one of the paths.

    Examples
    --------
    >>> GenePathArm("snail", "distinct", "tile").name
    'snail, 510 combinations in tiles'
    """

    kind, title, role = "assembly", "assemblies", OURS

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Every path with every strength and unit; similarity compares too many of all pixels."""
        return [
            cls(path, strength, unit)
            for strength in settings.strengths
            for unit in settings.units
            for path in settings.paths
            if not (path == "pacman" and strength == "all")
        ]

    @property
    def how(self) -> dict[str, str]:
        """The path, in its own order."""
        return {"path": self.method}


PLACEMENTS: dict[str, dict[str, Any]] = {
    "DeepInsight": {},
    "learned order": {"path": "hilbert", "order": "arrangement"},
    "natural grid": {"unit": "condition"},
    "random": {"order": "random"},
}
"""Other placements by name, as of `fit_assembly`; DeepInsight's is a map of its own."""


def called(method: str) -> str:
    """What readers call a placement; a path, and the grid, by its own name."""
    by_its_own = method not in PLACEMENTS or method == "natural grid"
    return method if by_its_own else f"{method} placement"


class GenePlacementArm(GeneCanvasArm):
    """Another placement of the same pixels."""

    kind, title = "placement", "other placements, the same network"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """At random always; what compares pixels, of few of them; the grid, of a whole family."""
        return [
            cls(name, k, "pixel")
            for k in settings.strengths
            for name in PLACEMENTS
            if name == "random" or (name == "natural grid") == (k in FAMILIES)
        ]

    @property
    def role(self) -> str:
        """A placement by chance is what the others are measured by."""
        return RANDOM if self.method == "random" else PLACEMENT

    @property
    def label(self) -> str:
        """Name of the method, and that it places."""
        return called(self.method)

    @property
    def how(self) -> dict[str, str]:
        """As the table of placements says."""
        return PLACEMENTS[self.method]

    def place(self, table: xr.Dataset, how: dict[str, Any]) -> Assembly:
        """Choose the place of each pixel of a table."""
        if self.method == "DeepInsight":
            return fit_deepinsight(table, seed=how["seed"])
        return super().place(table, how)


@dataclass(frozen=True)
class GeneNetworkArm(GeneCanvasArm):
    """Another network, on the paths and on a random placement; that of tiles needs no path."""

    network: str = "residual"

    kind, title = "network", "other networks"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """The residual one under the strongest filter, the one of tiles on the distinct ones."""
        strongest = min(settings.strengths, key=lambda k: np.inf if k in FAMILIES else int(k))
        arms = []
        if "residual" in settings.networks:
            arms = [cls(path, strongest, "pixel") for path in [*settings.paths, "random"]]
        if "tiles" in settings.networks:
            arms.append(cls("tiles", "distinct", "tile", TILES))
        return arms

    @property
    def role(self) -> str:
        """Its paths are measured by its own random placement."""
        return {"random": RANDOM, "tiles": PLACEMENT}.get(self.method, OURS)

    @property
    def label(self) -> str:
        """The network, and the placement."""
        if self.network == TILES:
            return "shared encoder of tiles"
        return f"residual network, {self.method}"

    @property
    def name(self) -> str:
        """Without the unit, which the network of tiles has in its name."""
        return super().name.removesuffix(" in tiles")

    @property
    def beside(self) -> Hashable:
        """The network and the strength."""
        return self.network, self.strength

    def canvas(self, fold: GeneFold, seed: int) -> xr.Dataset:
        """Lay the pixels; the network of tiles has undefined ones where no tree was grown."""
        if self.network == TILES:
            counts = fold.counts
            check_tiles(counts["tree_size"].values, counts["weight_range"].values)
            whole = {"tree_size": [*TREE_SIZES], "weight_range": [*WEIGHT_RANGES]}
            fold = replace(fold, counts=counts.reindex(whole, fill_value=0))
        return super().canvas(fold, seed)

    @property
    def how(self) -> dict[str, str]:
        """The path, or by chance."""
        if self.network == TILES:
            return {}
        return PLACEMENTS.get(self.method, {"path": self.method})
