"""Files that appear whole or not at all, locks, and tables read as they were written."""

import errno
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from glob import escape
from itertools import count
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from uuid import uuid4

from filelock import FileLock, Timeout

from deepnic.errors import EngineError, InputError

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"^'*[=+@\t\r-]")
"""Words that a spreadsheet computes, or would if the quotes before them were taken off."""
QUOTED = re.compile(r"^'(?='*[=+@\t\r-])")

SHARE = "DEEPNIC_SHARE"
"""Variable of the environment with which what is written is as open as the umask lets it be."""

PARTIAL = ".partial"
"""How the names of files end that are being written, or that a killed process left."""

SCRATCH: set[Path] = set()
"""Folders of `scratch` that are open: what a process that ends by force has to remove."""

LONGEST_NAME = 50
"""Characters of a folder's name that is made of other words: disks take 255 bytes at most."""

REFUSALS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE,
    errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG, errno.ENOMEM,
}  # fmt: skip
"""What the machine refuses, whatever a file holds."""


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error is of the machine: of its memory, or what its disk refuses."""
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno in REFUSALS
    )


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Tell of a disk that refuses what is written: full, read-only, no permission."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not of the operating system
            raise
        raise EngineError(
            f"{path} cannot be written ({error.strerror}); what was finished before is kept: mend "
            "that and run the same again, it goes on where it stopped"
        ) from error


@contextmanager
def whole(path: str | Path, *, mode: int | None = None) -> Iterator[Path]:
    """Give a path to write a file or folder to, which at the end appears at once, on disk to stay.

    A file replaces what is there; a folder replaces an empty folder alone. Only their owner reads
    them, and folders that are made on the way, unless ``DEEPNIC_SHARE`` is in the environment; a
    file of a ``mode`` has it whatever that says, from its first byte on. After an exception (of a
    full disk, say, which is an `EngineError`) nothing is left.

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
    partial = path.with_name(f"{path.name}.{uuid4().hex}{PARTIAL}")
    with writable(path):
        make_folder(path.parent)
        try:
            if mode is not None:
                os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
            yield partial
            if mode is None and SHARE not in os.environ:
                partial.chmod(0o700 if partial.is_dir() else 0o600)
            for place in [partial, *partial.rglob("*")]:
                _to_disk(place)
            os.replace(partial, path)
            _to_disk(path.parent)
        finally:
            _remove(partial)


@contextmanager
def scratch() -> Iterator[Path]:
    """Have a private folder within the block."""
    with TemporaryDirectory(prefix="deepnic-") as folder:
        SCRATCH.add(Path(folder))
        try:
            yield Path(folder)
        finally:
            SCRATCH.discard(Path(folder))


def make_folder(folder: Path) -> None:
    """Make a folder and its parents where they are missing, for their owner alone."""
    private = 0o777 if SHARE in os.environ else 0o700
    for each in [*reversed(folder.parents), folder]:
        each.mkdir(mode=private, exist_ok=True)


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
    """Be the only one to write to a path, or raise `InputError`; ``PATH.lock`` lies beside it then.

    The lock is the kernel's: it ends with the process that holds it, however that ends. On a file
    system without locks nobody can know. What a killed writer left beside the path is removed.
    """
    path = Path(path)
    file = path.with_name(f"{path.name}.lock")
    lock = FileLock(file, blocking=False, fallback_to_soft=False)
    with writable(path):
        make_folder(path.parent)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"{path} is being written by {file.read_text() or 'another process'}; wait until "
                "it ends, or choose another path"
            ) from error
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
    try:
        with writable(path):
            if lock.is_locked:
                file.write_text(f"process {os.getpid()} on {gethostname()}")
            for leftover in path.parent.glob(f"{escape(path.name)}.{'[0-9a-f]' * 32}{PARTIAL}"):
                _remove(leftover)
        yield
    finally:
        file.unlink(missing_ok=True)  # filelock sees that a file it then waited for is gone
        lock.release()


def as_path(path: object) -> Path:
    """Path of a file or folder; what is none is an `InputError`."""
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise InputError(f"{path!r} is no path; give a word or a pathlib.Path")
    return Path(path)


def check_new(path: Path) -> None:
    """Refuse a path that holds something, before anything is computed for it."""
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} exists already; choose another path")


def write_json(path: str | Path, value: object) -> None:
    """Write what JSON can hold, and other values as their words, into a file that appears whole."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a file of JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def exact_digits() -> dict[str, Any]:
    """Options by which pandas reads every digit of a number, as it does by itself from 3.1 on."""
    import pandas as pd  # here, as most who write files read no tables

    before = [*map(int, pd.__version__.split(".")[:2])] < [3, 1]
    return {"float_precision": "round_trip"} if before else {}


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table, as `read_csv` reads it back, into a file that appears whole."""
    with whole(path) as partial:
        partial.write_text(csv_text(table), encoding="utf-8", newline="")


def csv_text(table: "pd.DataFrame") -> str:
    """Write a table as CSV in which no word is a formula to a spreadsheet: a quote stands before.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_text(pd.DataFrame({"item": ["=1+1", "p1"], "score": [-1, 2]})).split()
    ['item,score', "'=1+1,-1", 'p1,2']
    """
    words = table.select_dtypes(["object", "string"]).columns
    quoted = {
        name: table[name].map(
            lambda one: FORMULA.sub(r"'\g<0>", one) if isinstance(one, str) else one
        )
        for name in words
    }
    return table.assign(**quoted).to_csv(index=False)


def folder_names(words: Iterable[str], *, otherwise: str) -> list[str]:
    """Names of folders by other words: no two are the same to any file system.

    Examples
    --------
    >>> folder_names(["GSE1234 (1)", "a/b", "A-b", ".."], otherwise="cohort")
    ['GSE1234-1', 'a-b', 'A-b-2', 'cohort']
    """
    names: list[str] = []
    taken: set[str] = set()
    for word in words:
        plain = normalize("NFC", word)
        name = re.sub(r" ?[^\w .-]+", "-", plain)[:LONGEST_NAME].strip(" .-") or otherwise
        numbered = (name if k == 1 else f"{name}-{k}" for k in count(1))
        names.append(next(one for one in numbered if one.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def read_csv(path: str | Path, words: Collection[str]) -> "pd.DataFrame":
    """Read a CSV file as it was written: words stay words, and every digit of a number counts.

    ``words`` are columns whose "1", "none" and "" are read as such; what is empty in others is NaN.
    """
    import pandas as pd  # here, as most who write files read no tables

    names = pd.read_csv(path, nrows=0).columns
    numbers = [name for name in names if name not in words]
    table = pd.read_csv(
        path,
        dtype=dict.fromkeys(words, str),
        keep_default_na=False,
        **exact_digits(),
        na_values={name: ["", "nan"] for name in numbers},
    )
    for name in names.intersection([*words]):
        table[name] = table[name].str.replace(QUOTED, "", regex=True)
    return table
