"""The ten criteria of genes, over the conditions of a forest."""

import numpy as np
from numpy.typing import NDArray

from deepnic.nic.families import Quotients, evaluate, family
from deepnic.rop.signatures import N_EVENTS

NOWHERE = 255
"""In place of the number of a condition, where there is none."""


def criteria(counts: NDArray[np.uint16]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Ten criteria of each gene, as published, over its conditions.

    Parameters
    ----------
    counts : ndarray of uint16, shape (gene, tree_size, weight_range, 37)

    Returns
    -------
    mean : ndarray of float64, shape (gene, criterion)
        Over the conditions that define it; NaN where none does.
    strongest : ndarray of uint8, shape (gene, criterion)
        Number of the condition in which it is largest, the first of equals; 255 where it is 0
        everywhere, or undefined.

    Examples
    --------
    >>> counts = np.zeros((1, 1, 2, 37), np.uint16)
    >>> counts[0, 0, :, 0], counts[0, 0, 1, 36] = [4, 3], 1  # mixed signs, one node, unique
    >>> mean, strongest = criteria(counts)
    >>> mean[0, [0, 1, 5]].tolist(), strongest[0, [0, 1, 5]].tolist()
    ([0.125, 1.0, 0.0], [1, 1, 255])
    """
    base = family("base")
    functions = Quotients.of(base.numerator[:N_EVENTS], base.denominator[:N_EVENTS])
    values = evaluate(counts, counts, functions, published=True)
    values = values.reshape(len(counts), -1, N_EVENTS)
    defined = ~np.isnan(values)
    values = np.where(defined, values, 0)
    with np.errstate(invalid="ignore"):
        mean = values.sum(axis=1, dtype=np.float64) / defined.sum(axis=1)
    strongest = np.where(values.any(axis=1), values.argmax(axis=1), NOWHERE)
    return mean, strongest.astype(np.uint8)
