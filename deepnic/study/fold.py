"""One fold: everything that sees a label is fitted on its training observations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.assembly import assemble, fit_deepinsight, lay
from deepnic.cohort import hide_labels
from deepnic.learn import BASELINES, TrainResult, fit_predict_baseline
from deepnic.learn.trainer import train
from deepnic.nic import forest_vote, observation_images
from deepnic.pixels import account, filter_pixels
from deepnic.pixels.screen import f_test
from deepnic.progress import compute
from deepnic.rop import grow_forest
from deepnic.study.settings import StudySettings

N_BASELINES = len(BASELINES) + 3
"""Those on expression, the forest's vote, and logistic regression and DeepInsight on pixels."""


@dataclass
class Fold:
    """A fold's forest and pixels, and what every arm predicted for its test observations.

    Attributes
    ----------
    predictions, history : list of DataFrame
        Test observations of each arm and seed; training curves.
    seconds : dict
        Wall time by stage.
    """

    cohort: xr.Dataset
    truth: pd.Series
    forest: xr.Dataset
    table: xr.Dataset
    predictions: list[pd.DataFrame] = field(default_factory=list)
    history: list[pd.DataFrame] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def account(self) -> list[dict]:
        """Account of the filter."""
        return account(self.table)

    def time(self, stage: str, since: float) -> None:
        """Add the wall time since a moment to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - since

    def predict(self, arm: str, kind: str, seed: int, score: NDArray, predicted: NDArray) -> None:
        """Note what an arm says of the test observations, given all observations in order."""
        test = self.cohort["state"].values < 0
        self.predictions.append(
            pd.DataFrame(
                {
                    "arm": arm,
                    "kind": kind,
                    "seed": seed,
                    "item": self.cohort["observation"].values[test],
                    "state": self.truth.to_numpy()[test],
                    "score": np.asarray(score)[test],
                    "predicted": np.asarray(predicted)[test],
                }
            )
        )


def run_fold(
    cohort: xr.Dataset,
    test: NDArray[np.bool_],
    settings: StudySettings,
    advance: Callable[[], None] = lambda: None,
) -> Fold:
    """Grow, filter, assemble, train and compare on one fold.

    Parameters
    ----------
    cohort : Dataset
        All labels known.
    test : array of bool, shape (observation,)
    settings : StudySettings
    advance : callable
        Called after the forest, the pixels, and every arm and seed.

    Returns
    -------
    Fold
    """
    truth = pd.Series(cohort["state"].values, index=cohort.indexes["observation"])
    hidden = hide_labels(cohort, test)  # from here on nothing can see a test label
    start = perf_counter()
    lazy = lazy_forest(preselect_genes(hidden, settings.n_genes), settings)
    blocks = lazy["signature"].data.to_delayed().ravel()
    forest = compute([lazy], "growing trees", watch=blocks)[0]
    seconds = {"forest": perf_counter() - start}
    advance()
    start = perf_counter()
    table = filter_pixels(observation_images(forest), k=settings.k, fdr=settings.fdr)
    seconds["pixels"] = perf_counter() - start
    advance()
    fold = Fold(hidden, truth, forest, table, seconds=seconds)
    _assemblies(fold, settings, advance)
    _baselines(fold, settings, advance)
    return fold


def lazy_forest(cohort: xr.Dataset, settings: StudySettings) -> xr.Dataset:
    """Return the forest of a study, not yet grown; parameters out of range are refused."""
    return grow_forest(
        cohort,
        n_trees=settings.n_trees,
        weight_ranges=settings.weight_ranges,
        tree_sizes=settings.tree_sizes,
        subsample=settings.subsample,
        seed=settings.seed,
    )


def preselect_genes(cohort: xr.Dataset, n_genes: int | None) -> xr.Dataset:
    """Keep the genes of largest F between the training classes, in the cohort's order.

    Examples
    --------
    >>> import deepnic
    >>> preselect_genes(deepnic.demo_cohort(), 2).gene.values
    array(['worst perimeter', 'worst concave points'], dtype=object)
    """
    if n_genes is None or n_genes >= cohort.sizes["gene"]:
        return cohort
    state = cohort["state"].values
    known = cohort["expression"].values[state >= 0]
    varies = known.min(axis=0) < known.max(axis=0)
    score = np.full(len(varies), -1.0)
    score[varies] = f_test(known[:, varies], state[state >= 0])[0]
    return cohort.isel(gene=np.sort(np.argsort(-score, kind="stable")[:n_genes]))


def train_path(
    fold: Fold, path: str, settings: StudySettings, seed: int, workers: int = 0
) -> TrainResult:
    """Assemble by a path and train; ``workers`` as in `deepnic.train`."""
    start = perf_counter()
    images = assemble(fold.table, path=path, seed=settings.seed)
    fold.time("assembly", start)
    start = perf_counter()
    result = train(images, truth=fold.truth, epochs=settings.epochs, seed=seed, workers=workers)
    fold.time("network", start)
    return result


def _assemblies(fold: Fold, settings: StudySettings, advance: Callable[[], None]) -> None:
    for path in settings.paths:
        for seed in range(settings.seeds):
            result = train_path(fold, path, settings, seed)
            fold.predict(path, "assembly", seed, *_outcome(result))
            fold.history.append(result.history.assign(arm=path, seed=seed))
            advance()


def _baselines(fold: Fold, settings: StudySettings, advance: Callable[[], None]) -> None:
    state = fold.cohort["state"].values
    start = perf_counter()
    for name in BASELINES:
        outcome = fit_predict_baseline(name, fold.cohort["expression"].values, state, settings.seed)
        fold.predict(name, "baseline", 0, *outcome)
        advance()
    fold.predict("forest vote", "baseline", 0, *_calibrated_vote(fold.forest, state))
    advance()
    outcome = fit_predict_baseline("logistic regression", fold.table["value"].values, state)
    fold.predict("logistic regression on pixels", "baseline", 0, *outcome)
    advance()
    fold.time("baselines", start)
    start = perf_counter()
    images = lay(fold.table, fit_deepinsight(fold.table, seed=settings.seed))
    for seed in range(settings.seeds):
        result = train(images, truth=fold.truth, epochs=settings.epochs, seed=seed)
        fold.predict("DeepInsight placement", "baseline", seed, *_outcome(result))
        fold.history.append(result.history.assign(arm="DeepInsight placement", seed=seed))
        advance()
    fold.time("baselines", start)


def _outcome(result: TrainResult) -> tuple[NDArray, NDArray]:
    return result.predictions["probability"].to_numpy(), result.predictions["predicted"].to_numpy()


def _calibrated_vote(forest: xr.Dataset, state: NDArray[np.int8]) -> tuple[NDArray, NDArray]:
    """The forest's vote, cut where training observations' out-of-bag votes are best balanced."""
    from sklearn.metrics import roc_curve

    score = forest_vote(forest)
    known = state >= 0
    fpr, tpr, cut = roc_curve(state[known], score[known])
    return score, (score >= cut[np.argmax(tpr - fpr)]).astype(np.int8)
