"""What a reader finds in a file."""

from typing import NamedTuple

import numpy as np


class Raw(NamedTuple):
    """What a file holds, before it is checked."""

    values: np.ndarray
    label: list[str]
    gene: list[str]
    observation: list[str]
    id_column: str
    group: list[str] | None
