"""The ten criteria of genes, over the conditions of a forest."""

import numpy as np
from numpy.typing import NDArray

from deepnic.nic.families import Quotients, evaluate, family
from deepnic.rop.signatures import N_EVENTS, event_table

HIGHER, LOWER, UNCLEAR = "higher", "lower", ""
"""Direction of a gene in those at risk."""

NOWHERE = 255
"""In place of the number of a condition, where there is none."""

_POSITIVE, _NEGATIVE = event_table()[:, 2], event_table()[:, 3]  # criteria 3 and 4


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


def lead_of_positive(counts: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Trees of each gene that weigh it positively in every node, less those negatively: (gene,).

    Examples
    --------
    >>> counts = np.zeros((1, 1, 1, 37), np.uint16)
    >>> counts[..., 10], counts[..., 19] = 5, 2  # all positive, all negative
    >>> lead_of_positive(counts).tolist()
    [3]
    """
    positive, negative = (
        counts[..., signature].sum(axis=(1, 2, 3), dtype=np.int64)
        for signature in (_POSITIVE, _NEGATIVE)
    )
    return positive - negative


def direction_of(lead: NDArray[np.int64]) -> NDArray[np.object_]:
    """Direction of genes in those at risk, by the sign of `lead_of_positive`.

    Examples
    --------
    >>> direction_of(np.array([3, -1, 0])).tolist()
    ['higher', 'lower', '']
    """
    return np.array([UNCLEAR, HIGHER, LOWER], object)[np.sign(lead)]
