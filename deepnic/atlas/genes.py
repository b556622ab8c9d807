"""What the list of genes says of each, and which genes are most alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deepnic.compute import progress
from deepnic.errors import InputError
from deepnic.files import read_csv

DIRECTIONS = ("", "higher", "lower")
ALIKE = 8  # genes that are named for each
ROWS = 128  # genes compared with all others at a time: 60 MB of a chip


def most_alike(counts: NDArray[np.uint16]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Genes whose counts are nearest to those of each, some genes after the other.

    Parameters
    ----------
    counts : ndarray of uint16, shape (gene, ...)

    Yields
    ------
    genes : ndarray of int64, shape (up to 128, up to 8)
        The nearest by Euclidean distance, exactly; of equals, the first of the chip.
    trees : ndarray of int64, the same shape
        How many trees of the gene would need another signature to be those of the other.

    Examples
    --------
    >>> counts = np.array([[5, 0], [3, 2], [5, 0]], np.uint16)
    >>> [(genes, trees)] = most_alike(counts)
    >>> genes.tolist(), trees.tolist()
    ([[2, 1], [0, 2], [0, 1]], [[0, 2], [2, 2], [0, 2]])
    """
    rows = counts.reshape(len(counts), -1)
    rows = rows[:, rows.any(axis=0)]
    norms = (rows.astype(np.int64) ** 2).sum(axis=1)
    # sums of whole numbers below 2**24 are exact in float32, however they are added up
    values: NDArray[Any] = rows.astype(np.float32 if norms.max() < 2**24 else np.float64)
    n, most = len(rows), min(ALIKE, len(rows) - 1)
    with progress() as bars:
        job = bars.add_task("comparing genes", total=n)
        for first in range(0, n, ROWS):
            own = np.arange(first, min(first + ROWS, n))
            distance = norms - 2 * (values[own] @ values.T).astype(np.int64)  # less the gene's own
            key = distance * n + np.arange(n)
            key[np.arange(len(own)), own] = np.iinfo(np.int64).max
            nearest = np.sort(np.partition(key, most - 1, axis=1)[:, :most], axis=1) % n
            other = rows[nearest].astype(np.int64) - rows[own, None]
            yield nearest, np.abs(other).sum(axis=2) // 2
            bars.advance(job, len(own))


def read_known(path: str | Path, genes: NDArray[np.object_]) -> pd.DataFrame:
    """Read what a list says of genes of a forest: symbol, q and direction, where it has them.

    Parameters
    ----------
    path : path
        CSV with a column ``gene``, as ``deepnic genes`` writes it.
    genes : ndarray of str, shape (gene,)

    Returns
    -------
    DataFrame
        A row a gene of the forest, with those of the columns that the list has; empty where the
        list lacks the gene.

    Raises
    ------
    InputError
        No such file, no column ``gene``, a gene twice, one that the forest does not have, or a
        direction that is none.
    """
    if not Path(path).is_file():
        raise InputError(f"no list of genes at {path}; write one with `deepnic genes`")
    words = ("gene", "symbol", "direction")
    table = read_csv(path, words)
    if "gene" not in table:
        raise InputError(f"{path} has no column gene; give a list of `deepnic genes`")
    table = table.set_index("gene")
    if len(twice := table.index[table.index.duplicated()]):
        raise InputError(f"{path} names the gene {twice[0]} twice; leave one of the two")
    if len(strange := table.index.difference(pd.Index(genes))):
        raise InputError(
            f"{path} lists {strange[0]}, which the store does not have; give the list of this store"
        )
    table = table.reindex(pd.Index(genes))
    known = {name: table[name].fillna("") for name in words[1:] if name in table}
    if "direction" in known and len(odd := {*known["direction"]} - {*DIRECTIONS}):
        raise InputError(f"{path} has a direction {min(odd)!r}; it is higher, lower or empty")
    if "q" in table:
        if not pd.api.types.is_numeric_dtype(table["q"]):
            raise InputError(f"q in {path} is to hold numbers alone; correct the others")
        known["q"] = table["q"].astype(float)
    return pd.DataFrame(known)
