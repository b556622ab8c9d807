"""The dose of uninformative pixels: what an assembly is worth among more and more of them."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.analysis.ranking import BASELINE, OURS, RANDOM
from deepnic.assembly import arrange, fit_assembly, lay
from deepnic.assembly.paths import PATHS
from deepnic.study.arms.arm import Answer
from deepnic.study.genes.arms.arm import GeneArm
from deepnic.study.genes.arms.canvas import PLACEMENTS, answered, called
from deepnic.study.genes.arms.methods import METHODS, fit_predict_method
from deepnic.study.genes.fillers import dosed
from deepnic.study.genes.fold import GeneFold
from deepnic.study.genes.settings import GeneArms

LARGE = 65_536  # cells; of larger canvases some genes alone are made
COMPARED = 256  # training genes that similarity is measured on


@dataclass(frozen=True)
class DosedArm(GeneArm):
    """Something that is asked with a dose of uninformative pixels."""

    dose: int = 0
    filler: str = "noise"
    held: int = 0  # pixels in all, whatever the dose; 0 = the canvas grows
    asked: tuple[str, ...] = ()

    kind, title = "dose", "informative pixels among others"

    @classmethod
    def doses(cls, settings: GeneArms, methods: list[str], unit: str) -> list[Self]:
        """Each method at each dose of each filler, on canvases that grow and that are held."""
        dose = settings.dose
        largest = dose.pixels * (1 + max(dose.doses, default=0))
        return [
            cls(method, dose.pixels, unit, one, filler, held, settings.closely)
            for filler in dose.fillers
            for held in ((0, largest) if dose.held else (0,))
            for one in dose.doses
            for method in methods
        ]

    @property
    def name(self) -> str:
        """With the dose; without one there is no filler."""
        held = f", {self.held} in all" if self.held else ""
        return f"{super().name} and {self.dose} times as many of {self.filler}{held}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those that the settings name."""
        return self.asked

    @property
    def beside(self) -> Hashable:
        """The same pixels."""
        return self.strength, self.dose, self.filler, self.held

    @property
    def columns(self) -> dict[str, Any]:
        """How tables describe it, with the dose."""
        more = {"dose": self.dose, "filler": self.filler, "held": bool(self.held)}
        return super().columns | more

    def table(self, fold: GeneFold, seed: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
        """Pixels of the genes that are asked, and which these are.

        An uninformative pixel has the combination, and so the colour, of the one that it is made
        of.
        """
        size = max(self.held, int(self.strength) * (1 + self.dose))
        asked = fold.sample if size > LARGE else np.full(len(fold.item), True)
        table = fold.of(asked).table(int(self.strength))
        values = table["value"].transpose("item", "pixel").values
        mixed, source = dosed(values, self.dose, self.filler, seed=seed, size=self.held)
        made = table.drop_vars(["value", "relevance"], errors="ignore").isel(pixel=source)
        return made.assign(value=(("item", "pixel"), mixed)), asked


class DosedPathArm(DosedArm):
    """An assembly by a path, or at random, of informative pixels among others."""

    draws = True

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Every path, and the random placement."""
        return cls.doses(settings, [*settings.paths, "random"], "pixel")

    @property
    def role(self) -> str:
        """A placement by chance is what the others are measured by."""
        return RANDOM if self.method == "random" else OURS

    @property
    def label(self) -> str:
        """Name of the path, or of the placement."""
        return called(self.method)

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Train the network; see `Arm`."""
        table, asked = self.table(fold, seed)
        if self.method == "random":
            assembly = fit_assembly(table, **PLACEMENTS["random"], seed=seed)
        else:
            few = table.isel(item=np.flatnonzero(table["state"].values >= 0)[:COMPARED])
            order = arrange(few, PATHS[self.method].order, seed=seed)
            assembly = fit_assembly(table, path=self.method, order=order, seed=seed)
        return answered(lay(table, assembly), fold, asked, "small", seed)


class DosedMethodArm(DosedArm):
    """A method on the same pixels, without a canvas."""

    role = BASELINE

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """The linear model, which many pixels do not take long; held ones say nothing more."""
        arms = cls.doses(settings, ["linear model"], "")
        return [arm for arm in arms if not arm.held]

    @property
    def draws(self) -> bool:
        """Whether the places and the noise are drawn."""
        return METHODS[self.method].random

    @property
    def label(self) -> str:
        """The method, and on what."""
        return f"{self.method} on pixels"

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Fit the method; see `Arm`."""
        table, asked = self.table(fold, seed)
        return fit_predict_method(self.method, table["value"].values, fold, asked, seed)
