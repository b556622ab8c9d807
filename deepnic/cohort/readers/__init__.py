"""The formats that cohorts come in: a module each, and its row."""

from collections.abc import Callable
from pathlib import Path

from deepnic.cohort.readers.npz import read_archive
from deepnic.cohort.readers.raw import Raw
from deepnic.cohort.readers.text import read_table

READERS: dict[str, Callable[[Path, str | None, str | None], Raw]] = {
    ".npz": read_archive,
    **dict.fromkeys((".csv", ".tsv", ".txt"), read_table),
}
"""What reads a file, by its suffix: (path, column of the states, column of the groups) -> Raw."""
