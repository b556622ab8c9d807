"""What every learner asks of its labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError


def check_state(state: ArrayLike) -> NDArray[np.int8]:
    """Return the states as int8, having seen that a classifier can be trained on them.

    Parameters
    ----------
    state : array (item)
        1, 0, or -1 for an item to be predicted.

    Raises
    ------
    InputError
        Another value, or no training item of a class.
    """
    found = np.asarray(state)
    if not np.isin(found, (-1, 0, 1)).all():
        other = found[~np.isin(found, (-1, 0, 1))][0]
        raise InputError(f"state holds {other}; label items 1 or 0, and those to predict -1")
    for value in (0, 1):
        if not (found == value).any():
            raise InputError(
                f"no training item has state {value}; training needs items of both states, 0 and 1"
            )
    return found.astype(np.int8)
