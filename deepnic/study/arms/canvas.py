"""Arms with a canvas: the same network on pixels laid by a path, or by another placement."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.analysis.ranking import BASELINE, OURS, PLACEMENT, RANDOM
from deepnic.assembly import Assembly, fit_assembly, fit_deepinsight, lay
from deepnic.assembly.cross_fitted import join_canvases
from deepnic.assembly.deepinsight import draw_expression
from deepnic.learn.settings import POOLED, SHIPPED
from deepnic.study.arms.arm import Answer, Arm
from deepnic.study.fold import Fold, fit_on_all, seen_by
from deepnic.study.settings import Arms

if TYPE_CHECKING:
    from deepnic.learn import TrainResult


def trained(
    canvas: xr.Dataset, epochs: int, seed: int, *, network: str = "small", device: str = "cpu"
) -> Answer:
    """Train a network on a canvas, and answer for all its items.

    On the processor unless it is told: the machine where an arm happens to run does not decide.
    """
    from deepnic.learn.fit import train  # loads torch where it is used

    result = train(canvas, epochs=epochs, seed=seed, network=network, device=device)
    predictions = result.predictions
    return Answer(
        predictions["probability"].to_numpy(), predictions["predicted"].to_numpy(), curve_of(result)
    )


def curve_of(result: "TrainResult") -> dict[str, list]:
    """Training curve by column."""
    return {str(name): values.tolist() for name, values in result.history.items()}


class CanvasArm(Arm[Fold, Arms]):
    """The network on one canvas, or the mean of several of other seeds."""

    draws = True
    network: str = "small"
    members: int = 1  # networks, each trained by itself, whose margins are averaged

    @abstractmethod
    def canvas(self, fold: Fold, seed: int) -> xr.Dataset:
        """Lay what each pipeline shows, as `join_canvases`."""

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Train the network; see `Arm`. Of several the curve is that of the first."""
        from deepnic.learn.cross_fitting import train_cross_fitted  # loads torch where it is used

        several = [
            train_cross_fitted(
                self.canvas(fold, one),
                network=self.network,
                epochs=fold.epochs,
                seed=one,
                device="cpu",
            )
            for one in range(seed * self.members, (seed + 1) * self.members)
        ]
        margin = np.mean([one.margin for one in several], axis=0)
        return Answer.of(margin, fold.state, curve_of(several[0].result))


class PlacedArm(CanvasArm):
    """The network on kept pixels, laid somehow."""

    @abstractmethod
    def place(self, table: xr.Dataset, seed: int) -> Assembly:
        """Choose where each pixel of a pipeline's table lies."""

    def canvas(self, fold: Fold, seed: int) -> xr.Dataset:
        """Lay the table of each pipeline."""
        tables = [pipeline.tables[self.strength] for pipeline in fold.pipelines]
        canvases = [lay(table, self.place(table, seed)) for table in tables]
        return join_canvases(canvases, fold.part, fold.state)


class PathArm(PlacedArm):
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

    def place(self, table: xr.Dataset, seed: int) -> Assembly:
        """Choose the places along the path."""
        return fit_assembly(table, path=self.method, unit=self.unit, seed=seed)


@dataclass(frozen=True)
class NetworkArm(PathArm):
    """Another network on the canvas of the first path, or the mean of several small ones.

    Examples
    --------
    >>> NetworkArm("snail", 256, "pixel", "residual").name
    'residual network, snail, 256 pixels'
    >>> NetworkArm("snail", 256, "pixel", members=3).name
    'mean of 3 networks, snail, 256 pixels'
    """

    network: str = "small"
    members: int = 1

    kind, title, role = "network", "other networks on the same canvases", BASELINE

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """Those that the study names, and the mean, with every strength."""
        others = [(name, 1) for name in settings.networks]
        if settings.averaged > 1:
            others.append(("small", settings.averaged))
        path = settings.paths[0]
        return [cls(path, k, "pixel", *other) for k in settings.strengths for other in others]

    @property
    def label(self) -> str:
        """The network, or how many, and the path."""
        name = self.network.rpartition(":")[2]
        what = f"mean of {self.members} networks" if self.members > 1 else f"{name} network"
        return f"{what}, {self.method}"


