"""Networks on cross-fitted images, and probabilities of them that mean something."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.learn.calibration import KNOWN, Calibration, calibrate
from deepnic.learn.fit import train
from deepnic.learn.result import TrainResult
from deepnic.variables import expect


@dataclass(frozen=True)
class CrossFitted:
    """A network of all training items, and what others said of each that had not seen it.

    Attributes
    ----------
    result : TrainResult
        Of the network.
    margin : ndarray, shape (item,)
        Score of class 1 less that of class 0, in the order of `result.predictions`: of a training
        item by the network that was trained without its part, of the others by `result`'s.
    calibration : Calibration
        Fitted on the margins of the training items.
    """

    result: TrainResult
    margin: NDArray[np.float64]
    calibration: Calibration


def train_cross_fitted(canvas: xr.Dataset, **options: Any) -> CrossFitted:
    """Train a network on cross-fitted images, and others without each part for its rule (ours).

    What the others say of their part is not quite what is said of a new item: the images that they
    learn from are of pipelines that knew the part's labels (on pure noise, 60 items, the AUROC of
    their margins came out at .525), and it is said of one image, where that of a new item is the
    mean over all pipelines, which is surer. Test labels reach nothing of it.

    Parameters
    ----------
    canvas : Dataset
        Of `deepnic.assembly.cross_fitted.join_canvases`.
    **options
        Of `deepnic.train`.

    Raises
    ------
    InputError
        As of `deepnic.train`.
    """
    expect(canvas, "cross-fitted canvas")
    settings = {name: value for name, value in options.items() if name not in KEPT}
    if (storage := options.get("storage")) is not None:
        # they are what they are whoever asks again, and what was begun goes on
        settings |= {"storage": Path(storage) / WITHOUT, "resume": True}
    known = canvas.isel(item=canvas["state"].values >= 0)
    state, part = known["state"].values, known["shown_by"].values
    held_out = np.zeros(len(part))
    for k in np.unique(part):
        others = known.assign_coords(state=("item", np.where(part == k, -1, state)))
        held_out[part == k] = train(others, **settings).margin[part == k]
    calibration = calibrate(held_out, state, KNOWN.format(len(part)))
    result = train(canvas, calibration=calibration, **options)
    margin = result.margin
    margin[result.predictions["state"].to_numpy() >= 0] = held_out
    return CrossFitted(result, margin, calibration)


KEPT = ("storage", "resume", "truth", "cohort")
"""Options of the network of all items alone."""

WITHOUT = "without-a-part"
"""Folder in the storage for the runs of the networks without a part."""
