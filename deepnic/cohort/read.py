"""Files to a cohort, whatever their format."""

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.check import make_cohort, make_patients
from deepnic.cohort.classes import UNKNOWN, are_codes, find_positive
from deepnic.cohort.columns import (
    check_columns,
    check_log2,
    find_groups,
    merge_duplicates,
    only_genes,
    say_scale,
)
from deepnic.cohort.pseudonyms import check_apart, default_key, pseudonymised
from deepnic.cohort.readers import READERS
from deepnic.cohort.readers.files import check_file
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.text import STATE_COLUMNS
from deepnic.errors import InputError


def read_cohort(
    path: str | PathLike[str],
    *,
    state: str | None = None,
    positive: str | None = None,
    log2: bool = False,
    groups: str | None = None,
    labels: str | PathLike[str] | None = None,
    genes_in: str | None = None,
    genes: str | PathLike[str] | None = None,
    genes_from: str | None = None,
    drop: str | Sequence[str] = (),
    duplicates: str | None = None,
    pseudonymise: bool | str | PathLike[str] = False,
) -> xr.Dataset:
    r"""Read a file of expression values and states.

    Parameters
    ----------
    path : str or path
        One of

        - ``name.npz``: arrays ``X (observation, gene)``, ``genes`` and ``samples``, no pickled
          objects, with ``name.labels.csv`` beside it: columns ``sample_id`` and ``label`` (others
          are ignored), one row for each sample, in any order;
        - ``.csv``, ``.tsv`` or ``.txt``, gzipped or not: a header row, one row an observation, or
          one row a gene with the states in `labels`; comma, semicolon, tab or blanks between the
          columns, decimal point or comma (with a decimal comma, not a comma between the columns):
          found from the file. The files of the CRAN package ROP (``Id;ETAT;variables``) are of
          this kind;
        - a GEO series matrix (``.txt``, ``.txt.gz``);
        - ``.gct``, ``.xlsx`` (its first sheet), ``.parquet``, ``.feather``, ``.h5ad`` (X and obs).
    state : str, optional
        Column of the states. By default ``label`` in a labels file, and in a table the first of
        `STATE_COLUMNS` that occurs. Of a series matrix, a ``!Sample_`` line by its name, a key of
        the characteristics, or ``NAME~REGEX``: what the first group of the expression finds in
        that line, or whether it is found. A state that says it is not known becomes -1: to be
        predicted.
    positive : str, optional
        The label that is state 1, against all others; see `make_cohort`.
    log2 : bool
        Take log2(max(x, 1)) of linear intensities. Nothing is transformed otherwise.
    groups : str, optional
        Column, of the table or of the labels file, of what observations have in common, such as
        their patient: those of one group stay together in the folds of a study. Patients who
        occur twice in a column of that name beside the ids are groups by themselves.
    labels : str or path, optional
        Table of text with the ids and the states, in any order; by default ``name.labels.csv``
        beside the file, where it lies. Samples without a row there are to be predicted.
    genes_in : {"rows", "columns"}, optional
        What a row of a table is; by default found by the ids of `labels`, or by the name of the
        first column.
    genes : str or path, optional
        File of the names of the genes, one a line, or a regular expression that they match; other
        columns are left out. It also says that columns which look clinical are genes.
    genes_from : str, optional
        Column that names the genes, in a table of one row a gene; by default the first.
    drop : str or sequence of str, optional
        Columns, or samples of a table of one row a gene, to leave out.
    duplicates : {"mean", "max", "first"}, optional
        What becomes of genes of one name: their mean, the one of the largest mean, or the first.
    pseudonymise : bool or path
        Put keyed hashes in the place of the ids of observations and groups; the key is this file,
        or with True one in ``~/.config/deepnic``, made if it is not there. It must not lie beside
        the data, and nobody else may read it.

    Returns
    -------
    Dataset
        As `make_cohort`: ``expression(observation, gene)`` float32, ``state(observation)`` int8,
        coordinates ``label`` and, with `groups`, ``group``; attributes ``positive``,
        ``constant_genes``, ``source`` (name of the file), ``id_column`` ("" if the ids were made
        up), ``transform`` and ``notes`` (what was assumed, a line each).

    Raises
    ------
    InputError
        The file cannot be read, or what it holds is no cohort; the sentence says which rule was
        broken and what to do. It names no observation, but tells its number.

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
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    wanted = Wanted(state, groups, Path(labels) if labels else None, genes_in, genes_from, drop)
    raw = _leave_out(_read(path, wanted), drop)
    label = _column(path.name, raw, "state", state)
    notes = list(raw.notes)
    if genes is None:
        if raw.numeric:
            check_columns(path.name, raw, label)
    else:
        raw = only_genes(raw, genes)
    if duplicates is not None:
        raw, more = merge_duplicates(raw, duplicates)
        notes += more
    values = np.asarray(raw.values)
    if log2:
        check_log2(path.name, values)
        values = np.log2(np.maximum(values, 1))
    else:
        notes += say_scale(values)
    group = None if groups is None else _column(path.name, raw, "groups", groups)
    if group is None:
        group, more = find_groups(raw)
        notes += more
    if positive is None:
        notes += _check_classes(path.name, label)
    cohort = make_cohort(values, label, raw.gene, raw.observation, positive=positive, group=group)
    if pseudonymise:
        key = default_key() if pseudonymise is True else Path(pseudonymise)
        check_apart(key, path, *([wanted.labels] if wanted.labels else []))
        cohort = pseudonymised(cohort, key)
    return cohort.assign_attrs(
        source=path.name, id_column=raw.id_column, transform="log2(max(x, 1))" if log2 else "none",
        notes="\n".join(notes),
    )  # fmt: skip


def read_patients(
    path: str | PathLike[str],
    genes: Collection[str],
    *,
    log2: bool = False,
    genes_in: str | None = None,
    genes_from: str | None = None,
    drop: str | Sequence[str] = (),
    duplicates: str | None = None,
    pseudonymise: bool | str | PathLike[str] = False,
) -> xr.Dataset:
    r"""Read the expression of patients to predict, of any format of `read_cohort`.

    Only the genes asked for are read, whichever way the table lies; states, and whatever else it
    holds, are left out.

    Parameters
    ----------
    path : str or path
    genes : collection of str
        Those that a network reads; not all need be there.
    log2, genes_in, genes_from, drop, duplicates, pseudonymise
        See `read_cohort`. Left out, the column that names most of the genes names them.

    Returns
    -------
    Dataset
        ``expression(observation, gene)`` float32, NaN where it is missing, ``state`` -1 throughout,
        with the attributes of `read_cohort`.

    Raises
    ------
    InputError
        The file cannot be read, holds none of the genes, or one of them twice.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "new.csv")
    ...     _ = path.write_text("id,age,g2,g1\nnew,55,1.5,2\n")
    ...     patients = read_patients(path, ["g1", "g2", "g3"])
    >>> patients.gene.values.tolist(), patients.expression.values
    (['g2', 'g1'], array([[1.5, 2. ]], dtype=float32))
    """
    path, known = Path(path), frozenset(map(str, genes))
    check_file(path)
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    raw = _leave_out(
        _read(path, Wanted(genes_in=genes_in, genes_from=genes_from, drop=drop, known=known)), drop
    )
    kept = [k for k, name in enumerate(raw.gene) if name in known]
    raw = raw._replace(values=np.asarray(raw.values)[:, kept], gene=[raw.gene[k] for k in kept])
    notes = list(raw.notes)
    if duplicates is not None:
        raw, more = merge_duplicates(raw, duplicates)
        notes += more
    values = np.asarray(raw.values)
    if log2:
        check_log2(path.name, values)
        values = np.log2(np.maximum(values, 1))
    patients = make_patients(values, raw.gene, raw.observation)
    if pseudonymise:
        key = default_key() if pseudonymise is True else Path(pseudonymise)
        check_apart(key, path)
        patients = pseudonymised(patients, key)
    return patients.assign_attrs(
        source=path.name, id_column=raw.id_column, transform="log2(max(x, 1))" if log2 else "none",
        notes="\n".join(notes),
    )  # fmt: skip


def _read(path: Path, wanted: Wanted) -> Raw:
    """Read by the suffix, unless the first bytes say that it lies."""
    name = path.name.lower()
    suffix = max((known for known in READERS if name.endswith(known)), key=len, default=None)
    if suffix is None:
        *others, last = READERS
        raise InputError(
            f"{path.name} has the unknown suffix {path.suffix!r}; give a {', '.join(others)} or "
            f"{last}"
        )
    with path.open("rb") as file:
        first = file.read(8)
    text = suffix.partition(".gz")[0] in (".csv", ".tsv", ".txt", ".gct")
    for sign, what in (
        (b"PK\3\4", "a workbook of Excel or an archive"),
        (b"PAR1", "a Parquet file"),
        (b"ARROW1", "a Feather file"),
        (b"\x89HDF", "an HDF5 file, such as .h5ad"),
        (b"\xd0\xcf\x11\xe0", "an old workbook of Excel"),
    ):
        if text and first.startswith(sign):
            raise InputError(
                f"{path.name} is {what}, whatever its suffix says; rename it, or save it "
                "as CSV UTF-8"
            )
    raw = READERS[suffix](path, wanted)
    if np.shape(raw.values) != (len(raw.observation), len(raw.gene)):
        raise InputError(
            f"{path.name} holds values of shape {np.shape(raw.values)}, with "
            f"{len(raw.observation)} observations and {len(raw.gene)} genes; they must agree"
        )
    return raw


def _column(name: str, raw: Raw, option: str, column: str | None) -> list[str]:
    """Text of the column that an option names, or that is usual."""
    names = [str(one) for one in raw.facts]
    if option == "state" and column is None:
        column = raw.state or next((one for one in names if one.lower() == "label"), None)
        if column is None:
            usual = [one for one in names if one.lower() in STATE_COLUMNS]
            if len(usual) != 1:
                some = ", ".join((usual or names)[:6])
                raise InputError(
                    f"{name}: the column of the states is not certain; say state= (--state) one "
                    f"of: {some}"
                )
            column = usual[0]
    elif option == "state":
        column = raw.state or column
    if column not in raw.facts:
        raise InputError(
            f"{name}: what is said of the observations has no column {column!r}; {option}= names "
            f"one of {', '.join(names[:6])}"
        )
    return raw.facts[column].tolist()


def _check_classes(name: str, label: Sequence[str]) -> list[str]:
    """Refuse two classes of which no rule knows which is state 1."""
    classes = {one for one in label if one.lower() not in UNKNOWN}
    if len(classes) != 2:
        return []
    first, second = sorted(classes)
    if find_positive(classes) is None:
        raise InputError(
            f"{name}: which of {first!r} and {second!r} is state 1 is not known; say it, for "
            f"example positive={second!r} (--positive)"
        )
    return [f"{second!r} is state 1, as the later of two codes"] if are_codes(classes) else []


def _leave_out(raw: Raw, drop: Sequence[str]) -> Raw:
    """Leave out genes and observations by name; a name that is none is an error."""
    known = {*raw.gene, *raw.observation, *map(str, raw.facts), *raw.dropped}
    if unknown := [k for k, name in enumerate(drop, 1) if name not in known]:
        raise InputError(
            f"name number {unknown[0]} of drop= (--drop) is no column, gene or observation; "
            "correct it"
        )
    genes = ~pd.Index(raw.gene).isin([*drop])
    rows = ~pd.Index(raw.observation).isin([*drop])
    if genes.all() and rows.all():
        return raw
    return raw._replace(
        values=np.asarray(raw.values)[rows][:, genes],
        gene=[name for name, kept in zip(raw.gene, genes, strict=True) if kept],
        observation=[name for name, kept in zip(raw.observation, rows, strict=True) if kept],
        facts=raw.facts[rows].reset_index(drop=True),
    )
