"""Tables that a library parses: Excel, Parquet and Feather; and GCT.

What a file promises to hold is judged by its headers, and what it holds while it is read: a small
file may unpack to more than the memory.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers.files import Text, check_fits, load_text
from deepnic.cohort.readers.frames import frame_table
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import parse
from deepnic.cohort.readers.text import Table, text_table
from deepnic.errors import DeepnicError, InputError
from deepnic.extras import needs
from deepnic.files import is_refusal

ROWS = 2**20  # of a sheet of Excel
CELL = 50  # bytes that a value takes at most while it is read, beside the characters of a word
LEAST = 10  # bytes of a value in a workbook at least
BATCH = 256  # rows that are unpacked at once


def read_excel(path: Path, wanted: Wanted) -> Raw:
    """Read the first sheet of a workbook."""
    return parse(excel_table(path), wanted)


def read_arrow(path: Path, wanted: Wanted) -> Raw:
    """Read a Parquet or Feather file."""
    return parse(arrow_table(path), wanted)


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
    return parse(text_table(text._replace(data=table)), asked)


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


def excel_table(path: Path) -> Table:
    """Take the first sheet of a workbook as the text that it would be written as."""
    data = parsed(path, _sheet).encode("utf-8", "replace")
    return text_table(Text(path.name, data, ("first sheet read",)))


def arrow_table(path: Path) -> Table:
    """Take the columns of a Parquet or Feather file, numbers as they are."""
    return frame_table(path.name, parsed(path, _arrow))


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


def _arrow(path: Path) -> pd.DataFrame:
    """Read a Parquet or Feather file of numbers and words."""
    import pyarrow as pa

    schema, count, source = _batches(path)
    kinds = [field.type for field in schema]
    for kind in kinds:
        held = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_nested(held) or pa.types.is_binary(held) or pa.types.is_large_binary(held):
            raise InputError(
                f"{path.name} holds columns of {str(kind)[:40]}, not of numbers and words; "
                "leave them out"
            )
    check_fits(f"{path.name}, unpacked,", CELL * count * len(schema))
    is_number = [
        pa.types.is_integer(kind) or kind in (pa.float32(), pa.float64()) for kind in kinds
    ]
    at_number = [k for k, is_one in enumerate(is_number) if is_one]
    at_word = [k for k, is_one in enumerate(is_number) if not is_one]
    numbers, words, size = [], [], 0
    for batch in source:
        batch.validate(full=True)  # else what its offsets point to would be read, whatever that is
        size += batch.get_total_buffer_size()
        check_fits(f"{path.name}, unpacked,", size)
        if at_number:  # at once: pandas takes longer for 54,675 columns than it takes to read them
            numbers.append(np.asarray(batch.select(at_number).to_tensor(null_to_nan=True)))
        words.append(batch.select(at_word).to_pandas(ignore_metadata=True))
    parts = [pd.concat(words, ignore_index=True).set_axis(at_word, axis=1)]
    if at_number:
        parts.append(pd.DataFrame(np.concatenate(numbers), columns=at_number))
    frame = pd.concat(parts, axis=1)
    first = _index_columns(schema)
    rest = [k for k in range(len(schema)) if k not in first]
    names = [re.sub(r"__index_level_\d+__", "", schema[k].name) for k in first]
    return frame[[*first, *rest]].set_axis([*names, *(schema[k].name for k in rest)], axis=1)


def _index_columns(schema: Any) -> list[int]:
    """Numbers of the columns that pandas wrote the names of the rows in."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return [schema.get_field_index(name) for name in index if isinstance(name, str)]


def _batches(path: Path) -> tuple[Any, int, Iterator[Any]]:
    """Columns, the number of rows by the headers, and the rows a few at once."""
    import pyarrow as pa
    from pyarrow import dataset, parquet

    if path.suffix.lower() == ".parquet":
        file = parquet.ParquetFile(path)
        count = file.metadata.num_rows
        if count <= BATCH and file.num_row_groups == 1:  # which takes half the time
            return file.schema_arrow, count, iter(file.read_row_group(0).to_batches())
        return file.schema_arrow, count, file.iter_batches(BATCH)
    reader = pa.ipc.open_file(str(path))
    count = dataset.dataset(path, format="feather").count_rows()
    return reader.schema, count, map(reader.get_batch, range(reader.num_record_batches))
