"""The search, compiled by Numba: lanes, their bounds, the search of a node, the tree.

Numba keeps compiled code under the content of the file that its function is in. These files call
one another, and code with a changed kernel inside would pass for current. So all are loaded into a
place in its cache named by the content of all; and by the processor, for nodes of several kinds
that share a folder. What searches nodes of many observations is loaded when there are some.
"""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import ModuleType

import numba
import numpy as np
from llvmlite.binding import get_host_cpu_name
from numpy.typing import NDArray


def _cache() -> Path:
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), here.parent / "signatures.py"]  # its codes are compiled in
    content = b"".join(file.read_bytes() for file in files)
    place = here / "__pycache__" if os.access(here, os.W_OK) else Path.home() / ".cache" / "deepnic"
    name = f"kernels-{hashlib.sha256(content).hexdigest()[:16]}-{get_host_cpu_name()}"
    return Path(numba.config.CACHE_DIR or place, name)


@contextmanager
def _kept(place: Path, words: str) -> Iterator[None]:
    """Have Numba keep in a place what is compiled; the first time, say so."""
    if not (place.exists() or numba.config.DISABLE_JIT):
        logging.getLogger("deepnic.progress").info(
            "compiling the search%s for this processor, once: less than a minute on a free core",
            words,
        )
    of_others, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(place)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = of_others


_place, _loading = _cache(), Lock()
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
    with _loading, _kept(_place / "many", " of many observations"):
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
    few = in_bag.sum(axis=1).max(initial=0) <= small.MOST_OBSERVED
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
