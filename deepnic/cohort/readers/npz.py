"""NumPy archives, with a labels file beside them."""

import zipfile
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from deepnic.cohort.check import check_words
from deepnic.cohort.readers.files import load_text
from deepnic.cohort.readers.labels import beside
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import match
from deepnic.cohort.readers.text import find_layout, read_columns
from deepnic.errors import InputError
from deepnic.files import is_refusal


def read_archive(path: Path, wanted: Wanted) -> Raw:
    """Read an archive and its labels file; see `read_cohort`."""
    arrays = _load_arrays(path)
    values, gene, observation = (arrays[name] for name in ("X", "genes", "samples"))
    if values.dtype.kind not in "fiu" or (values.ndim, gene.ndim, observation.ndim) != (2, 1, 1):
        raise InputError(
            f"{path.name} holds X of dtype {values.dtype} and shape {values.shape}; save numbers "
            "(observation, gene), with lists of genes and samples"
        )
    for name, ids in (("genes", gene), ("samples", observation)):
        if ids.dtype.kind not in "Uiu":
            raise InputError(
                f"{path.name} holds {name} of dtype {ids.dtype}; save them as arrays of str"
            )
        check_words(name, ids.astype(str))
    observations = observation.astype(str).tolist()
    genes = gene.astype(str).tolist()
    if wanted.known:
        facts = pd.DataFrame(index=range(len(observations)))
        return Raw(values, genes, observations, facts, "samples")
    if wanted.labels is not None:
        facts, notes = match(wanted.labels, observations)
        return Raw(values, genes, observations, facts, "samples", notes=notes)
    facts = _read_labels(beside(path, "labels"), wanted, observations)
    return Raw(values, genes, observations, facts, "samples", wanted.state or "label")


def _load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read X, genes and samples; whatever the file holds, no code in it is run."""
    with path.open("rb") as opened:  # which tells of a file that may not be read
        if not zipfile.is_zipfile(opened):
            raise InputError(f"{path.name} is damaged or no NumPy archive; copy or save it again")
    try:
        _check_promises(path)
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in ("X", "genes", "samples") if name not in archive]
            if missing:
                raise InputError(
                    f"{path.name} lacks the arrays {', '.join(missing)}; save X, genes and samples"
                )
            return {name: np.asarray(archive[name]) for name in ("X", "genes", "samples")}
    except InputError:
        raise
    except Exception as error:  # zipfile, its codecs and NumPy's headers raise many kinds
        if is_refusal(error):
            raise
        raise InputError(f"{path.name} is damaged; copy or save it again") from error


def _check_promises(path: Path) -> None:
    """Read what the arrays promise to hold, before any is read."""
    promised = 0
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len({part.filename for part in parts}) < len(parts):
            raise ValueError("two of its arrays have one name")
        for part in parts:
            with archive.open(part) as opened:
                # NumPy writes later versions for structured arrays alone; theirs may be of any size
                is_plain = np.lib.format.read_magic(opened) == (1, 0)
                shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
                held = part.file_size - opened.tell()
            if dtype.names or not is_plain:
                raise InputError(
                    f"{path.name} holds the structured array {part.filename}; save X as numbers, "
                    "genes and samples as str"
                )
            if dtype.hasobject:
                raise InputError(
                    f"{path.name} holds pickled objects, which could run code and are refused; "
                    "save genes and samples as arrays of str"
                )
            if prod(shape) * dtype.itemsize != held:
                raise ValueError("it holds another number of values than it promises")
            promised += held
    free = psutil.virtual_memory().available
    if promised > free:
        raise InputError(
            f"the arrays of {path.name} take {promised / 1e9:,.1f} GB, and this machine has "
            f"{free / 1e9:,.1f} GB free; take a larger machine, or fewer genes"
        )


def _read_labels(path: Path, wanted: Wanted, observations: list[str]) -> pd.DataFrame:
    """Return what is said of each observation, matched by id."""
    if not path.is_file():
        raise InputError(
            f"the labels file {path.name} is missing beside the archive; write one with the "
            "columns sample_id and label"
        )
    source = load_text(path)
    layout = find_layout(source)
    id_at = layout.find_id()
    if id_at is None:
        raise InputError(f"{path.name} has no column sample_id; add it")
    layout.find("state", wanted.state or "label")
    if wanted.groups is not None:
        layout.find("groups", wanted.groups)
    text, _ = read_columns(source, layout, {*range(len(layout.header))})
    text = text.set_index(id_at)
    ids = pd.Index(observations)
    for is_wrong, what in (
        (text.index.duplicated(), f"sample ids occur more than once in {path.name}"),
        (~ids.isin(text.index), f"observations have no row in {path.name}"),
        (~text.index.isin(ids), f"sample ids of {path.name} are no observation of the archive"),
    ):
        if is_wrong.any():
            raise InputError(
                f"{is_wrong.sum()} {what} (first: number {is_wrong.argmax() + 1}); give each "
                "observation one row with its sample_id"
            )
    facts = text.loc[observations].set_axis(
        [name for k, name in enumerate(layout.header) if k != id_at], axis=1
    )
    return facts.loc[:, ~facts.columns.duplicated()].reset_index(drop=True)
