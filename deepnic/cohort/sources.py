"""A file or what is in memory, of any kind, to the columns that it holds."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers import READERS
from deepnic.cohort.readers.annotated import read_anndata
from deepnic.cohort.readers.files import check_file
from deepnic.cohort.readers.frames import frame_table
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import parse
from deepnic.errors import InputError

IN_MEMORY = "the table"
"""Name of what has no file, in sentences."""


def path_of(source: Any) -> Path | None:
    """Path of a source that is a file, which must be there; None of what is in memory."""
    if not isinstance(source, str | PathLike):
        return None
    path = Path(source)
    check_file(path)
    return path


def take(source: Any, wanted: Wanted) -> Raw:
    """Columns of a source, without those to drop; an option that says nothing of it is refused."""
    if isinstance(source, Path):
        name, raw = source.name, _read(source, wanted)
    else:
        name, raw = IN_MEMORY, _of_memory(source, wanted)
    _check_used(name, raw, wanted)
    values = np.asarray(raw.values)
    # NumPy's logarithms and means of narrow numbers, such as int8, are rounded to float16
    values = values.astype(np.result_type(values, np.float32), copy=False)
    return _leave_out(raw._replace(values=values), wanted.drop)


def _of_memory(source: Any, wanted: Wanted) -> Raw:
    """Take what is in memory."""
    if isinstance(source, pd.DataFrame):
        return parse(frame_table(IN_MEMORY, source), wanted)
    if hasattr(source, "obs_names"):
        return read_anndata(source, wanted)
    raise InputError(
        f"a cohort is read from a file, a DataFrame or an AnnData, not from {type(source).__name__}"
        "; give one of these"
    )


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


def _check_used(name: str, raw: Raw, wanted: Wanted) -> None:
    """Refuse an option that says something of another kind of table than this one."""
    for option, value in (
        ("genes_in", wanted.genes_in), ("genes_from", wanted.genes_from), ("layer", wanted.layer)
    ):  # fmt: skip
        if value is not None and option not in raw.heeds:
            raise InputError(f"{name} is no table that {option}= says something of; leave it out")


def _leave_out(raw: Raw, drop: Sequence[str]) -> Raw:
    """Leave out genes and observations by name; a name that is none is an error."""
    known = {*raw.gene, *raw.observation, *map(str, raw.facts), *raw.dropped}
    if unknown := [k for k, name in enumerate(drop, 1) if name not in known]:
        raise InputError(
            f"name number {unknown[0]} of drop= is no column, gene or observation; correct it"
        )
    genes = ~pd.Index(raw.gene).isin([*drop])
    rows = ~pd.Index(raw.observation).isin([*drop])
    if genes.all() and rows.all():
        return raw
    return raw._replace(
        values=raw.values[rows][:, genes],
        gene=[name for name, kept in zip(raw.gene, genes, strict=True) if kept],
        observation=[name for name, kept in zip(raw.observation, rows, strict=True) if kept],
        facts=raw.facts[rows].reset_index(drop=True),
    )
