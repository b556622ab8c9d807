"""Tables that a library parses: Excel, Parquet and Feather, GCT, AnnData."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers.files import Text, load_text
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import find_labels, match, parse
from deepnic.errors import InputError
from deepnic.extras import needs


def read_excel(path: Path, wanted: Wanted) -> Raw:
    """Read the first sheet of a workbook."""
    needs("formats")
    frame = _parsed(path, pd.read_excel, engine="openpyxl", keep_default_na=False, na_values=[""])
    dates = [column for column in frame if not isinstance(column, str)]
    if any(hasattr(column, "year") for column in dates):
        raise InputError(
            f"{path.name} has names that Excel made into dates, as of gene SEPT1; write "
            "them as text"
        )
    return _parse_frame(path, frame, wanted, ("first sheet read",))


def read_arrow(path: Path, wanted: Wanted) -> Raw:
    """Read a Parquet or Feather file."""
    needs("formats")
    read = pd.read_parquet if path.suffix.lower() == ".parquet" else pd.read_feather
    frame = _parsed(path, read)
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=frame.index.name or "")
    return _parse_frame(path, frame, wanted)


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


def read_anndata(path: Path, wanted: Wanted) -> Raw:
    """Read X of an AnnData file, with its obs as facts."""
    needs("formats")
    import anndata

    held = _parsed(path, anndata.read_h5ad)
    values = held.X.toarray() if hasattr(held.X, "toarray") else held.X
    observation, gene = held.obs_names.astype(str).tolist(), held.var_names.astype(str).tolist()
    facts = held.obs.astype(object).where(held.obs.notna(), "").astype(str).reset_index(drop=True)
    notes: tuple[str, ...] = ("X of the file read",)
    if (labels := find_labels(path, wanted)) is not None:
        facts, more = match(labels, observation)
        notes += more
    return Raw(np.asarray(values), gene, observation, facts, "obs_names", notes=notes)


def _parsed(path: Path, read: Any, **options: Any) -> Any:
    try:
        return read(path, **options)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path.name} is damaged, or not what its suffix says; copy or save it again"
        ) from error


def _parse_frame(
    path: Path, frame: pd.DataFrame, wanted: Wanted, notes: tuple[str, ...] = ()
) -> Raw:
    """Read a frame as the text that it would be written as: ids and options as of any table."""
    names = ["" if str(name).startswith("Unnamed: ") else str(name) for name in frame]
    data = frame.set_axis(names, axis=1).to_csv(sep="\t", index=False).encode()
    return parse(Text(path.name, data, notes), wanted, find_labels(path, wanted))
