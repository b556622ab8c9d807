"""Uninformative pixels: what they hold, and how they are mixed with informative ones."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def _noise(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Values of each pixel among the genes, each pixel shuffled by itself."""
    return rng.permuted(values, axis=0)


def _other_genes(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Pixels of another gene, together."""
    return values[rng.permutation(len(values))]


def _constant(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The mean of each pixel, in all genes."""
    return np.broadcast_to(np.nanmean(values, axis=0, dtype=np.float64), values.shape)


FILLERS: dict[str, Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]] = {
    "noise": _noise,
    "other genes": _other_genes,
    "constant": _constant,
}
"""What the uninformative pixels hold, made of the informative ones."""


def dosed(
    values: NDArray[np.float32], dose: int, filler: str, *, seed: int, size: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Mix pixels with `dose` times as many that say nothing, in places drawn by the seed.

    Parameters
    ----------
    values : ndarray of float32, shape (gene, pixel)
        The informative pixels, which keep their order among each other.
    dose : int
    filler : str
        A name in `FILLERS`.
    seed : int
    size : int
        Pixels in all, filled up with constant ones.

    Returns
    -------
    values : ndarray of float32, shape (gene, pixels in all)
    source : ndarray of int, shape (pixels in all,)
        The pixel that each is made of.

    Examples
    --------
    >>> dosed(np.float32([[1, 2], [3, 4]]), 1, "constant", seed=0)[0]
    array([[1., 3., 2., 2.],
           [3., 3., 2., 4.]], dtype=float32)
    """
    rng = np.random.default_rng([seed, dose])
    parts = [values, *(FILLERS[filler](values, rng) for _ in range(dose))]
    lacking = max(0, -(-size // values.shape[1]) - len(parts))
    parts += [_constant(values, rng)] * lacking
    mixed = np.empty((len(values), len(parts) * values.shape[1]), np.float32)
    place = rng.permutation(mixed.shape[1])
    place[: values.shape[1]].sort()
    source = np.empty(mixed.shape[1], np.intp)
    for part, here in zip(parts, place.reshape(len(parts), -1), strict=True):
        mixed[:, here], source[here] = part, np.arange(values.shape[1])
    return mixed, source
