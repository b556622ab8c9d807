"""Bytes of a file as UTF-8 text: unpacked, decoded, told where that was assumed."""

import codecs
import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

import psutil

from deepnic.errors import InputError

PIECE = 2**24  # bytes that are unpacked at once
LINE = 60  # bytes that a line takes beside its characters


class Text(NamedTuple):
    """A text file, in UTF-8 whatever it was written in."""

    name: str
    data: bytes
    notes: tuple[str, ...] = ()


def check_file(path: Path) -> None:
    """Refuse what is missing, empty, or no file: a pipe would be waited for."""
    if not path.is_file():
        what = "it is something else" if path.exists() else "check the path"
        raise InputError(f"no such file: {path}; {what}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save or copy it again")


def check_fits(what: str, size: float) -> None:
    """Refuse what takes more bytes than this machine has free, before it is read."""
    free = psutil.virtual_memory().available
    if size > free:
        raise InputError(
            f"{what} has {size / 1e9:,.1f} GB, and this machine has {free / 1e9:,.1f} GB of "
            "memory free; take a larger machine, or fewer genes"
        )


def load_text(path: Path) -> Text:
    """Read a text file, gzipped or not, in UTF-8, UTF-16 or the code page of Windows."""
    check_file(path)
    data, notes = _unpacked(path), []
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        try:
            data.decode("utf-8")
            encoding = "utf-8"
        except UnicodeDecodeError:
            encoding = "cp1252" if b"\0" not in data else ""
    try:
        if encoding != "utf-8":
            data = data.decode(encoding).encode()
            notes.append(f"read as {encoding}, since it is not UTF-8")
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(
            f"{path.name} is no text, whatever its name; save it as CSV UTF-8"
        ) from error
    if b"\0" in data:  # pandas 2 ends words there
        raise InputError(f"{path.name} holds NUL characters; save it as UTF-8 text")
    data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    check_fits(f"{path.name}, as lines,", LINE * data.count(b"\n"))
    return Text(path.name, data, tuple(notes))


def _unpacked(path: Path) -> bytes:
    check_fits(path.name, path.stat().st_size)
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.read_bytes()
    pieces, size = [], 0
    try:
        with gzip.open(path) as file:
            while piece := file.read(PIECE):
                pieces.append(piece)
                check_fits(f"{path.name}, unpacked,", 2 * (size := size + len(piece)))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path.name} is cut off or damaged (its gzip stream does not end); download or copy "
            "it again"
        ) from error
    return b"".join(pieces)
