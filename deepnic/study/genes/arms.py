"""The arms of a study of genes: canvases, the same counts without a canvas, and no image at all."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from deepnic.analysis.ranking import BASELINE, OURS, PLACEMENT, RANDOM
from deepnic.assembly import assemble_counts, fit_assembly, fit_deepinsight, lay
from deepnic.runs.gene_ranking import first_criterion
from deepnic.study.arms.arm import Answer, Arm
from deepnic.study.arms.canvas import trained
from deepnic.study.genes.fold import GeneFold
from deepnic.study.genes.settings import FAMILIES, GeneArms


class Method(NamedTuple):
    """The same method for classes and for ranks, from a seed."""

    classes: Callable[[int], Any]
    ranks: Callable[[int], Any]
    random: bool = False  # its result depends on the seed


METHODS = {
    "gradient boosting": Method(
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
    ),
    "linear model": Method(
        lambda seed: make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)),
        lambda seed: make_pipeline(StandardScaler(), Ridge(100.0)),
    ),
    "multilayer perceptron": Method(
        lambda seed: make_pipeline(
            StandardScaler(), MLPClassifier(early_stopping=True, random_state=seed)
        ),
        lambda seed: make_pipeline(
            StandardScaler(), MLPRegressor(early_stopping=True, random_state=seed)
        ),
        random=True,
    ),
}


class GeneArm(Arm[GeneFold, GeneArms]):
    """One way from the training genes to a number for each gene, higher where the truth is."""

    @property
    def name(self) -> str:
        """What readers call it; no two arms have the same."""
        words = {"distinct": ", 510 combinations", "all": ", 59,049 combinations"}
        kept = words.get(str(self.strength))
        if kept is None:
            return super().name
        return f"{self.label}{kept}{' in tiles' if self.unit == 'tile' else ''}"


class GeneCanvasArm(GeneArm):
    """The network on one canvas."""

    draws = True

    def canvas(self, fold: GeneFold, seed: int) -> xr.Dataset:
        """Lay the pixels; those of a whole family are made where the network runs."""
        if self.strength in FAMILIES:
            counts = fold.counts.assign_coords(state=("gene", fold.state))
            how: dict[str, Any] = self.how | {"unit": self.unit, "seed": seed}
            return assemble_counts(counts, family=str(self.strength), **how)
        table = fold.tables[int(self.strength)].assign_coords(state=("item", fold.state))
        return self.lay(table, seed)

    @property
    @abstractmethod
    def how(self) -> dict[str, str]:
        """Path or order, as of `fit_assembly`."""

    def lay(self, table: xr.Dataset, seed: int) -> xr.Dataset:
        """Lay the pixels of a table."""
        how: dict[str, Any] = self.how | {"unit": self.unit, "seed": seed}
        return lay(table, fit_assembly(table, **how))

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Train the network; see `Arm`."""
        canvas = self.canvas(fold, seed)
        if fold.ranked:
            canvas = canvas.assign_coords(target=("item", fold.truth))
        return trained(canvas, fold.epochs, seed)


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


class GenePlacementArm(GeneCanvasArm):
    """Another placement of the same pixels."""

    kind, title = "placement", "other placements, the same network"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """At random, and DeepInsight's where pixels are few enough for t-SNE."""
        return [
            cls(name, k, "pixel")
            for k in settings.strengths
            for name in ("DeepInsight", "random")
            if name == "random" or k not in FAMILIES
        ]

    @property
    def role(self) -> str:
        """A placement by chance is what the others are measured by."""
        return RANDOM if self.method == "random" else PLACEMENT

    @property
    def label(self) -> str:
        """Name of the method, and that it places."""
        return f"{self.method} placement"

    @property
    def how(self) -> dict[str, str]:
        """By chance."""
        return {"order": "random"}

    def lay(self, table: xr.Dataset, seed: int) -> xr.Dataset:
        """Lay the pixels where the placement has them."""
        if self.method == "DeepInsight":
            return lay(table, fit_deepinsight(table, seed=seed))
        return super().lay(table, seed)


