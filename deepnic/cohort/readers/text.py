"""Text files of columns: CSV tables, and labels beside other files, read as they are written."""

import csv
import re
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from deepnic.cohort.check import check_words
from deepnic.cohort.readers.files import Text, check_fits, load_text
from deepnic.errors import InputError
from deepnic.files import exact_digits

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

COMMENTS = 200  # lines above a table, at most
CELL = 24  # bytes that a number takes at most while a table is read


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
        row = "gene" if option == "genes_from" else "observation"
        return (
            f"a row is one {row}, and {option}= names one of the {len(self.header)} columns "
            "of the first line"
        )


class Table(NamedTuple):
    """A table, and what reads it: the columns of these numbers as written, and the others."""

    layout: Layout
    read: Callable[[set[int]], tuple[pd.DataFrame, pd.DataFrame]]
    notes: tuple[str, ...] = ()


def text_table(source: Text) -> Table:
    """Read the lines of a text file as a table, comments above it left out."""
    lines = source.data.split(b"\n", COMMENTS)
    comments = next((k for k, line in enumerate(lines) if not line.startswith(b"#")), 0)
    if comments and _separators(lines[comments - 1]) == _separators(lines[comments]) != (0, 0, 0):
        comments -= 1  # a header that begins with the sign of a comment
    notes = source.notes + ((f"{comments} lines of comments left out",) if comments else ())
    data = source.data.split(b"\n", comments)[comments]
    first = next((line for line in data.split(b"\n", 20) if line.strip()), b"")
    if not re.search(rb"[,;\t]", re.sub(rb'"[^"]*"', b"", first)) and b" " in first.strip():
        data = re.sub(rb'("[^"\n]*")|[ \t]+', lambda m: m[1] or b"\t", data)  # as R writes them
    source = source._replace(data=data)
    layout = find_layout(source)
    return Table(layout, partial(read_columns, source, layout), notes)


def _separators(line: bytes) -> tuple[int, int, int]:
    return line.count(b","), line.count(b";"), line.count(b"\t")


def find_layout(text: Text) -> Layout:
    """Find out how a CSV file is written; reads no further than the first broken number."""
    filled = (line for line in map(bytes.decode, BytesIO(text.data)) if line.strip())
    head = next(filled, "")
    unquoted = re.sub(r'"[^"]*"', "", head)
    delimiter = max([",", ";", "\t"], key=unquoted.count)
    if delimiter not in unquoted:
        raise InputError(f"{text.name} has one column only; separate with comma, semicolon or tab")
    check_fits(f"{text.name}, as a table,", CELL * text.data.count(delimiter.encode()))
    try:
        rows = csv.reader(chain([head], filled), delimiter=delimiter)
        header, row = next(rows), next(rows, None)
    except csv.Error as error:
        raise InputError(
            f"{text.name} is no regular table ({error}); save it as CSV UTF-8"
        ) from error
    if row is None:
        raise InputError(f"{text.name} has no row below the header; add some")
    header = [name.strip() for name in header]
    if sum(bool(re.fullmatch(r"-?\d+[.,]\d+", name)) for name in header) > len(header) / 2:
        raise InputError(
            f"{text.name} seems to have no header row: its first row is of numbers; put a row of "
            "names above"
        )
    check_words(f"columns of {text.name}", header)
    if len(row) == len(header) + 1:
        # R's write.table leaves row names without a header; a spreadsheet ends its rows by a mark
        header = [*header, ""] if row[-1] == "" and row[0] else ["", *header]
    decimal = "."
    if delimiter != ",":
        decimal = _decimal(text.name, delimiter, chain([delimiter.join(row)], filled))
    return Layout(text.name, delimiter, decimal, header)


def _decimal(name: str, delimiter: str, lines: Iterable[str]) -> str:
    """Return the mark of broken numbers, which follow a delimiter; refuse what may be thousands.

    1,234 is unclear: where 0,5 or 12,34 stands somewhere, or every number is broken, it is decimal.
    """
    number = re.compile(
        rf'{delimiter} *+"?[-+]?(\d*+)(?:([.,])(\d++))?+([eE][-+]?\d++)?+"? *+(?={delimiter}|$)'
    )  # a blank or digit is looked at once, however many there are
    unclear = whole = False
    for line in lines:
        for digits, mark, fraction, power in number.findall(line):
            if not mark:
                whole |= bool(digits)
            elif (
                mark == "."
                or len(fraction) != 3
                or len(digits) not in (1, 2, 3)
                or power
                or digits[0] == "0"
            ):
                return mark
            else:
                unclear = True
    if unclear and whole:
        raise InputError(
            f"{name}: its commas may be decimal marks or thousands separators, since three digits "
            "follow each; save it without thousands separators"
        )
    return "," if unclear else "."


