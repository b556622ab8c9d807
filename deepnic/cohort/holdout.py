"""Holding items out: a share of each class, drawn once for all who need it."""

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.cohort.check import hide_labels
from deepnic.errors import InputError


def draw_stratified(
    state: ArrayLike,
    share: float,
    seed: int = 0,
    *,
    group: ArrayLike | None = None,
    what: str = "a share",
) -> NDArray[np.bool_]:
    """Draw a share of the items of known class, of each class alike: bool (item,).

    ``state`` (item,) is -1 where the class is unknown: such an item is never drawn. ``what`` is
    what the user calls the share, for the errors: it must lie between 0 and 1, and leave an item
    of each class to both sides. Drawn by scikit-learn's ``train_test_split``. Those of one
    ``group`` (item,) stay together: the share is then that of one of so many folds, the nearest.
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
    if group is not None:
        return _draw_groups(classes, np.asarray(group, object), share, seed, what)
    return np.isin(np.arange(classes.size), drawn)


def cut_folds(
    classes: NDArray[np.generic],
    group: ArrayLike | None,
    folds: int,
    seed: int | np.random.RandomState,
) -> Iterator[NDArray[np.intp]]:
    """Rows of each of some folds of items: classes in proportion, groups together.

    They are scikit-learn's ``StratifiedKFold`` or, of groups, ``StratifiedGroupKFold``, shuffled.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    for _, rows in splitter.split(classes, classes, group):
        yield rows


def held_out(
    classes: Mapping[str, xr.Dataset], share: float, seed: int = 0
) -> dict[str, xr.Dataset]:
    """Hide the labels of a share of the observations, the same whichever class is 1.

    Cohorts are by label, as of `read_classes`; of several, the share is of each class. Groups stay
    together, see `draw_stratified`.
    """
    first = next(iter(classes.values()))
    state = numbered(classes)
    drawn = draw_stratified(state, share, seed, group=first.get("group"), what="hold-out")
    for k, label in enumerate(classes if len(classes) > 1 else ()):
        out, left = int((state[drawn] == k).sum()), int((state[~drawn] == k).sum())
        if out < 1 or left < 2:
            raise InputError(
                f"hold-out of {share} leaves {left} of the class {label!r} to grow on and {out} to "
                "test on, and 2 and 1 are needed; choose another"
            )
    return {label: hide_labels(cohort, drawn) for label, cohort in classes.items()}


def _draw_groups(
    state: NDArray[np.integer], group: NDArray[np.object_], share: float, seed: int, what: str
) -> NDArray[np.bool_]:
    """Draw whole groups, about a share of each class: one fold of the number nearest to it."""
    known = np.flatnonzero(state >= 0)
    folds = max(2, round(1 / min(share, 1 - share)))
    classes = state[known]
    try:
        rows = next(cut_folds(classes, group[known], folds, seed % 2**32))
    except ValueError as error:
        raise InputError(
            f"{what} of {share} cannot be drawn from {len(np.unique(group[known]))} groups "
            f"({error}); choose a larger one"
        ) from error
    drawn = np.isin(np.arange(len(state)), known[rows])
    if share > 0.5:
        drawn = ~drawn & (state >= 0)
    for part in (~drawn, drawn):
        if {*state[part & (state >= 0)]} != {*classes}:
            raise InputError(
                f"{what} of {share} leaves one side no group of a class; choose another share"
            )
    return drawn


def numbered(classes: Mapping[str, xr.Dataset]) -> NDArray[np.integer]:
    """Number of the class of each observation, -1 of those whose state is not known.

    Of one cohort that is its state, of several, by label, the place of the label.
    """
    first = next(iter(classes.values()))
    state = first["state"].values
    if len(classes) == 1:
        return state
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number.get(str(label), -1) for label in first["label"].values])
    return np.where(state < 0, -1, labels)
