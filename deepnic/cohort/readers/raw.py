"""What a reader finds in a file, and what it was asked for."""

from typing import NamedTuple

import numpy as np
import pandas as pd


class Wanted(NamedTuple):
    """What the user says of a file; see `deepnic.read_cohort`."""

    state: str | None = None
    groups: str | None = None
    labels: pd.DataFrame | None = None  # a row a sample, all text
    genes_in: str | None = None
    genes_from: str | None = None
    drop: tuple[str, ...] = ()
    layer: str | None = None
    known: frozenset[str] = frozenset()  # the only genes asked for, and then no states


class Raw(NamedTuple):
    """What a file holds, before it is checked."""

    values: np.ndarray  # (observation, gene)
    gene: list[str]
    observation: list[str]
    facts: pd.DataFrame  # (observation, column) of text: what else is said of each observation
    id_column: str = ""
    state: str | None = None  # the column of facts that a file's own rule takes for the state
    notes: tuple[str, ...] = ()  # what was assumed
    numeric: bool = False  # what is clinical stands among the genes, if anything is
    dropped: tuple[str, ...] = ()  # columns that were named to be left out, and are
    symbols: pd.Series | None = None  # (gene,) of text: what the file itself calls their symbols
    heeds: tuple[str, ...] = ()  # options of some kinds of tables, that this one heeded
