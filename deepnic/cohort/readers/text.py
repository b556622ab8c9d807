"""Text files of columns: CSV tables, and labels beside other files, read as they are written."""

import csv
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil

from deepnic.cohort.readers.raw import Raw
from deepnic.errors import InputError

MISSING = ("", "NA", "N/A", "#N/A", "na", "n/a", "NaN", "nan")
"""What stands for a missing value; a missing label is to be predicted."""

STATE_COLUMNS = (
    "state", "etat", "label", "status", "diagnosis", "group", "outcome", "target", "class", "y",
)  # fmt: skip
"""Usual names of the state column, in any case; the first that occurs is taken.

``class`` comes late: in the ROP package's titanic table it is a variable, beside ``ETAT``.
"""

ID_COLUMNS = (
    "id", "sample_id", "sample", "observation_id", "observation", "patient_id", "patient",
    "subject", "individual",
)  # fmt: skip
"""Usual names of the id column, in any case; the first that occurs is taken."""


class Layout(NamedTuple):
    """How a CSV file is written: its name, its separators, and a name for each of its columns."""

    file: str
    delimiter: str
    decimal: str
    header: list[str]

    def find(self, option: str, column: str) -> int:
        """Number of the column that an option names."""
        if column not in self.header:
            raise InputError(f"{self.file} has no column {column!r}; {self.choose(option)}")
        if (count := self.header.count(column)) > 1:
            raise InputError(f"{self.file} has {count} columns {column!r}; keep one of them")
        return self.header.index(column)

    def find_state(self, state: str | None) -> int:
        """Number of the column of the states: the one named, or a usual one."""
        if state is not None:
            return self.find("state", state)
        lower = [name.lower() for name in self.header]
        usual = next((name for name in STATE_COLUMNS if name in lower), None)
        if usual is None:
            raise InputError(f"{self.file} has no state column; {self.choose('state')}")
        return self._replace(header=lower).find("state", usual)

    def find_id(self) -> int | None:
        """Number of the column of the ids, or of R's row names."""
        lower = [name.lower() for name in self.header]
        unnamed = None if self.header[0] else 0
        return next((lower.index(name) for name in ID_COLUMNS if name in lower), unnamed)

    def choose(self, option: str) -> str:
        """Say what an option names; not the columns, which may be patients."""
        return (
            f"a row is one observation, and {option}= names one of the {len(self.header)} columns "
            "of the first line"
        )


def check_file(path: Path) -> None:
    """Refuse what is missing, empty, or no file: a pipe would be waited for."""
    if not path.is_file():
        what = "it is something else" if path.exists() else "check the path"
        raise InputError(f"no such file: {path}; {what}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save or copy it again")


def find_layout(path: Path) -> Layout:
    """Find out how a CSV file is written; reads no further than the first broken number."""
    size, free = path.stat().st_size, psutil.virtual_memory().available
    if size > free:
        raise InputError(
            f"{path.name} has {size / 1e9:,.1f} GB, and this machine has {free / 1e9:,.1f} GB of "
            "memory free; take a larger machine, or fewer genes"
        )
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
    except csv.Error as error:  # a cell of more than 10^5 characters, most often a quote unclosed
        raise InputError(
            f"{path.name} is no regular table ({error}); save it as CSV UTF-8"
        ) from error
    return Layout(path.name, delimiter, decimal, [name.strip() for name in header])


def _decimal(delimiter: str, lines: Iterable[str]) -> str:
    """Return the mark in the first broken number, which follows a delimiter."""
    broken = re.compile(
        rf'{delimiter} *"?[-+]?\d*([.,])\d+(?:[eE][-+]?\d+)?"?[ \r]*(?={delimiter}|$)'
    )
    return next((match[1] for line in lines if (match := broken.search(line))), ".")


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
    except (OverflowError, ValueError) as error:  # of which pandas' ParserError is one
        said = str(error).rpartition("C error: ")[2].strip()  # of rows and numbers of columns
        if said == "out of memory":
            raise MemoryError from error
        reason = said if isinstance(error, pd.errors.ParserError) else type(error).__name__
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


def read_numbers(table: pd.DataFrame, decimal: str, gene: list[str]) -> np.ndarray:
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
                f"number {row + 1}); correct them or drop the columns"
            )
        table[numbers.columns] = numbers
    with np.errstate(over="ignore"):  # what is beyond float32 is refused as infinite later
        return table.to_numpy(np.float32)


def read_labels(path: Path) -> pd.Series:
    """Read the first two columns of a table: labels by id, "" where there is none.

    Row names without a name before them (as R writes them) and columns behind them are left out.
    """
    check_file(path)
    layout = find_layout(path)
    at = int(not layout.header[0] and len(layout.header) > 2)  # R's row names
    text, _ = read_columns(path, layout, {at, at + 1})
    return pd.Series(text[at + 1].to_numpy(), index=pd.Index(text[at]))


def read_table(path: Path, state: str | None, groups: str | None) -> Raw:
    """Read a table of one row an observation; see `read_cohort`."""
    layout = find_layout(path)
    header = layout.header
    state_at = layout.find_state(state)
    group_at = state_at if groups is None else layout.find("groups", groups)
    facts = {state_at, group_at}
    id_at = layout.find_id()
    ids = {k for k, name in enumerate(header) if name.lower() in ID_COLUMNS or not (k or name)}
    text, table = read_columns(path, layout, facts | (ids or {0}))
    if id_at is None and 0 not in facts:
        if _looks_like_ids(text[0], layout.decimal):
            id_at = 0
        else:  # the first column is a gene
            text, table = read_columns(path, layout, facts)
    if id_at is None:
        observation, id_column = [f"obs_{k}" for k in range(1, len(table) + 1)], ""
    else:
        observation, id_column = text[id_at].tolist(), header[id_at] or "row names"
    gene = [header[int(k)] for k in table.columns]
    return Raw(
        values=read_numbers(table, layout.decimal, gene),
        label=text[state_at].tolist(),
        gene=gene,
        observation=observation,
        id_column=id_column,
        group=None if groups is None else text[group_at].tolist(),
    )


def _looks_like_ids(column: pd.Series, decimal: str) -> bool:
    """Tell ids, text or whole numbers that differ, from the values of a gene."""
    number = to_numeric(column, decimal)
    return bool(number.isna().all() or (column.is_unique and (number.dropna() % 1 == 0).all()))
