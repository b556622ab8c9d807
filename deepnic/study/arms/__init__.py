"""The arms: everything that is compared, on the same folds with the same seeds."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import thread_time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.assembly import assemble, fit_assembly, fit_deepinsight, lay
from deepnic.learn import BASELINES, fit_predict_baseline
from deepnic.learn.fit import train
from deepnic.study.costs import measured
from deepnic.study.fold import Fold
from deepnic.study.settings import NO_FILTER, StudySettings

ON_PIXELS, ON_EXPRESSION = (
    tuple(name for name, baseline in BASELINES.items() if what in baseline.on)
    for what in ("pixels", "expression")
)
PLACEMENTS = ("DeepInsight", "random")

_one_at_a_time = Lock()  # torch's random numbers and the numbers of threads are the process's


@dataclass(frozen=True)
class Arm:
    """One way from a training fold to predictions.

    Attributes
    ----------
    kind : str
        assembly, placement, pixels, forest or expression.
    method : str
        The path or the placement, or the classifier.
    strength : int or str
        Pixels kept at most by relevance, or none; "" where pixels play no role.
    unit : str
        pixel or tile where there is a canvas.

    Examples
    --------
    >>> Arm("assembly", "snail", 1024, "tile").name, Arm("placement", "random", "none").name
    ('snail, 1024 pixels in tiles', 'random placement, no filter')
    """

    kind: str
    method: str
    strength: int | str = ""
    unit: str = ""

    @property
    def name(self) -> str:
        """What readers call it; no two arms have the same."""
        words: dict[int | str, str] = {NO_FILTER: ", no filter", "": ""}
        kept = words.get(self.strength, f", {self.strength} pixels")
        placement = " placement" if self.kind == "placement" else ""
        return f"{self.method}{placement}{kept}{' in tiles' if self.unit == 'tile' else ''}"

    @property
    def path(self) -> str:
        """Path or placement of its canvas."""
        return self.method if self.unit else ""

    @property
    def draws(self) -> bool:
        """Whether its predictions depend on the seed."""
        return bool(self.unit) or (self.method in BASELINES and BASELINES[self.method].random)

    @property
    def columns(self) -> dict[str, Any]:
        """How tables describe it."""
        return {
            "arm": self.name,
            "kind": self.kind,
            "path": self.path,
            "strength": self.strength,
            "unit": self.unit,
        }


class Outcome(NamedTuple):
    """What an arm says of the test observations, and what it took.

    Attributes
    ----------
    predictions : DataFrame
        item, score (higher = state 1), predicted (0 or 1).
    history : dict of list
        Training curve of a network by column; empty for others.
    cost : dict
        seconds, core_seconds.
    """

    predictions: pd.DataFrame
    history: dict[str, list]
    cost: dict[str, float]


def arms_of(settings: StudySettings) -> list[Arm]:
    """List the arms of a study.

    Examples
    --------
    >>> few = StudySettings(arms={"paths": ["snail"], "strengths": [256]})
    >>> [arm.name for arm in arms_of(few)][:3]
    ['snail, 256 pixels', 'DeepInsight placement, 256 pixels', 'random placement, 256 pixels']
    """
    asked = settings.arms
    arms = [
        Arm("assembly", path, strength, unit)
        for strength in asked.strengths
        for unit in asked.units
        for path in asked.paths
    ]
    for kind, methods, unit in (("placement", PLACEMENTS, "pixel"), ("pixels", ON_PIXELS, "")):
        arms += [Arm(kind, name, k, unit) for k in asked.strengths for name in methods]
    return [*arms, Arm("forest", "forest vote"), *(Arm("expression", n) for n in ON_EXPRESSION)]


def fit_predict(arm: Arm, fold: Fold, seed: int) -> Outcome:
    """Fit an arm on the training observations of a fold and predict the others.

    One at a time in a process, whatever its threads; the processor time is this thread's.
    """
    with _one_at_a_time, measured(thread_time) as cost:
        score, predicted, history = FIT_PREDICT[arm.kind](arm, fold, seed)
    test = fold.cohort["state"].values < 0
    predictions = pd.DataFrame(
        {
            "item": fold.cohort["observation"].values[test],
            "score": np.asarray(score, np.float64)[test],
            "predicted": np.asarray(predicted, np.int8)[test],
        }
    )
    return Outcome(predictions, history, cost)


def make_canvas(arm: Arm, table: xr.Dataset, seed: int) -> xr.Dataset:
    """Lay the pixels of a table as an arm with a canvas does."""
    if arm.method == "DeepInsight":
        return lay(table, fit_deepinsight(table, seed=seed))
    if arm.method == "random":
        return lay(table, fit_assembly(table, order="random", seed=seed))
    return assemble(table, path=arm.method, unit=arm.unit, seed=seed)


Answer = tuple[NDArray, NDArray, dict[str, list]]
"""Score and prediction of all observations in order, and the training curve."""


def _network(arm: Arm, fold: Fold, seed: int) -> Answer:
    canvas = make_canvas(arm, fold.tables[arm.strength], seed)
    # on the processor: which machine an arm happens to run on must not decide its result
    result = train(canvas, epochs=fold.epochs, seed=seed, device="cpu")
    told = result.predictions
    history = {str(name): values.tolist() for name, values in result.history.items()}
    return told["probability"].to_numpy(), told["predicted"].to_numpy(), history


def _on_pixels(arm: Arm, fold: Fold, seed: int) -> Answer:
    values = fold.tables[arm.strength]["value"].values
    return *fit_predict_baseline(arm.method, values, fold.cohort["state"].values, seed), {}


def _on_expression(arm: Arm, fold: Fold, seed: int) -> Answer:
    values = fold.cohort["expression"].values
    return *fit_predict_baseline(arm.method, values, fold.cohort["state"].values, seed), {}


def _forest_vote(arm: Arm, fold: Fold, seed: int) -> Answer:
    """The vote, cut where training observations' out-of-bag votes are best balanced."""
    from sklearn.metrics import roc_curve

    state = fold.cohort["state"].values
    known = state >= 0
    fpr, tpr, cut = roc_curve(state[known], fold.vote[known])
    return fold.vote, fold.vote >= cut[np.argmax(tpr - fpr)], {}


FIT_PREDICT: dict[str, Callable[[Arm, Fold, int], Answer]] = {
    "assembly": _network,
    "placement": _network,
    "pixels": _on_pixels,
    "forest": _forest_vote,
    "expression": _on_expression,
}
