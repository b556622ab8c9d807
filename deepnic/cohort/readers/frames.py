"""Tables in memory: DataFrames, a user's or what a library made of a file."""

from functools import partial
from typing import Any

import pandas as pd

from deepnic.cohort.check import check_words
from deepnic.cohort.readers.text import Layout, Table
from deepnic.errors import InputError


def frame_table(name: str, frame: pd.DataFrame, notes: tuple[str, ...] = ()) -> Table:
    """Take a DataFrame as a table; what its rows are named by is its first column."""
    if max(frame.columns.nlevels, frame.index.nlevels) > 1:
        raise InputError(f"{name} has names of several levels; make them one")
    if not isinstance(frame.index, pd.RangeIndex):
        name_of_rows = "" if frame.index.name is None else frame.index.name
        frame = frame.reset_index(names=name_of_rows, allow_duplicates=True)
    header = [str(column).strip() for column in frame.columns]
    check_words(f"columns of {name}", header)
    if len(frame) == 0 or len(header) < 2:
        raise InputError(f"{name} has {len(frame)} rows and {len(header)} columns; give a table")
    return Table(Layout(name, "", ".", header), partial(_columns, frame), notes)


def as_written(column: pd.Series) -> pd.Series:
    """Words of a column, as a table of text would have them."""
    return column.astype(object).map(_word).astype(object)


def _columns(frame: pd.DataFrame, text: set[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    words = {k: as_written(frame.iloc[:, k]).to_numpy() for k in sorted(text)}
    others = [k for k in range(frame.shape[1]) if k not in text]
    numbers = frame.iloc[:, others].set_axis(others, axis=1).reset_index(drop=True)
    kinds = frame.dtypes.tolist()
    for k in (k for k in others if kinds[k].kind == "O"):  # None is no number either
        numbers[k] = as_written(numbers[k])
    return pd.DataFrame(words, range(len(frame)), dtype=object), numbers


def _word(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
