"""Arms without a canvas: the same counts, the same pixels, and no image at all."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from deepnic.analysis.ranking import BASELINE
from deepnic.runs.gene_ranking import first_criterion
from deepnic.study.arms.arm import Answer
from deepnic.study.genes.arms.arm import GeneArm
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


def fit_predict_method(
    method: str, values: NDArray, fold: GeneFold, asked: NDArray[np.bool_], seed: int
) -> Answer:
    """Fit a method on values (gene that is asked, variable); the others' scores are NaN."""
    values, training = np.nan_to_num(values), fold.part[asked] == "training"
    answer = np.full(len(asked), np.nan)
    with threadpool_limits(1):  # sums over threads would round by their number
        if fold.ranked:
            model = METHODS[method].ranks(seed)
            score = model.fit(values[training], fold.truth[asked][training]).predict(values)
        else:
            model = METHODS[method].classes(seed)
            model.fit(values[training], fold.state[asked][training])
            score = model.predict_proba(values)[:, 1]
    answer[asked] = score
    return Answer(answer, answer > 0.5, {})


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
        asked = np.full(len(fold.item), True)
        return fit_predict_method(self.method, self.values(fold), fold, asked, seed)


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
        return fold.table(int(self.strength))["value"].values.astype(np.float64)


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
