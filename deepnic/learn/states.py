"""What every learner asks of its labels."""

import numpy as np
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
