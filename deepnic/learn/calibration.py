"""What a probability of a network means, and the slope and threshold that would make it one."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

UNCALIBRATED = (
    "The probabilities are not calibrated: they are what the network gives, which is too sure in "
    "most cases. Read them as an order of the items, not as the chance that a class is right."
)
"""What is said of the probabilities of every network that nothing calibrated."""


KNOWN = "{} patients, each as predicted by who was trained without the patient"
"""What cross-fitted margins are of, by their number."""


class Calibration(NamedTuple):
    """How a margin becomes a probability of the second of two classes, and a class.

    The margin is any number that is higher where the second class is more likely, such as the
    difference of two class scores. The probability is 1 / (1 + exp(-(slope margin + intercept)));
    the second class is predicted above the threshold, at which both classes weigh the same. ``on``
    says in words what they were fitted on.

    Examples
    --------
    >>> two = Calibration(0.5, -0.5, 1.0, "40 patients held out")
    >>> two.probability(np.array([1.0, 3.0])).round(3), two.predicted(np.array([1.0, 3.0]))
    (array([0.5  , 0.731]), array([0, 1], dtype=int8))
    """

    slope: float
    intercept: float
    threshold: float
    on: str

    def probability(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities of the second class, where both are as common as where it was fitted."""
        probability: NDArray[np.float64] = expit(self.slope * margin + self.intercept)
        return probability

    def predicted(self, margin: NDArray[np.floating]) -> NDArray[np.int8]:
        """Class, 0 or 1."""
        return (margin > self.threshold).astype(np.int8)

    @classmethod
    def read(cls, saved: Mapping[str, Any] | None) -> Self | None:
        """Take what a checkpoint holds; a `ValueError` tells of what is none."""
        if saved is None:
            return None
        slope, intercept, threshold = (
            float(saved[name]) for name in ("slope", "intercept", "threshold")
        )
        if not (0 <= slope < np.inf and np.isfinite(intercept)) or np.isnan(threshold):
            raise ValueError("a slope is finite and not negative, an intercept finite")
        return cls(slope, intercept, threshold, str(saved["on"]))


def calibrate(margin: NDArray[np.floating], state: NDArray[np.integer], on: str) -> Calibration:
    """Fit slope, intercept and threshold on margins of items that their learner had not seen.

    Platt's (1999) logistic regression on the margin, with his targets, which keep it finite where
    the classes are apart. For the threshold both classes weigh the same; for the probability each
    item does, so that the prior is kept. A slope below 0 becomes 0: the probability is then the
    prior for all, and so is the class (ours).

    Parameters
    ----------
    margin : array (item,)
    state : array (item,)
        0 or 1, both there.
    on : str
        What the items are, in words.

    Examples
    --------
    >>> learnt = calibrate(np.array([-3.0, -1.0, 0.5, 1.0, 4.0]), np.array([0, 0, 1, 0, 1]), "5")
    >>> learnt.probability(np.array([-3.0, 0.5, 4.0])).round(2)
    array([0.17, 0.43, 0.73])
    """
    counts = np.bincount(state, minlength=2)
    even = (counts.sum() / (2 * counts))[state]
    slope, intercept = _logistic(margin, state, np.ones(len(state)))
    steepness, offset = _logistic(margin, state, even)
    rarer = counts[1] <= counts[0]
    threshold = -offset / steepness if steepness > 0 else np.inf if rarer else -np.inf
    return Calibration(slope, intercept, float(threshold), on)


Learner = Callable[[NDArray[Any], NDArray[np.int8]], Callable[[NDArray[Any]], NDArray[Any]]]
"""Trains on values (item, ...) and states; what it gives says the margins of others' values."""


def cross_fitted_margins(
    fit: Learner, shown: NDArray[Any], part: NDArray[np.int8], state: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Margins of training items by a learner that had not seen their part, of others by all.

    Parameters
    ----------
    fit : Learner
    shown : array (pipeline, item, ...)
        What the pipeline without each part shows of every item; one pipeline where what is shown
        does not depend on labels.
    part : array (item,) of int8
        Part of each training item, -1 = to be predicted: the mean over the pipelines.
    state : array (item,)
        0 or 1 of the training items.

    Examples
    --------
    >>> nearest = lambda values, state: lambda new: new - values.mean()
    >>> shown = np.array([[0.0, 1.0, 2.0, 9.0]])
    >>> cross_fitted_margins(nearest, shown, np.int8([0, 1, 0, -1]), np.array([0, 0, 1, -1]))
    array([-1.,  0.,  1.,  8.])
    """
    known, several = part >= 0, len(shown) > 1
    own = shown[part[known] if several else 0, np.flatnonzero(known)]
    parts, states = part[known], state[known].astype(np.int8)
    margin, held_out = np.empty(len(part)), np.empty(len(parts))
    for k in np.unique(parts):
        without = parts != k
        held_out[~without] = fit(own[without], states[without])(own[~without])
    margin[known] = held_out
    if not known.all():
        say = fit(own, states)
        margin[~known] = np.mean([say(values[~known]) for values in shown], axis=0)
    return margin


def _logistic(
    margin: NDArray[np.floating], state: NDArray[np.integer], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope, not negative, and intercept of the most likely curve through Platt's targets."""
    counts = np.bincount(state, minlength=2)
    target = np.where(state == 1, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    spread = float(margin.std())
    if spread > 0:
        x = ((margin - margin.mean()) / spread)[:, None]
        model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
            np.concatenate([x, x]),
            np.repeat([1, 0], len(x)),
            np.concatenate([weight * target, weight * (1 - target)]),
        )
        slope = float(model.coef_[0, 0]) / spread
        if slope > 0:
            return slope, float(model.intercept_[0]) - slope * float(margin.mean())
    return 0.0, float(logit(np.average(target, weights=weight)))


def meaning(calibration: Calibration | None) -> str:
    """Say in a sentence or two whether probabilities are calibrated, on what, and what that means.

    Examples
    --------
    >>> meaning(Calibration(0.5, 0.0, 1.0, "40 patients held out"))[:61]
    'The probabilities are calibrated on 40 patients held out: of '
    """
    return UNCALIBRATED if calibration is None else calibrated_on(calibration.on)


def calibrated_on(what: str) -> str:
    """Say what probabilities mean that are calibrated on some items."""
    return (
        f"The probabilities are calibrated on {what}: of items like these that are told "
        "80%, about 80% are of the class. Elsewhere, with another share of the classes, they are "
        "not. The class is predicted by the threshold at which both classes weigh the same."
    )
