"""The formats that cohorts come in: a module each, and its row."""

from collections.abc import Callable
from pathlib import Path

from deepnic.cohort.readers.annotated import read_h5ad
from deepnic.cohort.readers.npz import read_archive
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.series import read_text
from deepnic.cohort.readers.sheets import read_arrow, read_excel, read_gct

READERS: dict[str, Callable[[Path, Wanted], Raw]] = {
    ".npz": read_archive,
    **dict.fromkeys((".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"), read_text),
    **dict.fromkeys((".gct", ".gct.gz"), read_gct),
    ".xlsx": read_excel,
    **dict.fromkeys((".parquet", ".feather"), read_arrow),
    ".h5ad": read_h5ad,
}
"""What reads a file, by its suffix, as it is asked to."""
