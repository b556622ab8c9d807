"""What every learner asks of its labels."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError
from deepnic.variables import MOST_CLASSES


def check_state(state: ArrayLike, n_classes: int = 2) -> NDArray[np.int8]:
    """Return the states as int8, having seen that a classifier can be trained on them.

    Parameters
    ----------
    state : array (item)
        0, 1, ... = class, or -1 for an item to be predicted.
    n_classes : int

    Raises
    ------
    InputError
        Another value, or no training item of a class.
    """
    if n_classes > MOST_CLASSES:
        raise InputError(f"{n_classes} classes were asked for; states hold {MOST_CLASSES} at most")
    values = np.asarray(state)
    allowed = np.isin(values, range(-1, n_classes))
    if not allowed.all():
        raise InputError(
            f"state holds {values[~allowed][0]}; label items {_words(n_classes)}, and those to "
            "predict -1"
        )
    for known in range(n_classes):
        if not (values == known).any():
            raise InputError(
                f"no training item has state {known}; training needs items of every state, "
                f"{_words(n_classes)}"
            )
    return values.astype(np.int8)


def _words(n_classes: int) -> str:
    return "0 or 1" if n_classes == 2 else f"0 to {n_classes - 1}"


def target_of(
    images: xr.Dataset, state: NDArray[np.int64], n_classes: int
) -> NDArray[np.float32] | None:
    """Probability of class 1 to learn, where images bring one; 0 of items to predict."""
    if "target" not in images.coords:
        return None
    values = np.where(state >= 0, images["target"].values, 0).astype(np.float32)
    if n_classes != 2 or not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            "the target of an item is the probability of the second of two classes; give each "
            "training item a number from 0 to 1"
        )
    return values


def true_state_of(
    truth: pd.Series | ArrayLike | None,
    images: xr.Dataset,
    state: NDArray[np.int64],
    n_classes: int,
) -> NDArray[np.int64]:
    """True state of each hidden item; -1 = unknown, or a training item."""
    if truth is None:
        return np.full_like(state, -1)
    if isinstance(truth, pd.Series):
        truth = truth.reindex(images["item"].to_index()).fillna(-1)
    values = np.asarray(truth)
    if values.shape != state.shape:
        raise InputError(f"truth has shape {values.shape}; give one entry an item, {state.shape}")
    if not np.isin(values, range(-1, n_classes)).all():
        raise InputError(
            f"truth holds other values than the classes 0 to {n_classes - 1} and -1 (unknown); "
            "recode it"
        )
    return np.where(state < 0, values, -1).astype(np.int64)
