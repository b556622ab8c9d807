"""What is said of samples apart from their values: a table of any format, all of it text."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import pandas as pd

from deepnic.cohort.readers.files import check_file, load_text
from deepnic.cohort.readers.frames import frame_table
from deepnic.cohort.readers.series import describe_samples, is_series
from deepnic.cohort.readers.sheets import arrow_table, excel_table
from deepnic.cohort.readers.text import Table, text_table
from deepnic.errors import InputError

Apart = str | PathLike[str] | pd.DataFrame | pd.Series
"""Labels, or an annotation: a file, or a table in memory."""

TABLES: dict[str, Callable[[Path], Table]] = {
    ".xlsx": excel_table,
    ".parquet": arrow_table,
    ".feather": arrow_table,
}


def beside(path: Path, what: str) -> Path:
    """File of labels or symbols beside a table: NAME.labels.csv of NAME.csv, or of NAME.txt.gz."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.with_suffix(f".{what}.csv")


def find_beside(path: Path, what: str) -> Path | None:
    """What lies beside a table, if it does."""
    found = beside(path, what)
    return found if found.is_file() and found != path else None


def read_facts(labels: Apart) -> pd.DataFrame:
    """Read a table of text only, as it is written; of a series matrix, its lines of samples."""
    if isinstance(labels, pd.Series):
        labels = labels.to_frame(labels.name or "label")
    if isinstance(labels, pd.DataFrame):
        table = frame_table("the table apart", labels)
    elif not isinstance(labels, str | PathLike):
        raise InputError(
            f"a table apart is a file, a DataFrame or a Series, not {type(labels).__name__}; give "
            "one of these"
        )
    elif read := TABLES.get((path := Path(labels)).suffix.lower()):
        check_file(path)
        table = read(path)
    else:
        text = load_text(path)
        if is_series(text):
            return describe_samples(text)
        _, begin, platform = text.data.partition(b"!platform_table_begin\n")
        if begin:  # of GEO, what is known of the probe sets
            text = text._replace(data=platform.partition(b"!platform_table_end")[0])
        table = text_table(text)
    header = table.layout.header
    if len({*header}) < len(header):
        raise InputError(f"{table.layout.file} has columns of the same name; rename one")
    words, _ = table.read({*range(len(header))})
    return words.set_axis(header, axis=1).rename_axis(columns=None)
