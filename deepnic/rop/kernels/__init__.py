"""The search, compiled by Numba: lanes, their bounds, the search of a node, the tree.

All are loaded from one place of compiled code (`deepnic.compiled`), as they call one another. What
searches nodes of many observations is loaded when there are some.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
from numpy.typing import NDArray

from deepnic.compiled import kept_in, place_of


@contextmanager
def _kept(place: Path, words: str) -> Iterator[None]:
    """Have Numba keep in a place what is compiled; the first time, say so."""
    if not (place.exists() or numba.config.DISABLE_JIT):
        logging.getLogger("deepnic.progress").info(
            "compiling the search%s for this processor, once: less than a minute on a free core",
            words,
        )
    with kept_in(place):
        yield


_here = Path(__file__).parent
# the codes of signatures are compiled in
_place = place_of("kernels", [*sorted(_here.glob("*.py")), _here.parent / "signatures.py"])
with _kept(_place, ""):
    from deepnic.rop.kernels import (
        batch,
        bounds,
        box,
        lanes,
        pairs,
        prefixes,
        search,
        small,
        tree,
        vectors,
    )


def of_many() -> ModuleType:
    """Load what grows trees on many observations: `deepnic.rop.kernels.many`."""
    with _kept(_place / "many", " of many observations"):
        from deepnic.rop.kernels import many
    return many


def grow_trees(
    expression: NDArray[np.float32],
    y: NDArray[np.int8],
    members: NDArray[np.int32],
    in_bag: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    weights: NDArray[np.int64],
    max_solutions: int,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    coef: NDArray[np.int64],
    record: NDArray[np.int64],
    signatures: NDArray[np.uint8],
) -> None:
    """Grow the trees of one draw, by the kernel for as many observations as are in bag.

    expression (p, n); y (n,) with -1 unknown; members (T, V) genes of each tree; in_bag (T, n);
    keys (T,); weights (V, k), the same for each gene. Fills mean and sd (T, V) of each gene over
    those a tree is grown on, coef (T, 6, V) and record (T, 6, 8) of its nodes, and signatures
    (T, V).
    """
    few = in_bag.sum(axis=1).max(initial=0) <= small.FEW_OBSERVED
    (tree if few else of_many()).grow_trees(
        expression, y, members, in_bag, keys, weights, max_solutions,
        mean, sd, coef, record, signatures,
    )  # fmt: skip


__all__ = [
    "batch",
    "bounds",
    "box",
    "grow_trees",
    "lanes",
    "of_many",
    "pairs",
    "prefixes",
    "search",
    "small",
    "tree",
    "vectors",
]
