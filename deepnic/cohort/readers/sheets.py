"""Tables that a library parses: Excel, Parquet and Feather; and GCT.

What a file promises to hold is judged by its headers, and what it holds while it is read: a small
file may unpack to more than the memory.
"""

import csv
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from deepnic.cohort.readers.files import Text, check_fits, load_text
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import find_labels, parse
from deepnic.errors import DeepnicError, InputError
from deepnic.extras import needs
from deepnic.files import is_refusal

ROWS = 2**20  # of a sheet of Excel
CELL = 50  # bytes that a value takes at most while it is read, beside the characters of a word
LEAST = 10  # bytes of a value in a workbook at least
BATCH = 64  # rows that are unpacked at once


def read_excel(path: Path, wanted: Wanted) -> Raw:
    """Read the first sheet of a workbook."""
    return _parse(path, _sheet, wanted, ("first sheet read",))


def read_arrow(path: Path, wanted: Wanted) -> Raw:
    """Read a Parquet or Feather file."""
    return _parse(path, _arrow, wanted)


def read_gct(path: Path, wanted: Wanted) -> Raw:
    """Read a GCT file: a version, the sizes, then Name, Description and the samples."""
    text = load_text(path)
    version, _, rest = text.data.partition(b"\n")
    sizes, _, table = rest.partition(b"\n")
    if version.strip() != b"#1.2":
        raise InputError(f"{path.name} is no GCT file of version 1.2; save it as CSV UTF-8")
    rows = sum(1 for line in table.split(b"\n") if line.strip()) - 1
    if not sizes.split() or sizes.split()[0] != str(rows).encode():
        raise InputError(
            f"{path.name} holds {rows} rows and says another number; it may be cut off, copy it "
            "again"
        )
    asked = wanted._replace(genes_in="rows")
    return parse(text._replace(data=table), asked, find_labels(path, wanted))


def parsed(path: Path, read: Callable[[Path], Any]) -> Any:
    """Have a library of the extra read a file, whatever kind of error it then raises."""
    needs("formats")
    try:
        with warnings.catch_warnings(action="ignore"):
            return read(path)
    except DeepnicError:
        raise
    except Exception as error:
        if is_refusal(error):
            raise
        raise InputError(
            f"{path.name} is damaged, or not what its suffix says; copy or save it again"
        ) from error


def _parse(
    path: Path, read: Callable[[Path], str], wanted: Wanted, notes: tuple[str, ...] = ()
) -> Raw:
    """Read a file as the text that it would be written as: ids and options as of any table."""
    data = parsed(path, read).encode("utf-8", "replace")
    return parse(Text(path.name, data, notes), wanted, find_labels(path, wanted))


def _sheet(path: Path) -> str:
    """Read the first sheet; a few bytes of it may promise any number of empty cells."""
    import openpyxl

    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    check_fits(f"{path.name}, unpacked,", CELL / LEAST * size)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    with path.open("rb") as file:  # which openpyxl would leave open where it fails
        sheet = openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets[0]
        sheet.reset_dimensions()  # what it says of its size may be wrong
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            if number >= ROWS:
                raise ValueError("Excel writes no such sheet")
            if number == 0 and any(isinstance(name, date) for name in row):
                raise InputError(
                    f"{path.name} has names that Excel made into dates, as of gene SEPT1; write "
                    "them as text"
                )
            writer.writerow([_as_shown(value) for value in _filled(row)])
            if number % BATCH == 0:
                check_fits(f"{path.name}, unpacked,", 2 * text.tell())
    return text.getvalue()


def _filled(row: Sequence[Any]) -> Sequence[Any]:
    last = next((k for k in range(len(row), 0, -1) if row[k - 1] is not None), 0)
    return row[:last]


def _as_shown(value: Any) -> Any:
    """Write whole numbers as such, which a workbook holds as 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _arrow(path: Path) -> str:
    """Read a Parquet or Feather file of numbers and words."""
    import pyarrow as pa

    schema, count, source = _batches(path)
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise InputError(
                f"{path.name} holds columns of {str(field.type)[:40]}, not of numbers and words; "
                "leave them out"
            )
    check_fits(f"{path.name}, unpacked,", CELL * count * len(schema))
    batches, held = [], 0
    for batch in source:
        batch.validate(full=True)  # else what its offsets point to would be read, whatever that is
        held += batch.nbytes
        check_fits(f"{path.name}, unpacked,", held)
        batches.append(batch)
    frame = pa.Table.from_batches(batches, schema).to_pandas()
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=frame.index.name or "")
    return frame.to_csv(sep="\t", index=False)


def _batches(path: Path) -> tuple[Any, int, Iterator[Any]]:
    """Columns, the number of rows by the headers, and the rows a few at once."""
    import pyarrow as pa
    from pyarrow import dataset, parquet

    if path.suffix.lower() == ".parquet":
        file = parquet.ParquetFile(path)
        return file.schema_arrow, file.metadata.num_rows, file.iter_batches(BATCH)
    reader = pa.ipc.open_file(str(path))
    count = dataset.dataset(path, format="feather").count_rows()
    return reader.schema, count, map(reader.get_batch, range(reader.num_record_batches))