def read_columns(source: Text, layout: Layout, text: set[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the columns of `text` as they are written (007 stays 007), and the others.

    Columns are numbered, since pandas renames repeated names. Those of `text` are read as the
    index: to take them out of a frame of 54,675 columns is slower than to read it.
    """
    try:
        table = pd.read_csv(
            BytesIO(source.data),
            sep=layout.delimiter,
            decimal=layout.decimal,
            header=0,
            names=range(len(layout.header)),
            index_col=sorted(text) or False,
            converters=dict.fromkeys(text, str.strip),
            keep_default_na=False,
            na_values=list(MISSING),
            engine="c",
            **exact_digits(),
            low_memory=False,  # one dtype for a column
        )
    except (OverflowError, ValueError) as error:  # of which pandas' ParserError is one
        said = str(error).rpartition("C error: ")[2].strip()  # of rows and numbers of columns
        if said == "out of memory":
            raise MemoryError from error
        reason = said if isinstance(error, pd.errors.ParserError) else type(error).__name__
        raise InputError(
            f"{source.name} is no regular table ({reason}); give every row the columns of the "
            "header"
        ) from error
    as_written = table.index.to_frame(index=False).astype(object)
    return as_written.where(as_written.notna(), ""), table.reset_index(drop=True)


def to_numeric(text: pd.Series, decimal: str) -> pd.Series:
    """Read numbers with this decimal mark only; what is none becomes NaN."""
    if decimal == ",":  # swap the marks, so that 1.234 is no number either
        text = text.str.translate(str.maketrans(",.", ".,"))
    numbers = pd.to_numeric(text, errors="coerce")
    long = numbers.isna().to_numpy(copy=True)  # pandas 2 reads no number of very many digits
    long[long] = text[long].str.fullmatch(r"[-+]?\d+").eq(True)
    return numbers.mask(long, np.inf)


def read_numbers(
    table: pd.DataFrame, decimal: str, gene: list[str], *, in_rows: bool = False
) -> np.ndarray:
    """Return the values as float32; NaN where nothing is written, an error where text is."""
    is_text = np.array([kind.kind not in "iuf" for kind in table.dtypes], bool)
    if is_text.any():
        text = table.loc[:, is_text].astype(str)
        numbers = text.apply(to_numeric, decimal=decimal)
        wrong = (numbers.isna() & ~text.isin(MISSING)).to_numpy()
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            column = np.flatnonzero(is_text)[column]
            first = (
                f"gene {gene[row]!r}, observation number {column + 1}" if in_rows
                else f"column {gene[column]!r}, observation number {row + 1}"
            )  # fmt: skip
            raise InputError(
                f"{wrong.sum()} values in {wrong.any(axis=0).sum()} columns are text, not numbers "
                f"(first: {first}); correct them, or leave the columns out by drop="
            )
        table[numbers.columns] = numbers
    with np.errstate(over="ignore"):  # what is beyond float32 is refused as infinite later
        return table.to_numpy(np.float32)


def read_labels(path: Path) -> pd.Series:
    """Read the first two columns of a table: labels by id, "" where there is none.

    Row names without a name before them (as R writes them) and columns behind them are left out.
    """
    source = load_text(path)
    layout = find_layout(source)
    at = int(not layout.header[0] and len(layout.header) > 2)  # R's row names
    text, _ = read_columns(source, layout, {at, at + 1})
    return pd.Series(text[at + 1].to_numpy(), index=pd.Index(text[at]))


def looks_like_ids(column: pd.Series, decimal: str) -> bool:
    """Tell ids, text or whole numbers that differ, from the values of a gene."""
    number = to_numeric(column, decimal)
    return bool(number.isna().all() or (column.is_unique and (number.dropna() % 1 == 0).all()))
