"""Files to a cohort: NumPy archives with a labels file, and CSV tables."""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterable
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.check import make_cohort
from deepnic.errors import InputError

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

MISSING = ("", "NA", "N/A", "#N/A", "na", "n/a", "NaN", "nan")
"""What stands for a missing value; a missing label is to be predicted."""


def read_cohort(
    path: str | PathLike[str],
    *,
    state: str | None = None,
    positive: str | None = None,
    log2: bool = False,
) -> xr.Dataset:
    r"""Read a file of expression values and states.

    Parameters
    ----------
    path : str or path
        One of

        - ``name.npz``: arrays ``X (observation, gene)``, ``genes`` and ``samples``, no pickled
          objects, with ``name.labels.csv`` beside it: columns ``sample_id`` and ``label`` (others
          are ignored), one row for each sample, in any order;
        - ``.csv``, ``.tsv`` or ``.txt``: UTF-8, a header row, one row an observation; comma,
          semicolon or tab between the columns, decimal point or comma (with a decimal comma, not
          a comma between the columns): both are found from the file. The files of the CRAN
          package ROP (``Id;ETAT;variables``) are of this kind.
    state : str, optional
        Column of the states. By default ``label`` in a labels file, and in a table the first of
        `STATE_COLUMNS` that occurs. A state that is one of `MISSING` becomes -1:
        to be predicted.
    positive : str, optional
        The label that is state 1, against all others; see `make_cohort`.
    log2 : bool
        Take log2(max(x, 1)) of linear intensities. Nothing is transformed otherwise.

    Returns
    -------
    Dataset
        As `make_cohort`: ``expression(observation, gene)`` float32, ``state(observation)`` int8,
        coordinate ``label``; attributes ``positive``, ``constant_genes``, ``source`` (name of the
        file), ``id_column`` ("" if the ids were made up) and ``transform``.

    Raises
    ------
    InputError
        The file cannot be read, or what it holds is no cohort; the sentence says which rule was
        broken and what to do. It names one observation at most.

    Notes
    -----
    Ids of a table's observations are in the first of `ID_COLUMNS` that occurs (the others of them
    are left out, and so are R's row names), else in the first column if it holds text or whole
    numbers that differ, else they are obs_1, obs_2, ... All other columns are genes.
    The ROP layout is documented in that package's manual (Nguyen and Antonioli, ROP 1.0), the
    rest is ours.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "small.csv")
    ...     _ = path.write_text("Id;ETAT;g1;g2\n7;0;1,5;2\n8;0;2,5;2\n9;1;0;2\n12;1;0,5;2\n")
    ...     cohort = read_cohort(path)
    >>> cohort.observation.values.tolist(), cohort.state.values.tolist()
    (['7', '8', '9', '12'], [0, 0, 1, 1])
    >>> cohort.attrs["source"], cohort.attrs["constant_genes"]
    ('small.csv', 1)
    """
    path = Path(path)
    _check_file(path)
    match path.suffix.lower():
        case ".npz":
            raw = _read_archive(path, state or "label")
        case ".csv" | ".tsv" | ".txt":
            raw = _read_table(path, state)
        case suffix:
            raise InputError(
                f"{path.name} has the unknown suffix {suffix!r}; give a .npz, .csv, .tsv or .txt"
            )
    values = np.log2(np.maximum(raw.values, 1)) if log2 else raw.values
    cohort = make_cohort(values, raw.label, raw.gene, raw.observation, positive=positive)
    return cohort.assign_attrs(
        source=path.name,
        id_column=raw.id_column,
        transform="log2(max(x, 1))" if log2 else "none",
    )


class _Raw(NamedTuple):
    """What a file holds, before it is checked."""

    values: np.ndarray
    label: list[str]
    gene: list[str]
    observation: list[str]
    id_column: str


class _Layout(NamedTuple):
    """How a CSV file is written: its separators, and a name for each of its columns."""

    delimiter: str
    decimal: str
    header: list[str]


def read_labels(path: Path) -> pd.Series:
    """Read the first two columns of a table: labels by id, "" where there is none.

    Row names without a name before them (as R writes them) and columns behind them are left out.

    Raises
    ------
    InputError
        No such file, or not a table of at least two columns.
    """
    _check_file(path)
    layout = _layout(path)
    at = int(not layout.header[0] and len(layout.header) > 2)  # R's row names
    text, _ = _parse(path, layout, {at, at + 1})
    return pd.Series(text[at + 1].to_numpy(), index=pd.Index(text[at]))


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"no such file: {path}; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save or copy it again")


# --- NumPy archives


def _read_archive(path: Path, state: str) -> _Raw:
    arrays = _load_arrays(path)
    values, gene, observation = (arrays[name] for name in ("X", "genes", "samples"))
    if values.dtype.kind not in "fiu" or (values.ndim, gene.ndim, observation.ndim) != (2, 1, 1):
        raise InputError(
            f"{path.name} holds X of dtype {values.dtype} and shape {values.shape}; save numbers "
            "(observation, gene), with lists of genes and samples"
        )
    observations = observation.astype(str).tolist()
    label = _read_labels(path.with_suffix(".labels.csv"), state, observations)
    return _Raw(values, label, gene.astype(str).tolist(), observations, "samples")


