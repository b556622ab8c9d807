"""Files to a cohort, whatever their format."""

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.annotation import with_symbols
from deepnic.cohort.check import make_cohort, make_patients
from deepnic.cohort.classes import EACH, UNKNOWN, are_codes, find_positive
from deepnic.cohort.columns import (
    check_columns,
    find_groups,
    merge_duplicates,
    only_genes,
)
from deepnic.cohort.numbers import (
    check_log2,
    say_below_one,
    say_masked,
    say_names,
    say_scale,
)
from deepnic.cohort.pseudonyms import check_apart, default_key, pseudonymised
from deepnic.cohort.readers.labels import Apart, find_beside, read_facts
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import by_expression
from deepnic.cohort.readers.text import STATE_COLUMNS
from deepnic.cohort.sources import IN_MEMORY, path_of, take
from deepnic.errors import InputError


def read_cohort(
    source: str | PathLike[str] | pd.DataFrame,
    *,
    state: str | None = None,
    positive: str | None = None,
    log2: bool = False,
    groups: str | None = None,
    labels: Apart | None = None,
    genes_in: str | None = None,
    genes: str | PathLike[str] | None = None,
    genes_from: str | None = None,
    drop: str | Sequence[str] = (),
    duplicates: str | None = None,
    impute: str | None = None,
    annotation: Apart | None = None,
    layer: str | None = None,
    pseudonymise: bool | str | PathLike[str] = False,
) -> xr.Dataset:
    r"""Read expression values and states from a file, or take them from a DataFrame.

    Parameters
    ----------
    source : str, path or DataFrame
        A DataFrame is read as a table of text is. A file is one of

        - ``name.npz``: arrays ``X (observation, gene)``, ``genes`` and ``samples``, no pickled
          objects, with ``name.labels.csv`` beside it: columns ``sample_id`` and ``label`` (others
          are ignored), one row for each sample, in any order;
        - ``.csv``, ``.tsv`` or ``.txt``, gzipped or not: a header row, one row an observation, or
          one row a gene with the states in `labels`; comma, semicolon, tab or blanks between the
          columns, decimal point or comma (with a decimal comma, not a comma between the columns):
          found from the file. The files of the CRAN package ROP (``Id;ETAT;variables``) are of
          this kind;
        - a GEO series matrix (``.txt``, ``.txt.gz``);
        - ``.gct``, ``.xlsx`` (its first sheet), ``.parquet``, ``.feather``, ``.h5ad``.
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
        their patient: those of one group stay together in the folds of a study and in the bags
        of trees. Patients who occur twice in a column of that name beside the ids are groups by
        themselves.
    labels : str, path, DataFrame or Series, optional
        Table (text, Excel, Parquet, a series matrix) of the ids and the states, in any order; by
        default ``name.labels.csv`` beside the file, where it lies. Samples without a row there
        are to be predicted.
    genes_in : {"rows", "columns"}, optional
        What a row of a table is; by default found by the ids of `labels`, or by the name of the
        first column.
    genes : str or path, optional
        File of the names of the genes, one a line, or a regular expression that they match; other
        columns are left out. It also says that columns which look clinical are genes.
    genes_from : str, optional
        Column that names the genes, in a table of one row a gene, or in an AnnData's var; by
        default the first.
    drop : str or sequence of str, optional
        Columns, or samples of a table of one row a gene, to leave out.
    duplicates : {"mean", "max", "first"}, optional
        What becomes of genes of one name: their mean, the one of the largest mean, or the first.
    impute : {"median", "knn"}, optional
        What fills missing values, which are refused otherwise: the gene's median, or the mean of
        the 5 nearest observations; see `filled`. It is fitted where trees are grown, on the
        observations whose state is known there: in a study, on each fold's training part.
    annotation : str, path or DataFrame, optional
        Table of gene ids and symbols, such as a platform's: the coordinate ``symbol``. By default
        ``name.symbols.csv`` beside the file, where it lies, or a column of a usual name in a table
        of one row a gene, or in an AnnData's var.
    layer : str, optional
        Of an AnnData, the layer to read, or "raw"; by default X.
    pseudonymise : bool or path
        Put keyed hashes in the place of the ids of observations and groups; the key is this file,
        or with True one in ``~/.config/deepnic``, made if it is not there. It must not lie beside
        the data, and nobody else may read it.

    Returns
    -------
    Dataset
        As `make_cohort`: ``expression(observation, gene)`` float32, ``state(observation)`` int8,
        coordinates ``label`` and, with `groups`, ``group``, with symbols, ``symbol``;
        attributes ``positive``, ``constant_genes``, ``source`` (name of the file), ``id_column``
        ("" if the ids were made up), ``transform`` and ``notes`` (what was assumed, a line each).

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
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    path = path_of(source)
    name = path.name if path else IN_MEMORY
    apart = labels
    if labels is None and path and path.suffix != ".npz":  # whose reader asks for its own
        apart = find_beside(path, "labels")
    facts = None if apart is None else read_facts(apart)
    wanted = Wanted(state, groups, facts, genes_in, genes_from, drop, layer)
    raw = take(path or source, wanted)
    label = _column(name, raw, "state", state)
    raw, notes = _of_genes(name, raw, label, genes, duplicates)
    values, more = _on_log2(name, raw, log2)
    notes += more
    group = None if groups is None else _column(name, raw, "groups", groups)
    if group is None:
        group, more = find_groups(raw)
        notes += more
    if positive is None or positive == EACH:
        notes += _check_classes(name, label)
    cohort = make_cohort(values, label, raw.gene, raw.observation, positive=positive, group=group,
                         impute=impute)  # fmt: skip
    notes += _say_missing(cohort)
    if annotation is None and path:
        annotation = find_beside(path, "symbols")
    if annotation is None:
        annotation = raw.symbols
    if annotation is not None:
        cohort, more = with_symbols(cohort, annotation)
        notes += more
    cohort = _hidden(cohort, pseudonymise, path, apart)
    return cohort.assign_attrs(
        source=path.name if path else "given in memory", id_column=raw.id_column,
        transform="log2(max(x, 1))" if log2 else "none", notes="\n".join(notes),
    )  # fmt: skip


def _of_genes(
    name: str,
    raw: Raw,
    label: list[str],
    genes: str | PathLike[str] | None,
    duplicates: str | None,
) -> tuple[Raw, list[str]]:
    """Leave what is no gene, and one of each name; with all that was assumed until then."""
    notes = [*raw.notes]
    if genes is not None:
        before = len(raw.gene)
        raw = only_genes(raw, genes)
        if left := before - len(raw.gene):
            notes.append(f"{left} columns are no genes by genes=, and left out")
    elif raw.numeric:
        check_columns(name, raw, label)
    if duplicates is not None:
        raw, more = merge_duplicates(raw, duplicates)
        notes += more
    return raw, notes


def _on_log2(name: str, raw: Raw, log2: bool) -> tuple[np.ndarray, list[str]]:
    """Values, transformed if asked to, and what there is to say of them."""
    values, notes = raw.values, say_names(raw.gene) + say_masked(raw.values)
    if not log2:
        return values, notes + say_scale(values)
    check_log2(name, values)
    return np.log2(np.maximum(values, 1)), notes + say_below_one(values)


def _say_missing(cohort: xr.Dataset) -> list[str]:
    if "impute" not in cohort.attrs:
        return []
    missing = np.isnan(cohort["expression"].values)
    return [
        f"{missing.sum()} missing values in {missing.any(axis=0).sum()} genes, to be filled by "
        f"impute={cohort.attrs['impute']!r} from the observations that trees are grown on"
    ]


def from_anndata(
    adata: Any, *, state: str | None = None, layer: str | None = None, **how: Any
) -> xr.Dataset:
    """Take a cohort from an AnnData object: its X or a layer, obs and the names of its genes.

    Parameters
    ----------
    adata : AnnData
        Observations x genes.
    state : str, optional
        Column of obs that holds the states; by default ``label``, or the one of `STATE_COLUMNS`
        that occurs.
    layer : str, optional
        The layer to take, or "raw"; by default X.
    **how
        All else as in `read_cohort`.

    Returns
    -------
    Dataset
        As `read_cohort`.

    Raises
    ------
    InputError
        As `read_cohort`; no such layer or column, or X holds no numbers.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from anndata import AnnData
    >>> obs = pd.DataFrame({"condition": ["tumour", "normal"] * 2}, index=list("abcd"))
    >>> adata = AnnData(np.arange(8.0).reshape(4, 2), obs, pd.DataFrame(index=["g1", "g2"]))
    >>> from_anndata(adata, state="condition").state.values
    array([1, 0, 1, 0], dtype=int8)
    """
    return read_cohort(adata, state=state, layer=layer, **how)


def read_patients(
    source: str | PathLike[str] | pd.DataFrame,
    genes: Collection[str],
    *,
    log2: bool = False,
    genes_in: str | None = None,
    genes_from: str | None = None,
    drop: str | Sequence[str] = (),
    duplicates: str | None = None,
    layer: str | None = None,
    pseudonymise: bool | str | PathLike[str] = False,
) -> xr.Dataset:
    r"""Read the expression of patients to predict, of any format of `read_cohort`.

    Only the genes asked for are read, whichever way the table lies; states, and whatever else it
    holds, are left out.

    Parameters
    ----------
    source : str, path or DataFrame
    genes : collection of str
        Those that a network reads; not all need be there.
    log2, genes_in, genes_from, drop, duplicates, layer, pseudonymise
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
    known = frozenset(map(str, genes))
    path = path_of(source)
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    wanted = Wanted(None, None, None, genes_in, genes_from, drop, layer, known)
    raw = take(path or source, wanted)
    kept = [k for k, name in enumerate(raw.gene) if name in known]
    raw = raw._replace(values=raw.values[:, kept], gene=[raw.gene[k] for k in kept])
    notes = list(raw.notes)
    if duplicates is not None:
        raw, more = merge_duplicates(raw, duplicates)
        notes += more
    values = raw.values
    if log2:
        check_log2(path.name if path else IN_MEMORY, values)
        values = np.log2(np.maximum(values, 1))
    patients = make_patients(values, raw.gene, raw.observation)
    patients = _hidden(patients, pseudonymise, path)
    return patients.assign_attrs(
        source=path.name if path else "given in memory", id_column=raw.id_column,
        transform="log2(max(x, 1))" if log2 else "none", notes="\n".join(notes),
    )  # fmt: skip


