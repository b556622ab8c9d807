"""Holding items out: a share of each class, drawn once for all who need it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError


def draw_stratified(
    state: ArrayLike, share: float, seed: int = 0, *, what: str = "a share"
) -> NDArray[np.bool_]:
    """Draw a share of the items of known class, of each class alike: bool (item,).

    ``state`` (item,) is -1 where the class is unknown: such an item is never drawn. ``what`` is
    what the user calls the share, for the errors: it must lie between 0 and 1, and leave an item
    of each class to both sides. Drawn by scikit-learn's ``train_test_split``.
    """
    from sklearn.model_selection import train_test_split  # a second, which reading a file spares

    if not 0 < share < 1:
        raise InputError(f"{what} must lie between 0 and 1; 0.25 is usual")
    classes = np.asarray(state)
    known = np.flatnonzero(classes >= 0)
    try:
        _, drawn = train_test_split(
            known, test_size=share, stratify=classes[known], random_state=seed % 2**32
        )
    except ValueError as error:
        raise InputError(
            f"{what} of {share} cannot be drawn from {known.size} items of known class ({error}); "
            "choose another"
        ) from error
    return np.isin(np.arange(classes.size), drawn)