def _load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read X, genes and samples; whatever the file holds, no code in it is run."""
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name} is damaged or no NumPy archive; copy or save it again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in ("X", "genes", "samples") if name not in archive]
            if missing:
                raise InputError(
                    f"{path.name} lacks the arrays {', '.join(missing)}; save X, genes and samples"
                )
            return {name: np.asarray(archive[name]) for name in ("X", "genes", "samples")}
    except InputError:
        raise
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise InputError(f"{path.name} is damaged; copy or save it again") from error
        raise InputError(
            f"{path.name} holds pickled objects, which could run code and are refused; save genes "
            "and samples as arrays of str"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{path.name} is damaged; copy or save it again") from error


def _read_labels(path: Path, state: str, observations: list[str]) -> list[str]:
    """Return the label of each observation, matched by id."""
    if not path.is_file():
        raise InputError(
            f"the labels file {path.name} is missing beside the archive; write one with the "
            "columns sample_id and label"
        )
    _check_file(path)
    layout = _layout(path)
    id_at = _id_column(layout.header)
    if id_at is None:
        raise InputError(f"{path.name} has no column sample_id; add it")
    state_at = _state_column(path.name, layout.header, state)
    text, _ = _parse(path, layout, {id_at, state_at})
    label = pd.Series(text[state_at].to_numpy(), index=pd.Index(text[id_at]))
    twice = label.index[label.index.duplicated()].unique()
    without = pd.Index(observations).difference(label.index, sort=False)
    unknown = label.index.difference(pd.Index(observations), sort=False)
    for ids, what in (
        (twice, f"sample ids occur more than once in {path.name}"),
        (without, f"observations have no row in {path.name}"),
        (unknown, f"sample ids of {path.name} are no observation of the archive"),
    ):
        if len(ids):
            raise InputError(
                f"{len(ids)} {what} (first: {ids[0]!r}); give each observation one row with its "
                "sample_id"
            )
    return label.loc[observations].tolist()


# --- CSV tables


def _read_table(path: Path, state: str | None) -> _Raw:
    layout = _layout(path)
    header = layout.header
    state_at = _state_column(path.name, header, state)
    id_at = _id_column(header)
    ids = {k for k, name in enumerate(header) if name.lower() in ID_COLUMNS or not (k or name)}
    text, table = _parse(path, layout, {state_at} | (ids or {0}))
    if id_at is None and state_at != 0:
        if _looks_like_ids(text[0], layout.decimal):
            id_at = 0
        else:  # the first column is a gene
            text, table = _parse(path, layout, {state_at})
    if id_at is None:
        observation, id_column = [f"obs_{k}" for k in range(1, len(table) + 1)], ""
    else:
        observation, id_column = text[id_at].tolist(), header[id_at] or "row names"
    gene = [header[int(k)] for k in table.columns]
    return _Raw(
        values=_numbers(table, layout.decimal, gene, observation),
        label=text[state_at].tolist(),
        gene=gene,
        observation=observation,
        id_column=id_column,
    )


def _layout(path: Path) -> _Layout:
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
    return _Layout(delimiter, decimal, [name.strip() for name in header])


def _decimal(delimiter: str, lines: Iterable[str]) -> str:
    """Return the mark in the first broken number, which follows a delimiter."""
    broken = re.compile(
        rf'{delimiter}\s*"?[-+]?\d*([.,])\d+(?:[eE][-+]?\d+)?"?\s*(?={delimiter}|$)'
    )
    return next((found[1] for line in lines if (found := broken.search(line))), ".")


def _not_utf8(path: Path) -> InputError:
    return InputError(f"{path.name} is not UTF-8 text; save it as CSV UTF-8")


def _parse(path: Path, layout: _Layout, text: set[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def _state_column(file: str, header: list[str], state: str | None) -> int:
    if state is not None:
        names, wanted = header, [state]
    else:
        names, wanted = [name.lower() for name in header], list(STATE_COLUMNS)
    found = next((name for name in wanted if name in names), None)
    if found is None:
        some = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
        what = "state column" if state is None else f"column {state!r}"
        raise InputError(
            f"{file} has no {what}; a row is one observation, and state= names one of the "
            f"{len(header)} columns: {some}"
        )
    if names.count(found) > 1:
        raise InputError(f"{file} has {names.count(found)} columns {found!r}; keep one of them")
    return names.index(found)


def _id_column(header: list[str]) -> int | None:
    names = [name.lower() for name in header]
    unnamed = 0 if not header[0] else None  # R's row names
    return next((names.index(name) for name in ID_COLUMNS if name in names), unnamed)


def _looks_like_ids(column: pd.Series, decimal: str) -> bool:
    """Tell ids, text or whole numbers that differ, from the values of a gene."""
    number = _to_numeric(column, decimal)
    return bool(number.isna().all() or (column.is_unique and (number.dropna() % 1 == 0).all()))


def _to_numeric(text: pd.Series, decimal: str) -> pd.Series:
    """Read numbers with this decimal mark only; what is none becomes NaN."""
    if decimal == ",":  # swap the marks, so that 1.234 is no number either
        text = text.str.translate(str.maketrans(",.", ".,"))
    return pd.to_numeric(text, errors="coerce")


def _numbers(
    table: pd.DataFrame, decimal: str, gene: list[str], observation: list[str]
) -> np.ndarray:
    """Return the values as float32; NaN where nothing is written, an error where text is."""
    is_text = np.array([kind.kind not in "iuf" for kind in table.dtypes], bool)
    if is_text.any():
        text = table.loc[:, is_text].astype(str)
        numbers = text.apply(_to_numeric, decimal=decimal)
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