def _hidden(
    cohort: xr.Dataset, pseudonymise: bool | str | PathLike[str], *sources: Any
) -> xr.Dataset:
    """Put pseudonyms in the place of ids, if asked to, by a key that lies beside no source."""
    if not pseudonymise:
        return cohort
    key = default_key() if pseudonymise is True else Path(pseudonymise)
    check_apart(key, *(Path(one) for one in sources if isinstance(one, str | PathLike)))
    return pseudonymised(cohort, key)


def _column(name: str, raw: Raw, option: str, column: str | None) -> list[str]:
    """Text of the column that an option names, or that is usual."""
    names = [str(one) for one in raw.facts]
    if option == "state" and column is None:
        column = raw.state or next((one for one in names if one.lower() == "label"), None)
        if column is None:
            ids = {"", *raw.observation}
            no_ids = [one for one in names if not raw.facts[one].isin(ids).all()]
            usual = [one for one in names if one.lower() in STATE_COLUMNS]
            usual = no_ids if len(no_ids) == 1 else usual
            if len(usual) != 1:
                some = ", ".join((usual or names)[:6])
                raise InputError(
                    f"{name}: the column of the states is not certain; say state= one of: {some}"
                )
            column = usual[0]
    elif option == "state":
        column = raw.state or column
    assert column is not None
    base, tilde, pattern = column.partition("~")
    if tilde and column not in raw.facts and base in raw.facts:
        return by_expression(raw.facts[base], pattern)
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
            f"example positive={second!r}"
        )
    return [f"{second!r} is state 1, as the later of two codes"] if are_codes(classes) else []
