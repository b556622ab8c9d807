"""Chunks of a store as files: their bytes, and whether they are right.

Zarr reads a chunk without a file as zeros. What a chunk holds is said by the manifest of a finished
store, and by the journal of one that grows.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.codec import BytesBytesCodec
from zarr.storage import MemoryStore

from deepnic.files import whole
from deepnic.manifest import digest
from deepnic.store.sealed import COMPRESSORS


class Layout(NamedTuple):
    """How an array lies on disk."""

    shape: tuple[int, ...]  # of a chunk
    compressors: tuple[BytesBytesCodec, ...] = COMPRESSORS

    @classmethod
    def of(cls, path: Path, name: str) -> "Layout":
        """Read how an array of a store lies on disk; an earlier version may have laid it out."""
        array = zarr.open_array(path / name, mode="r")
        return cls(array.chunks, tuple(array.compressors))


def chunk_file(name: str, block: Sequence[int]) -> str:
    """Place of a chunk in its store, such as ``vote/c/0/1/2/0/0``."""
    return "/".join([name, "c", *map(str, block)])


def encode(values: NDArray[np.generic], layout: Layout) -> bytes:
    """Bytes of the file that Zarr makes of a chunk.

    At the edge of a variable the values are less than the chunk.
    """
    files: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(files),
        shape=layout.shape,
        chunks=layout.shape,
        dtype=values.dtype,
        compressors=layout.compressors,
        fill_value=0,
        config={"write_empty_chunks": True},
    )
    array[tuple(map(slice, values.shape))] = values
    return files["c" + "/0" * values.ndim].to_bytes()


def write_files(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Write files, each of which appears whole."""
    for name, content in files.items():
        with whole(Path(folder, name)) as partial:
            partial.write_bytes(content)


def is_right(path: Path, file: str, recorded: str | None) -> bool:
    """Tell whether a chunk is as it was written: by its digest, or its length where none is known.

    Bytes 12 to 15 of a Blosc header state the length; version 0.1.0 had no more to tell by.
    """
    try:
        content = (path / file).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    if recorded is not None:
        return digest(content) == recorded
    return len(content) >= 16 and struct.unpack("<I", content[12:16])[0] == len(content)
