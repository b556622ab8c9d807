"""Arms with a canvas: the same network on pixels laid by a path, or by another placement."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Self

import xarray as xr

from deepnic.analysis.ranking import OURS, PLACEMENT, RANDOM
from deepnic.assembly import Assembly, assemble, fit_assembly, fit_deepinsight, lay
from deepnic.study.arms.arm import Answer, Arm
from deepnic.study.fold import Fold
from deepnic.study.settings import Arms


def trained(
    canvas: xr.Dataset, epochs: int, seed: int, *, network: str = "small", device: str = "cpu"
) -> Answer:
    """Train a network on a canvas, and answer for all its items.

    On the processor unless it is told: the machine where an arm happens to run does not decide.
    """
    from deepnic.learn.fit import train  # loads torch where it is used

    result = train(canvas, epochs=epochs, seed=seed, network=network, device=device)
    history = {str(name): values.tolist() for name, values in result.history.items()}
    predictions = result.predictions
    return Answer(
        predictions["probability"].to_numpy(), predictions["predicted"].to_numpy(), history
    )


class CanvasArm(Arm[Fold, Arms]):
    """The network on one canvas."""

    draws = True

    @abstractmethod
    def canvas(self, table: xr.Dataset, seed: int) -> xr.Dataset:
        """Lay the pixels of a table, as `deepnic.assemble`."""

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Train the network; see `Arm`."""
        return trained(self.canvas(fold.tables[self.strength], seed), fold.epochs, seed)


class PathArm(CanvasArm):
    """An assembly by one of the paths.

    Examples
    --------
    >>> PathArm("snail", 1024, "tile").name
    'snail, 1024 pixels in tiles'
    """

    kind, title, role = "assembly", "assemblies", OURS

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Every path with every strength and unit."""
        return [
            cls(path, strength, unit)
            for strength in settings.strengths
            for unit in settings.units
            for path in settings.paths
        ]

    def canvas(self, table: xr.Dataset, seed: int) -> xr.Dataset:
        """Lay the pixels along the path."""
        return assemble(table, path=self.method, unit=self.unit, seed=seed)


PLACEMENTS: dict[str, Callable[[xr.Dataset, int], Assembly]] = {
    "DeepInsight": lambda table, seed: fit_deepinsight(table, seed=seed),
    "random": lambda table, seed: fit_assembly(table, order="random", seed=seed),
}


class PlacementArm(CanvasArm):
    """Another placement of the same pixels.

    Examples
    --------
    >>> PlacementArm("random", "none", "pixel").name
    'random placement, no filter'
    """

    kind, title = "placement", "other placements, the same network"

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Every placement with every strength."""
        return [cls(name, k, "pixel") for k in settings.strengths for name in PLACEMENTS]

    @property
    def role(self) -> str:
        """A placement by chance is what the others are measured by."""
        return RANDOM if self.method == "random" else PLACEMENT

    @property
    def label(self) -> str:
        """Name of the method, and that it places."""
        return f"{self.method} placement"

    def canvas(self, table: xr.Dataset, seed: int) -> xr.Dataset:
        """Lay the pixels where the placement has them."""
        return lay(table, PLACEMENTS[self.method](table, seed))
