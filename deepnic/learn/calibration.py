"""What a probability of a network means, and the slope and threshold that would make it one."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

UNCALIBRATED = (
    "The probabilities are not calibrated: they are what the network gives, which is too sure in "
    "most cases. Read them as an order of the items, not as the chance that a class is right."
)
"""What is said of the probabilities of every network that nothing calibrated."""


class Calibration(NamedTuple):
    """How a network's margin becomes a probability of the second of two classes.

    Of 0 to 1 it is 1 / (1 + exp(-slope (margin - threshold))), the margin the difference of the
    class scores; ``on`` says in words what slope and threshold were fitted on.

    Examples
    --------
    >>> Calibration(0.5, 1.0, "40 patients held out").apply(np.array([1.0, 3.0])).round(3)
    array([0.5  , 0.731])
    """

    slope: float
    threshold: float
    on: str

    def apply(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of the second class."""
        probability: NDArray[np.float64] = expit(self.slope * (margin - self.threshold))
        return probability

    @classmethod
    def read(cls, saved: Mapping[str, Any] | None) -> Self | None:
        """Take what a checkpoint holds; a `ValueError` tells of what is none."""
        if saved is None:
            return None
        slope, threshold = float(saved["slope"]), float(saved["threshold"])
        if not (0 <= slope < np.inf and np.isfinite(threshold)):
            raise ValueError("slope and threshold are finite, and the slope is not negative")
        return cls(slope, threshold, str(saved["on"]))


def meaning(calibration: Calibration | None) -> str:
    """Say in a sentence or two whether probabilities are calibrated, on what, and what that means.

    Examples
    --------
    >>> meaning(Calibration(0.5, 1.0, "40 patients held out"))[:61]
    'The probabilities are calibrated on 40 patients held out: of '
    """
    if calibration is None:
        return UNCALIBRATED
    return (
        f"The probabilities are calibrated on {calibration.on}: of items like these that are told "
        "80%, about 80% are of the class. Elsewhere, with another share of the classes, they are "
        "not."
    )