class OneForestArm(PathArm):
    """The first path on images of one forest of all training observations: not cross-fitted.

    The rule of all arms is made of margins of networks that learnt without a part, on the images of
    the pipeline without it.

    Examples
    --------
    >>> OneForestArm("snail", 256, "pixel").name
    'one forest, snail, 256 pixels'
    """

    kind, title, role = "one forest", "images of one forest, the same path and network", BASELINE

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One with every strength, if the study asks for it."""
        strengths = settings.strengths if settings.one_forest else ()
        return [cls(settings.paths[0], k, "pixel") for k in strengths]

    @property
    def label(self) -> str:
        """What it is made of, and the path."""
        return f"one forest, {self.method}"

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Grow the forest, train the networks; see `Arm`."""
        margin, history = self.margin(fold, seed)
        return Answer.of(margin, fold.state, history)

    def margin(self, fold: Fold, seed: int) -> tuple[NDArray[np.float64], dict[str, list]]:
        """Score of state 1 less that of state 0, of training observations without their part.

        And the training curve.
        """
        from deepnic.learn.fit import train  # loads torch where it is used

        def trained_on(shown: Fold) -> "TrainResult":
            canvas = self.canvas(shown, seed)
            return train(canvas, epochs=fold.epochs, seed=seed, device="cpu")

        result = trained_on(seen_by(fold, fit_on_all(fold)))
        margin = result.margin
        for k, pipeline in enumerate(fold.pipelines):
            rows = fold.part == k
            margin[rows] = trained_on(seen_by(fold, pipeline, k)).margin[rows]
        return margin, curve_of(result)


PLACEMENTS: dict[str, Callable[[xr.Dataset, int], Assembly]] = {
    "DeepInsight": lambda table, seed: fit_deepinsight(table, seed=seed),
    "random": lambda table, seed: fit_assembly(table, order="random", seed=seed),
}


class PlacementArm(PlacedArm):
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

    def place(self, table: xr.Dataset, seed: int) -> Assembly:
        """Choose the places as the placement does."""
        return PLACEMENTS[self.method](table, seed)


class EncoderArm(PlacedArm):
    """An encoder that all pixels share, wherever they lie.

    Examples
    --------
    >>> EncoderArm("shared encoder", 256).name
    'shared encoder, 256 pixels'
    """

    kind, title, role = "encoder", "the same pixels, wherever they lie", BASELINE
    network = POOLED

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One with every strength."""
        return [cls("shared encoder", k) for k in settings.strengths]

    def place(self, table: xr.Dataset, seed: int) -> Assembly:
        """Lay them one after the other: it makes no difference."""
        return fit_assembly(table, path="linear", seed=seed)


class PretrainedArm(EncoderArm):
    """Such an encoder of other cohorts on the same pixels; see `deepnic.learn.pretrained`.

    Examples
    --------
    >>> PretrainedArm("pretrained", 256).name
    'pretrained network, 256 pixels'
    """

    kind, title = "pretrained", "the same pixels, a network of other cohorts"
    draws = False

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One with every strength, where networks are named."""
        named = settings.pretrained
        return [cls(named, k) for k in settings.strengths] if named else []

    @property
    def label(self) -> str:
        """What it is, and of a user's own the name of the file."""
        own = "" if self.method == SHIPPED else f" {Path(self.method).name}"
        return f"pretrained network{own}"

    def fit_predict(self, fold: Fold, seed: int) -> Answer:
        """Ask the network that has not seen the cohort; nothing is fitted but the rule of all."""
        from deepnic.learn.pretrained import Pretrained  # loads torch where it is used

        networks = Pretrained.read(self.method)
        name = networks.unseen_by(fold.cohort)
        return Answer.of(networks.margin(self.canvas(fold, seed), name), fold.state)


class DeepInsightArm(CanvasArm):
    """The network on DeepInsight's own images: of expression, on a map of genes.

    Examples
    --------
    >>> DeepInsightArm("DeepInsight").name
    'DeepInsight of expression'
    """

    kind, title, role = "map", "expression on a map, the same network", BASELINE

    @classmethod
    def of(cls, settings: Arms) -> list[Self]:
        """One, always."""
        return [cls("DeepInsight")]

    @property
    def label(self) -> str:
        """Name of the method, and what it draws."""
        return f"{self.method} of expression"

    def canvas(self, fold: Fold, seed: int) -> xr.Dataset:
        """Draw the map once: it depends on no label, and is what each part is shown on.

        Training observations span the range of each gene, which test ones may leave.
        """
        drawn = draw_expression(fold.cohort, seed=seed)
        return join_canvases([drawn] * len(fold.pipelines), fold.part, fold.state)