class GeneMethodArm(GeneArm):
    """A method without a canvas, on a table of numbers of each gene."""

    role = BASELINE

    @abstractmethod
    def values(self, fold: GeneFold) -> NDArray[np.float64]:
        """What it is fitted on, (gene, variable)."""

    @property
    def draws(self) -> bool:
        """Whether the method does."""
        return METHODS[self.method].random

    @property
    def label(self) -> str:
        """The method, and on what."""
        return f"{self.method} on {self.title}"

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Fit the method; see `Arm`."""
        values = np.nan_to_num(self.values(fold))
        training = fold.part == "training"
        with threadpool_limits(1):  # sums over threads would round by their number
            if fold.ranked:
                model = METHODS[self.method].ranks(seed)
                score = model.fit(values[training], fold.truth[training]).predict(values)
            else:
                model = METHODS[self.method].classes(seed)
                model.fit(values[training], fold.state[training])
                score = model.predict_proba(values)[:, 1]
        return Answer(score, score > 0.5, {})


class GenePixelsArm(GeneMethodArm):
    """A method on the pixels that the networks see."""

    kind, title = "pixels", "pixels"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Every method with every number of pixels."""
        numbers = [k for k in settings.strengths if k not in FAMILIES]
        return [cls(method, k) for k in numbers for method in METHODS]

    def values(self, fold: GeneFold) -> NDArray[np.float64]:
        """Kept pixels."""
        return fold.tables[int(self.strength)]["value"].values.astype(np.float64)


def counts_of(fold: GeneFold) -> NDArray[np.float64]:
    """Share of the trees of each condition with each signature: the whole image of a gene."""
    count = fold.counts["count"].values.astype(np.float64)
    return (count / count.sum(axis=-1, keepdims=True)).reshape(len(count), -1)


class CountsArm(GeneMethodArm):
    """A method on the counts of signatures, which every image is made of."""

    kind, title = "counts", "counts"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Every method."""
        return [cls(method) for method in METHODS]

    def values(self, fold: GeneFold) -> NDArray[np.float64]:
        """Counts."""
        return counts_of(fold)


class StatisticsArm(GeneMethodArm):
    """A method on what everybody computes of a gene: see `simple_statistics`."""

    kind, title = "statistics", "simple statistics"

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Every method."""
        return [cls(method) for method in METHODS]

    def values(self, fold: GeneFold) -> NDArray[np.float64]:
        """Statistics of the first half, and how far t and the rank sum are from nothing."""
        known = fold.statistics
        away = np.stack([known["t"].abs(), (known["rank_sum"] - 0.5).abs()], axis=1)
        return np.concatenate([known.to_numpy(), away, known[["fold_change"]].abs()], axis=1)


class BothArm(StatisticsArm):
    """A method on simple statistics and counts together."""

    kind, title = "both", "simple statistics and counts"

    def values(self, fold: GeneFold) -> NDArray[np.float64]:
        """Both."""
        return np.concatenate([super().values(fold), counts_of(fold)], axis=1)


RANKINGS: dict[str, Callable[[GeneFold], NDArray[np.float64]]] = {
    "t": lambda fold: fold.statistics["t"].to_numpy(),
    "rank sum": lambda fold: fold.statistics["rank_sum"].to_numpy() - 0.5,
    "fold change": lambda fold: fold.statistics["fold_change"].to_numpy(),
    "NIC1": lambda fold: first_criterion(fold.counts["count"].values),
}
"""Numbers of a gene that need no training; above 0 where state 1 is higher, but NIC1."""


class RankingArm(GeneArm):
    """One number of the first half as it is: its size, or its sign where that is asked."""

    kind, title, role = "ranking", "one number, nothing learnt", BASELINE

    @classmethod
    def of(cls, settings: GeneArms) -> list[Self]:
        """Each of `RANKINGS`."""
        return [cls(name) for name in RANKINGS]

    def fit_predict(self, fold: GeneFold, seed: int) -> Answer:
        """Look it up; nothing is fitted."""
        number = RANKINGS[self.method](fold)
        score = number if fold.directed else np.abs(number)
        return Answer(score, score > np.median(score), {})


KINDS: tuple[type[GeneArm], ...] = (
    GenePathArm, GenePlacementArm, GenePixelsArm, CountsArm, StatisticsArm, BothArm, RankingArm,
)  # fmt: skip


def arms_of(settings: GeneArms) -> list[GeneArm]:
    """List the arms of a study of genes.

    Examples
    --------
    >>> few = GeneArms(paths=["snail"], strengths=["distinct"])
    >>> [arm.name for arm in arms_of(few)][:3]
    ['snail, 510 combinations', 'random placement, 510 combinations', 'gradient boosting on counts']
    """
    return [arm for kind in KINDS for arm in kind.of(settings)]
