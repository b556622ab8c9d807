"""Chunks of a store as files: their bytes, whether they are whole, who has them.

Zarr reads a chunk without a file as zeros, and so does a Dask worker that reads a store which its
host does not have. A chunk states its own length, and tells by that whether it was cut off.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec
from zarr.storage import MemoryStore

from deepnic.errors import InputError
from deepnic.files import whole

COMPRESSOR = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")


def chunk_file(name: str, block: Sequence[int]) -> str:
    """Place of a chunk in its store, such as ``vote/c/0/1/2/0/0``."""
    return "/".join([name, "c", *map(str, block)])


def encode(values: NDArray[np.generic], shape: tuple[int, ...]) -> bytes:
    """Bytes of the file that Zarr makes of a chunk of a shape.

    At the edge of a variable the values are less than the chunk.
    """
    files: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(files),
        shape=shape,
        chunks=shape,
        dtype=values.dtype,
        compressors=[COMPRESSOR],
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


def is_whole(file: Path) -> bool:
    """Compare the length of a chunk with bytes 12 to 15 of its Blosc header, which state it."""
    if not file.exists():
        return False
    with file.open("rb") as opened:
        header = opened.read(16)
    return len(header) == 16 and struct.unpack("<I", header[12:])[0] == file.stat().st_size


def checked_where_read(data: Any, path: Path, variable: str, filled: Sequence[int]) -> Any:
    """Return a variable of an opened store whose chunks are checked by the host that reads them.

    For each number of genes a tree, ``filled`` is how many of the blocks of a draw have a file.
    Computing raises `InputError` on a host that has no store there, another, or not the chunk.
    """
    schema = (path / "zarr.json").read_bytes()
    known = {"path": path, "variable": variable, "schema": schema, "filled": filled}
    return data.map_blocks(_checked, **known, meta=data._meta)


def _checked(
    chunk: NDArray[np.generic],
    *,
    path: Path,
    variable: str,
    schema: bytes,
    filled: Sequence[int],
    block_id: tuple[int, ...],
) -> NDArray[np.generic]:
    has_file = block_id[3] < filled[block_id[0]]
    try:
        here = (path / "zarr.json").read_bytes() == schema
        here = here and (not has_file or is_whole(path / chunk_file(variable, block_id)))
    except OSError:  # nothing is there, or it may not be read
        here = False
    if not here:
        raise InputError(
            f"{gethostname()} does not see the store {path} as it was opened; copy it to that path "
            "on every host that reads it, or work without a Dask scheduler"
        )
    return chunk
