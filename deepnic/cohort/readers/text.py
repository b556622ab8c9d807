"""Text files of columns: how they are written, and reading them as they are written."""

import csv
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from deepnic.errors import InputError

MISSING = ("", "NA", "N/A", "#N/A", "na", "n/a", "NaN", "nan")
"""What stands for a missing value; a missing label is to be predicted."""


class Layout(NamedTuple):
    """How a CSV file is written: its separators, and a name for each of its columns."""

    delimiter: str
    decimal: str
    header: list[str]


def check_file(path: Path) -> None:
    """Refuse a file that is missing or empty."""
    if not path.is_file():
        raise InputError(f"no such file: {path}; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save or copy it again")


def find_layout(path: Path) -> Layout:
    """Find out how a CSV file is written; reads no further than the first broken number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            filled = (line for line in lines if line.strip())
            head = next(filled, "")
            unquoted = re.sub(r'"[^"]*"', "", head)
            delimiter = max([",", ";", "\t"], key=unquoted.count)
            if delimiter not in unquoted:
                raise InputError(
                    f"{path.name} has one column only; separate with comma, semicolon or tab"
                )
            rows = csv.reader(chain([head], filled), delimiter=delimiter)
            header, row = next(rows), next(rows, None)
            if row is None:
                raise InputError(f"{path.name} has no row below the header; add some")
            if len(row) == len(header) + 1:  # R's write.table leaves row names without a header
                header = ["", *header]
            decimal = "."
            if delimiter != ",":
                decimal = _decimal(delimiter, chain([delimiter.join(row)], filled))
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    return Layout(delimiter, decimal, [name.strip() for name in header])


def _decimal(delimiter: str, lines: Iterable[str]) -> str:
    """Return the mark in the first broken number, which follows a delimiter."""
    broken = re.compile(
        rf'{delimiter}\s*"?[-+]?\d*([.,])\d+(?:[eE][-+]?\d+)?"?\s*(?={delimiter}|$)'
    )
    return next((found[1] for line in lines if (found := broken.search(line))), ".")


def _not_utf8(path: Path) -> InputError:
    return InputError(f"{path.name} is not UTF-8 text; save it as CSV UTF-8")


def read_columns(path: Path, layout: Layout, text: set[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the columns of `text` as they are written (007 stays 007), and the others.

    Columns are numbered, since pandas renames repeated names. Those of `text` are read as the
    index: to take them out of a frame of 54,675 columns is slower than to read it.
    """
    try:
        table = pd.read_csv(
            path,
            sep=layout.delimiter,
            decimal=layout.decimal,
            header=0,
            names=range(len(layout.header)),
            index_col=sorted(text),
            converters=dict.fromkeys(text, str.strip),
            keep_default_na=False,
            na_values=list(MISSING),
            engine="c",
            low_memory=False,  # one dtype for a column
        )
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except pd.errors.ParserError as error:
        reason = str(error).rpartition("C error: ")[2].strip()
        raise InputError(
            f"{path.name} is no regular table ({reason}); give every row the columns of the header"
        ) from error
    as_written = table.index.to_frame(index=False).astype(object)
    return as_written.where(as_written.notna(), ""), table.reset_index(drop=True)


def to_numeric(text: pd.Series, decimal: str) -> pd.Series:
    """Read numbers with this decimal mark only; what is none becomes NaN."""
    if decimal == ",":  # swap the marks, so that 1.234 is no number either
        text = text.str.translate(str.maketrans(",.", ".,"))
    return pd.to_numeric(text, errors="coerce")


def read_numbers(
    table: pd.DataFrame, decimal: str, gene: list[str], observation: list[str]
) -> np.ndarray:
    """Return the values as float32; NaN where nothing is written, an error where text is."""
    is_text = np.array([kind.kind not in "iuf" for kind in table.dtypes], bool)
    if is_text.any():
        text = table.loc[:, is_text].astype(str)
        numbers = text.apply(to_numeric, decimal=decimal)
        wrong = (numbers.isna() & ~text.isin(MISSING)).to_numpy()
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"{wrong.sum()} values in {wrong.any(axis=0).sum()} columns are text, not numbers "
                f"(first: column {gene[np.flatnonzero(is_text)[column]]!r}, observation "
                f"{observation[row]!r}); correct them or drop the columns"
            )
        table[numbers.columns] = numbers
    with np.errstate(over="ignore"):  # what is beyond float32 is refused as infinite later
        return table.to_numpy(np.float32)
