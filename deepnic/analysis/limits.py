"""Intervals over patients that do not shrink to nothing where every patient is right.

The bootstrap's do: what it draws from holds no error, so it draws none. Where patients are in
groups, `deepnic.analysis.grouped.design_effect` is the ``effect`` by which squares of distances
from the value are larger: as if there were so many times fewer patients.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from deepnic.analysis.interval import Interval

EDGE = 1e-9
"""Values closer than this are equal."""


def share(mean: float, n: int, confidence: float = 0.95, effect: float = 1.0) -> Interval:
    """Wilson's interval of a share of n independent items.

    An item may count in part, as a patient does who is right in some repeats: their values vary
    less than those of 0 and 1 with the same mean, so the interval is wide enough. Wilson (1927),
    Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22: 209-212.

    Examples
    --------
    >>> share(1.0, 22).percent()
    '100.0% (95% interval 85.1% to 100.0%)'
    """
    z, mean = _z(confidence, effect), min(max(mean, 0.0), 1.0)
    centre = mean + z**2 / (2 * n)
    half = z * np.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    low, high = ((centre + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return Interval(mean, min(max(float(low), 0.0), mean), max(min(float(high), 1.0), mean))


def mean_share(shares: Sequence[Interval]) -> Interval:
    """Put the interval of a mean of independent shares together of theirs.

    Distances from the shares to their limits are squared and added: Newcombe (1998), Interval
    estimation for the difference between independent proportions, Statistics in Medicine 17:
    873-890, method 10; for any sum Zou and Donner (2008), Statistics in Medicine 27: 1693-1702.
    """
    mean = float(np.mean([one.mean for one in shares]))
    below = np.linalg.norm([one.mean - one.low for one in shares]) / len(shares)
    above = np.linalg.norm([one.high - one.mean for one in shares]) / len(shares)
    return Interval(mean, mean - float(below), mean + float(above))


def area(
    mean: float, compared: NDArray[np.float64], confidence: float = 0.95, effect: float = 1.0
) -> Interval:
    """Newcombe's interval of an AUROC, of how often each positive met each negative (m, n).

    Its limits are the areas that lie ``z`` of their own standard errors from the one found: a
    standard error of Hanley and McNeil (1982), Radiology 143: 29-36, with the mean of both classes'
    terms in the place of each (Newcombe, 2006, Confidence intervals for an effect size measure
    based on the Mann-Whitney statistic, part 2, Statistics in Medicine 25: 559-573, method 5). Both
    take every pair once; here pairs that no network tested together are missing, and the terms are
    sums over those that are there.
    """
    weight = compared / compared.sum()
    alike = (weight**2).sum()
    shared = ((weight.sum(axis=1) ** 2).sum() + (weight.sum(axis=0) ** 2).sum()) / 2 - alike
    z = _z(confidence, effect)

    def too_near(area: float) -> float:
        rest = 1 - area
        variance = area * rest * (alike + shared * (rest / (1 + rest) + area / (1 + area)))
        return float((area - mean) ** 2 - z**2 * variance)

    low = optimize.brentq(too_near, 0, mean - EDGE) if mean > EDGE else mean
    high = optimize.brentq(too_near, mean + EDGE, 1) if mean < 1 - EDGE else mean
    return Interval(mean, float(low), float(high))


def mean_lead(
    leads: Sequence[NDArray[np.float64]],
    weights: Sequence[float],
    confidence: float = 0.95,
    effect: float = 1.0,
) -> Interval:
    """Interval of a weighted mean of the classes' paired differences, from -1 to 1 each.

    Wald's, with two patients more who differ as much as they can, one for each side: Bonett and
    Price (2012), Adjusted Wald confidence interval for a difference of binomial proportions based
    on paired data, Journal of Educational and Behavioral Statistics 37: 479-488. Half of both
    counts in each of two classes. So two arms that are right of the same patients differ by
    nothing, but not for sure.
    """
    more = 2 / len(leads)
    sizes = np.array([lead.size + more for lead in leads])
    centres = np.array([lead.sum() for lead in leads]) / sizes
    squares = np.array([(lead**2).sum() + more for lead in leads]) / sizes
    error = np.sqrt(np.sum(np.square(weights) * (squares - centres**2) / sizes))
    mean = float(np.dot(weights, [lead.mean() for lead in leads]))
    centre, half = float(np.dot(weights, centres)), _z(confidence, effect) * float(error)
    return Interval(mean, max(centre - half, -1.0), min(centre + half, 1.0))


def _z(confidence: float, effect: float) -> float:
    return float(stats.norm.ppf((1 + confidence) / 2)) * float(np.sqrt(effect))
