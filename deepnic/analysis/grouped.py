"""Patients of whom there are several arrays: how much less these tell than as many patients would.

Intervals over patients take each observation for one. Where some share a group they are made wider
by the design effect: the variance of a metric over groups, in times of that over observations.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from deepnic.analysis.interval import Interval

Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Metrics (metric, ...) where observations count so often (..., observation)."""

TINY = 1e-18
"""Variances up to this are rounding."""


def number_groups(names: ArrayLike) -> NDArray[np.intp] | None:
    """Number the groups of observations; None where no two share one.

    Examples
    --------
    >>> number_groups(["p", "q", "p"]), number_groups(["p", "q"])
    (array([0, 1, 0]), None)
    """
    number, groups = pd.factorize(np.asarray(names, object))
    return None if len(groups) == number.size else number


def are_enough(group: NDArray[np.intp] | None, classes: Sequence[NDArray[np.intp]]) -> bool:
    """Tell whether each class is in two groups, so that intervals over groups can be."""
    return group is None or min(len(np.unique(group[rows])) for rows in classes) > 1


def design_effect(
    measure: Measure, group: NDArray[np.intp] | None, classes: Sequence[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """Design effect of each metric, at least 1, and of groups whose members are all alike at most.

    Both variances are the jackknife's, with a group or an observation left out (Quenouille and
    Tukey). Where nothing varies, as if all are right, nothing tells how alike members are, and they
    are taken to be. ``classes`` are the rows of each class. Kish (1965), Survey sampling; for
    shares Rao and Scott (1992), A simple method for the analysis of clustered binary data,
    Biometrics 48: 577-585; for the AUROC Obuchowski (1997), Nonparametric analysis of clustered ROC
    curve data, Biometrics 53: 567-578.

    Examples
    --------
    >>> right = np.array([1.0, 1, 0, 0, 1, 1])
    >>> of_pairs = np.array([0, 0, 1, 1, 2, 2])
    >>> design_effect(lambda n: (n @ right / n.sum(axis=-1))[None], of_pairs, [np.arange(6)])
    array([2.])
    """
    if group is None:
        return np.ones(len(measure(np.ones(sum(map(len, classes))))))
    sizes = [np.bincount(group[rows]) for rows in (np.arange(group.size), *classes)]
    most = max(float((n**2).sum() / n.sum()) for n in sizes)
    by_group, by_one = (_variance(measure, unit) for unit in (group, np.arange(group.size)))
    effect = np.full(by_one.shape, most)
    np.divide(by_group, by_one, out=effect, where=by_one > TINY)
    return effect.clip(1, most)


def _variance(measure: Measure, unit: NDArray[np.intp]) -> NDArray[np.float64]:
    """Jackknife variance of metrics over units, each left out in turn."""
    left = (unit != np.arange(unit.max() + 1)[:, None]).astype(np.float64)
    variance: NDArray[np.float64] = (len(left) - 1) * measure(left).var(axis=-1)
    return variance


def widened(one: Interval, effect: float, least: float, most: float) -> Interval:
    """Move the ends of an interval from its mean by the root of a design effect, within bounds."""
    if effect == 1:
        return one
    root = float(np.sqrt(effect))
    low, high = (one.mean + root * (end - one.mean) for end in (one.low, one.high))
    return Interval(one.mean, max(low, least), min(high, most))
