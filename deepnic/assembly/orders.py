"""Orders: which pixel of a table comes first along a path."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.assembly.paths import shuffle
from deepnic.errors import InputError, choose
from deepnic.pixels.stages import fill_undefined

BATCH = 256  # steps of the greedy order between two copies of the pixels left
LEAST = 1e-4  # similarity of any two pixels, so that their graph hangs together


class Order(NamedTuple):
    """A row of `ORDERS`."""

    sequence: Callable[[xr.Dataset, int], NDArray[np.intp]]  # (table, seed) -> positions in it
    compares: bool  # looks at the values of the pixels, too
    words: str
    source: str  # of the definition


def arrange(table: xr.Dataset, order: str | ArrayLike, *, seed: int = 0) -> NDArray[np.intp]:
    """Put the pixels of a table in order, looking at training items only.

    Similarity is the absolute Pearson correlation over training items; an undefined value counts as
    the pixel's training mean, and a constant pixel is similar to none. Equals: the more relevant.

    Parameters
    ----------
    table : Dataset
        Pixel table: `value(item, pixel)`, `state(item)`; pixels best first.
    order : str or array_like of int, shape (pixel,)
        A name in `ORDERS`, whose row says the sequence, or the permutation itself.
    seed : int, default 0
        Seed of the random order; the others have no use for it.

    Returns
    -------
    ndarray of int, shape (pixel,)
        Position in the table of the first pixel, the second, and so on.

    Raises
    ------
    InputError
        Unknown order, an array that is not a permutation of the pixels, or similarity without a
        training item.

    Examples
    --------
    >>> table = xr.Dataset(
    ...     {"value": (("item", "pixel"), [[1.0, 5, 9], [2, 3, 7], [3, 4, 5]])},
    ...     coords={"state": ("item", [1, 0, 1])},
    ... )
    >>> arrange(table, "similarity")
    array([0, 2, 1])
    """
    if isinstance(order, str):
        return ORDERS[choose("order", order, ORDERS)].sequence(table, seed)
    given = np.asarray(order)
    size = table.sizes["pixel"]
    if given.shape != (size,) or not np.array_equal(np.sort(given), np.arange(size)):
        raise InputError(
            f"the order is not a permutation of the {size} pixels: "
            f"give every position from 0 to {size - 1} once"
        )
    return given.astype(np.intp)


def training_values(table: xr.Dataset) -> NDArray[np.float64]:
    """Values of the training items, float64 (training item, pixel); refused where there is none.

    An undefined value is replaced by its pixel's mean over them, 0 where none defines it.
    """
    value = table["value"].transpose("item", "pixel").to_numpy().astype(np.float64)
    # a table that was filtered without classes has training items only
    training = table["state"].to_numpy() >= 0 if "state" in table else np.ones(len(value), bool)
    if not training.any():
        raise InputError(
            "the table holds no training item (state >= 0) to fit on: keep the state of some items"
        )
    return fill_undefined(value, training)[training]


def _relevance(table: xr.Dataset, seed: int) -> NDArray[np.intp]:
    return np.arange(table.sizes["pixel"])


def _similarity(table: xr.Dataset, seed: int) -> NDArray[np.intp]:
    """Compare one pixel at a time with those left: memory grows as the values, not as pixel^2."""
    unit = _profiles(table)
    order = [0]
    left = np.arange(1, len(unit))
    while left.size:
        candidates, free = unit[left], np.ones(left.size, dtype=bool)
        for _ in range(min(BATCH, left.size)):
            # Rounded, so that equal pixels stay equal however the products are summed.
            similarity = np.abs(candidates @ unit[order[-1]]).round(9)
            nearest = np.where(free, similarity, -1).argmax()
            free[nearest] = False
            order.append(left[nearest])
        left = left[free]
    return np.array(order)


def _profiles(table: xr.Dataset) -> NDArray[np.float64]:
    """Pixels over training items, (pixel, item), less their means and of length 1; constants 0.

    Of two of them the scalar product is the correlation.
    """
    centred = training_values(table).T
    centred = centred - centred.mean(axis=1, keepdims=True)  # exact in float64: a constant gives 0
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)


def _arrangement(table: xr.Dataset, seed: int) -> NDArray[np.intp]:
    """Sort pixels by the second eigenvector of the graph of their similarities.

    The sum over pairs of similarity times distance along the path is to be small (minimum linear
    arrangement, which is NP-hard); the eigenvector is its spectral relaxation.
    """
    from sklearn.manifold import spectral_embedding  # loads slowly
    from threadpoolctl import threadpool_limits

    unit = _profiles(table).astype(np.float32)
    varying, constant = np.flatnonzero(unit.any(axis=1)), np.flatnonzero(~unit.any(axis=1))
    if len(varying) < 3:
        return np.append(varying, constant)
    with threadpool_limits(1):  # sums over threads would round by their number
        similarity = np.abs(unit[varying] @ unit[varying].T)
        np.maximum(similarity, LEAST, out=similarity)
        place = spectral_embedding(similarity, n_components=1, random_state=0)[:, 0]
    order = varying[place.round(7).argsort(kind="stable")]  # equal pixels stay equal
    if 2 * np.argmin(order) >= len(order):  # the most relevant is in the first half
        order = order[::-1]
    return np.append(order, constant)


def _random(table: xr.Dataset, seed: int) -> NDArray[np.intp]:
    return shuffle(table.sizes["pixel"], seed)


ORDERS = {
    "relevance": Order(_relevance, False, "as in the table, best first", "the authors’"),
    "similarity": Order(
        _similarity,
        True,
        "from the most relevant, on to the most similar pixel not yet taken",
        "ours",
    ),
    "arrangement": Order(
        _arrangement,
        True,
        "similar pixels near each other, all at once (spectral minimum linear arrangement)",
        "Juvan and Mohar 1992, Discrete Applied Mathematics 36: 153-168",
    ),
    "random": Order(_random, False, "shuffled by the seed", "ours"),
}
