"""The search, compiled by Numba: lanes, their bounds, the search of a node, the tree.

Numba keeps compiled code under the content of the file that its function is in. These files call
one another, and code with a changed kernel inside would pass for current. So all are loaded
together, into a place in its cache named by the content of all; and by the processor, for nodes of
several kinds that share a folder.
"""

import hashlib
import logging
import os
from pathlib import Path

import numba
from llvmlite.binding import get_host_cpu_name


def _cache() -> Path:
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), here.parent / "signatures.py"]  # its codes are compiled in
    content = b"".join(file.read_bytes() for file in files)
    place = here / "__pycache__" if os.access(here, os.W_OK) else Path.home() / ".cache" / "deepnic"
    name = f"kernels-{hashlib.sha256(content).hexdigest()[:16]}-{get_host_cpu_name()}"
    return Path(numba.config.CACHE_DIR or place, name)


_place = _cache()
if not (_place.exists() or numba.config.DISABLE_JIT):
    logging.getLogger("deepnic.progress").info(
        "compiling the search for this processor, once: a minute or two on a free core"
    )
_of_others, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_place)
try:
    from deepnic.rop.kernels import (
        alone,
        batch,
        bounds,
        box,
        cuts,
        groups,
        lanes,
        large,
        pairs,
        prefixes,
        search,
        small,
        tree,
        vectors,
    )
finally:
    numba.config.CACHE_DIR = _of_others

__all__ = [
    "alone",
    "batch",
    "bounds",
    "box",
    "cuts",
    "groups",
    "lanes",
    "large",
    "pairs",
    "prefixes",
    "search",
    "small",
    "tree",
    "vectors",
]
