"""Files to a cohort: NumPy archives with a labels file, and CSV tables."""

import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.check import make_cohort
from deepnic.cohort.readers.text import (
    check_file,
    find_layout,
    read_columns,
    read_numbers,
    to_numeric,
)
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


def read_cohort(
    path: str | PathLike[str],
    *,
    state: str | None = None,
    positive: str | None = None,
    log2: bool = False,
    groups: str | None = None,
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
    groups : str, optional
        Column, of the table or of the labels file, of what observations have in common, such as
        their patient: those of one group stay together in the folds of a study.

    Returns
    -------
    Dataset
        As `make_cohort`: ``expression(observation, gene)`` float32, ``state(observation)`` int8,
        coordinates ``label`` and, with `groups`, ``group``; attributes ``positive``,
        ``constant_genes``, ``source`` (name of the file), ``id_column`` ("" if the ids were made
        up) and ``transform``.

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
    check_file(path)
    match path.suffix.lower():
        case ".npz":
            raw = _read_archive(path, state or "label", groups)
        case ".csv" | ".tsv" | ".txt":
            raw = _read_table(path, state, groups)
        case suffix:
            raise InputError(
                f"{path.name} has the unknown suffix {suffix!r}; give a .npz, .csv, .tsv or .txt"
            )
    values = np.log2(np.maximum(raw.values, 1)) if log2 else raw.values
    cohort = make_cohort(
        values, raw.label, raw.gene, raw.observation, positive=positive, group=raw.group
    )
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
    group: list[str] | None


def read_labels(path: Path) -> pd.Series:
    """Read the first two columns of a table: labels by id, "" where there is none.

    Row names without a name before them (as R writes them) and columns behind them are left out.

    Raises
    ------
    InputError
        No such file, or not a table of at least two columns.
    """
    check_file(path)
    layout = find_layout(path)
    at = int(not layout.header[0] and len(layout.header) > 2)  # R's row names
    text, _ = read_columns(path, layout, {at, at + 1})
    return pd.Series(text[at + 1].to_numpy(), index=pd.Index(text[at]))


# --- NumPy archives


def _read_archive(path: Path, state: str, groups: str | None) -> _Raw:
    arrays = _load_arrays(path)
    values, gene, observation = (arrays[name] for name in ("X", "genes", "samples"))
    if values.dtype.kind not in "fiu" or (values.ndim, gene.ndim, observation.ndim) != (2, 1, 1):
        raise InputError(
            f"{path.name} holds X of dtype {values.dtype} and shape {values.shape}; save numbers "
            "(observation, gene), with lists of genes and samples"
        )
    observations = observation.astype(str).tolist()
    label, group = _read_labels(path.with_suffix(".labels.csv"), state, groups, observations)
    return _Raw(values, label, gene.astype(str).tolist(), observations, "samples", group)


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


def _read_labels(
    path: Path, state: str, groups: str | None, observations: list[str]
) -> tuple[list[str], list[str] | None]:
    """Return the label of each observation, matched by id, and its group."""
    if not path.is_file():
        raise InputError(
            f"the labels file {path.name} is missing beside the archive; write one with the "
            "columns sample_id and label"
        )
    check_file(path)
    layout = find_layout(path)
    id_at = _id_column(layout.header)
    if id_at is None:
        raise InputError(f"{path.name} has no column sample_id; add it")
    state_at = _column(path.name, layout.header, "state", state)
    group_at = state_at if groups is None else _column(path.name, layout.header, "groups", groups)
    text, _ = read_columns(path, layout, {id_at, state_at, group_at})
    text = text.set_index(id_at)
    twice = text.index[text.index.duplicated()].unique()
    without = pd.Index(observations).difference(text.index, sort=False)
    unknown = text.index.difference(pd.Index(observations), sort=False)
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
    text = text.loc[observations]
    return text[state_at].tolist(), None if groups is None else text[group_at].tolist()


# --- CSV tables


def _read_table(path: Path, state: str | None, groups: str | None) -> _Raw:
    layout = find_layout(path)
    header = layout.header
    state_at = _state_column(path.name, header, state)
    group_at = state_at if groups is None else _column(path.name, header, "groups", groups)
    facts = {state_at, group_at}
    id_at = _id_column(header)
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
    return _Raw(
        values=read_numbers(table, layout.decimal, gene, observation),
        label=text[state_at].tolist(),
        gene=gene,
        observation=observation,
        id_column=id_column,
        group=None if groups is None else text[group_at].tolist(),
    )


def _state_column(file: str, header: list[str], state: str | None) -> int:
    if state is not None:
        return _column(file, header, "state", state)
    lower = [name.lower() for name in header]
    found = next((name for name in STATE_COLUMNS if name in lower), None)
    if found is None:
        raise InputError(f"{file} has no state column; {_choose_column('state', header)}")
    return _column(file, lower, "state", found)


def _column(file: str, header: list[str], option: str, wanted: str) -> int:
    if wanted not in header:
        raise InputError(f"{file} has no column {wanted!r}; {_choose_column(option, header)}")
    if header.count(wanted) > 1:
        raise InputError(f"{file} has {header.count(wanted)} columns {wanted!r}; keep one of them")
    return header.index(wanted)


def _choose_column(option: str, header: list[str]) -> str:
    some = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
    return f"a row is one observation, and {option}= names one of the {len(header)} columns: {some}"


def _id_column(header: list[str]) -> int | None:
    names = [name.lower() for name in header]
    unnamed = 0 if not header[0] else None  # R's row names
    return next((names.index(name) for name in ID_COLUMNS if name in names), unnamed)


def _looks_like_ids(column: pd.Series, decimal: str) -> bool:
    """Tell ids, text or whole numbers that differ, from the values of a gene."""
    number = to_numeric(column, decimal)
    return bool(number.isna().all() or (column.is_unique and (number.dropna() % 1 == 0).all()))
