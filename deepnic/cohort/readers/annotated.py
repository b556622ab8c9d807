"""AnnData, in memory and as files: values, what obs says of the observations, names of genes."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers.files import check_fits
from deepnic.cohort.readers.frames import as_written
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.sheets import parsed
from deepnic.cohort.readers.tables import find_symbols, match
from deepnic.errors import InputError

WORD = 64  # bytes that a word of a file takes at least
RAW = "raw"  # what the values before the choice of genes are called as a layer


def read_h5ad(path: Path, wanted: Wanted) -> Raw:
    """Read X or a layer of an AnnData file, with its obs as facts."""
    values, var, obs = parsed(path, partial(_load, layer=wanted.layer))
    return _raw(path.name, values, var, obs, wanted)


def read_anndata(adata: Any, wanted: Wanted) -> Raw:
    """Take X or a layer of an AnnData object, with its obs as facts."""
    layer = wanted.layer
    name = "the AnnData object"
    if layer == RAW and adata.raw is not None:
        values, var = adata.raw.X, adata.raw.var
    else:
        held = {**adata.layers} if layer else {None: adata.X}
        _check_layer(name, layer, held)
        values, var = held[layer], adata.var
    if getattr(adata, "isbacked", False):
        values = values[:]
    if values is None:
        raise InputError(f"{name} has no X; say layer= one of {', '.join(adata.layers) or RAW}")
    check_fits(f"{name}, as a table,", 8.0 * np.prod(values.shape, dtype=float))
    return _raw(name, _dense(values), var, adata.obs, wanted)


def _raw(
    name: str, values: np.ndarray, var: pd.DataFrame, obs: pd.DataFrame, wanted: Wanted
) -> Raw:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{name} holds values that are no numbers; convert them first")
    genes = var.index.astype(str).tolist()
    if (column := wanted.genes_from) is not None:
        if column not in var:
            raise InputError(
                f"{name}: what is said of the genes has no column {column!r}; genes_from= names "
                f"one of {', '.join(map(str, [*var][:6])) or 'none'}"
            )
        genes = as_written(var[column]).tolist()
    symbols, named = None, find_symbols([str(column) for column in var])
    if named is not None and named != column:
        symbols = as_written(var[named]).set_axis(genes).rename(named)
    observation = obs.index.astype(str).tolist()
    facts = obs.apply(as_written).set_axis(obs.columns.astype(str), axis=1).reset_index(drop=True)
    notes: tuple[str, ...] = (f"layer {wanted.layer!r} read" if wanted.layer else "X read",)
    if wanted.labels is not None:
        facts, more = match(wanted.labels, observation)
        notes += more
    return Raw(values, genes, observation, facts, "obs_names", notes=notes,
               symbols=symbols, heeds=("genes_from", "layer"))  # fmt: skip


def _check_layer(name: str, layer: str | None, held: Any) -> None:
    if layer not in held:
        raise InputError(
            f"{name} has no layer {layer!r}; layer= names one of "
            f"{', '.join(map(str, held)) or 'none: leave it out'}, or {RAW}"
        )


def _dense(values: Any) -> np.ndarray:
    from scipy import sparse

    if sparse.issparse(values):
        values.check_format(full_check=True)  # indices may point anywhere
        values = values.toarray()
    return np.asarray(values)


def _load(path: Path, layer: str | None) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        values, var = "X", "var"
        if layer == RAW and RAW in file:
            values, var = "raw/X", "raw/var"
        elif layer:
            _check_layer(path.name, layer, file.get("layers", {}))
            values = f"layers/{layer}"
        elif "X" not in file:
            raise InputError(f"{path.name} has no X; say layer= one of its layers, or {RAW}")
        names = (values, var, "obs")
        check_fits(f"{path.name}, unpacked,", sum(_held(file, name) for name in names))
        read, genes, obs = (read_elem(file[name]) for name in names)
    return _dense(read), genes, obs


def _held(group: Any, name: str) -> float:
    """Bytes that a part promises to take once it is read; it may lie in this file only."""
    import h5py

    first, _, rest = name.partition("/")
    if not isinstance(group.get(first, getlink=True), h5py.HardLink):
        raise ValueError("it names another file")
    part = group[first]
    if rest:
        return _held(part, rest)
    if isinstance(part, h5py.Group):
        dense = 8.0 * np.prod(part.attrs["shape"], dtype=float) if "indptr" in part else 0
        return dense + sum(_held(part, inner) for inner in part)
    if part.external or part.is_virtual:
        raise ValueError("it names another file")
    return part.size * float(part.dtype.itemsize if part.dtype.kind != "O" else WORD)
