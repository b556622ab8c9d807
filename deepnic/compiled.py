"""Where the machine code is kept that Numba compiles: by the content of all that it is made of.

Numba keeps code under the content of the file that its function is in, and code with a changed
function of another file inside would pass for current. So files that call one another share a place
named by the content of all; and by the processor, for nodes of several kinds that share a folder.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numba
from llvmlite.binding import get_host_cpu_name

_lock = RLock()


@contextmanager
def kept_in(place: Path) -> Iterator[None]:
    """Have Numba keep in a place what functions are defined here; one thread at a time."""
    with _lock:
        of_others, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(place)
        try:
            yield
        finally:
            numba.config.CACHE_DIR = of_others


def compiled(*signatures: Any, **options: Any) -> Callable[[Callable], Any]:
    """Compile a function of a file ``*_numba.py``, as `numba.njit` does, and keep the code."""

    def compile_one(function: Callable) -> Any:
        folder = Path(function.__code__.co_filename).parent
        with kept_in(place_of("kernels", sorted(folder.glob("*_numba.py")))):
            return numba.njit(*signatures, cache=True, **options)(function)

    return compile_one


def place_of(name: str, files: Iterable[Path]) -> Path:
    """Where code of some files is kept: in a folder beside the first, or elsewhere if need be."""
    files = list(files)
    content = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    places = _places(files[0].parent)
    return next(filter(_can_hold, places)) / f"{name}-{content}-{get_host_cpu_name()}"


def _places(folder: Path) -> Iterator[Path]:
    """Where code of a folder may be; the last for this process alone, which leaves nothing."""
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR).absolute()
    yield folder / "__pycache__"
    yield Path(os.path.expanduser("~/.cache/deepnic"))  # as it stands, of who has no home
    yield Path(tempfile.gettempdir(), f"deepnic-{os.getuid()}")
    place = tempfile.mkdtemp(prefix="deepnic-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    yield Path(place)


def _can_hold(place: Path) -> bool:
    """Whether it can be written; among other users' files, by nobody else, since its code runs."""
    if not place.is_absolute():
        return False
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    shared = place.parent == Path(tempfile.gettempdir())
    return not shared or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
