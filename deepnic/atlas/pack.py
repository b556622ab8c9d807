"""Data of pages: scripts that hand over what they hold.

Of pages without a server a browser refuses `fetch` and modules, and takes classic scripts.
Arrays are packed losslessly: little-endian, deflated (zlib), in base64.
"""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray[Any]) -> dict[str, str]:
    """Array as JSON can hold it, in the order of C; ``atlas.unpack`` gives it back.

    Examples
    --------
    >>> from base64 import b64decode
    >>> one = packed(np.arange(3, dtype=np.uint8))
    >>> one["dtype"], [*zlib.decompress(b64decode(one["data"]))]
    ('uint8', [0, 1, 2])
    """
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    data = zlib.compress(little.tobytes())
    return {"dtype": values.dtype.name, "data": b64encode(data).decode()}


def packed_words(words: Iterable[object]) -> dict[str, str]:
    """Words as JSON can hold them, packed as well."""
    return packed(np.frombuffer(json.dumps([*map(str, words)]).encode(), np.uint8))


def least_unsigned(most: int) -> np.dtype[Any]:
    """Smallest dtype that a page has for whole numbers from 0 up to some."""
    return np.dtype(np.min_scalar_type(most))


def write_data(folder: Path, name: str, value: object) -> None:
    """Write a script that hands a value over under its name."""
    text = f"atlas.put({json.dumps(name)}, {json.dumps(value, allow_nan=False)});\n"
    (folder / f"{name}.js").write_text(text, encoding="ascii")
