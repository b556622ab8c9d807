"""Files that appear whole or not at all, locks, and tables read as they were written."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from errno import ENOSYS
from glob import escape
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from filelock import FileLock, Timeout

from deepnic.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

PARTIAL = ".partial"
"""How the names of files end that are being written, or that a killed process left."""


@contextmanager
def whole(path: str | Path, *, mode: int | None = None) -> Iterator[Path]:
    """Give a path to write to; what is there at the end appears at once, on disk to stay.

    Parameters
    ----------
    path : path
        Of a file, which replaces what is there, or of a folder, where nothing or an empty folder
        may be. Its parents are made.
    mode : int, optional
        Permissions of a file, from its first byte on.

    Yields
    ------
    Path
        In the same folder. After an exception nothing is left of it.

    Raises
    ------
    OSError
        A folder with content has appeared at the path meanwhile, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(f"{folder}/new/a.txt") as partial:
    ...         _ = partial.write_text("all of it")
    ...     [file.name for file in Path(folder, "new").iterdir()]
    ['a.txt']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        if mode is not None:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield partial
        for place in [partial, *partial.rglob("*")]:
            _to_disk(place)
        os.replace(partial, path)
        _to_disk(path.parent)
    finally:
        _remove(partial)


def _to_disk(place: Path) -> None:
    """Have the disk hold a file or the entries of a folder, whatever happens to the machine."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        if not place.is_dir():  # some network file systems take files only
            raise
    finally:
        os.close(opened)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Be the only one to write to a path; what a killed writer left beside it is removed.

    The lock is the kernel's: it ends with the process that holds it, however that ends.

    Parameters
    ----------
    path : path
        Of a file or folder that need not exist; ``PATH.lock`` lies beside it meanwhile.

    Raises
    ------
    InputError
        Another process writes to it. On a file system without locks nobody can know.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(f"{folder}/f.zarr"):
    ...     with locked(f"{folder}/f.zarr"):
    ...         pass
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: ...f.zarr is being written by process ...; wait until ...
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f"{path.name}.lock")
    lock = FileLock(file, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{path} is being written by {file.read_text() or 'another process'}; wait until it "
            "ends, or choose another path"
        ) from error
    except OSError as error:
        if error.errno != ENOSYS:
            raise
    try:
        if lock.is_locked:
            file.write_text(f"process {os.getpid()} on {gethostname()}")
        for leftover in path.parent.glob(f"{escape(path.name)}.{'[0-9a-f]' * 32}{PARTIAL}"):
            _remove(leftover)
        yield
    finally:
        file.unlink(missing_ok=True)  # filelock sees that a file it then waited for is gone
        lock.release()


def check_new(path: Path) -> None:
    """Refuse a path that holds something, before anything is computed for it.

    Raises
    ------
    InputError
        It exists and is no empty folder.

    Examples
    --------
    >>> check_new(Path("no/such/path"))
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} exists already; choose another path")


def write_json(path: str | Path, value: object) -> None:
    """Write what JSON can hold, and other values as their words, into a file that appears whole.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(f"{folder}/a.json", {"file": Path("x.csv")})
    ...     read_json(f"{folder}/a.json")
    {'file': 'x.csv'}
    """
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a file of JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write the columns of a table, as `read_csv` reads them back, into a file that appears whole.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(f"{folder}/a.csv", pd.DataFrame({"arm": ["1"], "mean": [0.1 + 0.2]}))
    ...     read_csv(f"{folder}/a.csv", words=["arm"]).values.tolist()
    [['1', 0.30000000000000004]]
    """
    with whole(path) as partial:
        table.to_csv(partial, index=False)


def read_csv(path: str | Path, words: Collection[str]) -> "pd.DataFrame":
    r"""Read a CSV file as it was written: words stay words, and every digit of a number counts.

    Parameters
    ----------
    path : path
    words : collection of str
        Columns, as far as the file has them, whose "1", "none" and "" are read as such.

    Returns
    -------
    DataFrame
        What is empty is NaN in other columns.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.csv")
    ...     _ = file.write_text("arm,mean\nnone,0.1\n,\n")
    ...     read_csv(file, words=["arm"]).values.tolist()
    [['none', 0.1], ['', nan]]
    """
    import pandas as pd  # here, as most who write files read no tables

    numbers = [name for name in pd.read_csv(path, nrows=0).columns if name not in words]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(words, str),
        keep_default_na=False,
        na_values={name: ["", "nan"] for name in numbers},
    )
