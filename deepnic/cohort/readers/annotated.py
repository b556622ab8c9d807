"""AnnData files: X, what obs says of the observations, and the names of the genes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers.files import check_fits
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.sheets import parsed
from deepnic.cohort.readers.tables import find_labels, match

WORD = 64  # bytes that a word of a file takes at least


def read_anndata(path: Path, wanted: Wanted) -> Raw:
    """Read X of an AnnData file, with its obs as facts."""
    values, genes, obs = parsed(path, _load)
    gene, observation = genes.astype(str).tolist(), obs.index.astype(str).tolist()
    facts = obs.astype(object).where(obs.notna(), "").astype(str).reset_index(drop=True)
    notes: tuple[str, ...] = ("X of the file read",)
    if (labels := find_labels(path, wanted)) is not None:
        facts, more = match(labels, observation)
        notes += more
    return Raw(values, gene, observation, facts, "obs_names", notes=notes)


def _load(path: Path) -> tuple[np.ndarray, pd.Index, pd.DataFrame]:
    import h5py
    from anndata.io import read_elem
    from scipy import sparse

    with h5py.File(path) as file:
        names = ("X", "obs", "var")
        check_fits(f"{path.name}, unpacked,", sum(_held(file, name) for name in names))
        values, obs, var = (read_elem(file[name]) for name in names)
    if sparse.issparse(values):
        values.check_format(full_check=True)  # indices may point anywhere
        values = values.toarray()
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise ValueError("X is of no numbers")
    return values, var.index, obs


def _held(group: Any, name: str) -> float:
    """Bytes that a part promises to take once it is read; it may lie in this file only."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError("it names another file")
    part = group[name]
    if isinstance(part, h5py.Group):
        dense = 8.0 * np.prod(part.attrs["shape"], dtype=float) if "indptr" in part else 0
        return dense + sum(_held(part, inner) for inner in part)
    if part.external or part.is_virtual:
        raise ValueError("it names another file")
    return part.size * float(part.dtype.itemsize if part.dtype.kind != "O" else WORD)
