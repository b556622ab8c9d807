"""A cohort as a clean file, which `read_cohort` reads back as the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.readers.labels import beside
from deepnic.errors import InputError
from deepnic.extras import needs
from deepnic.files import check_new, whole


def check_output(output: Path) -> None:
    """Refuse a file of another format, or one that is there, before a cohort is read."""
    if output.suffix not in WRITERS:
        *others, last = WRITERS
        raise InputError(f"{output} is neither {', '.join(others)} nor {last}; name one of these")
    check_new(output)
    if output.suffix == ".npz":
        check_new(beside(output, "labels"))
    if output.suffix != ".h5ad":
        check_new(beside(output, "symbols"))
    if output.suffix == ".h5ad":
        needs("formats")


def write_cohort(cohort: xr.Dataset, output: Path) -> None:
    """Write expression, labels, groups and symbols, in the format of the suffix."""
    check_output(output)
    WRITERS[output.suffix](cohort, output)


def _write_symbols(cohort: xr.Dataset, output: Path) -> None:
    """Write the symbols beside a table, where they are found again."""
    if "symbol" in cohort.coords:
        with whole(beside(output, "symbols")) as partial:
            cohort["symbol"].to_series().to_csv(partial)


def _write_csv(cohort: xr.Dataset, output: Path) -> None:
    _write_symbols(cohort, output)
    with whole(output) as partial:
        ids, genes = cohort.indexes["observation"], cohort.indexes["gene"]
        _facts(cohort).join(pd.DataFrame(cohort["expression"].values, ids, genes)).to_csv(partial)


def _write_npz(cohort: xr.Dataset, output: Path) -> None:
    _write_symbols(cohort, output)
    genes, samples = (cohort[name].values.astype(str) for name in ("gene", "observation"))
    with whole(beside(output, "labels")) as partial:
        _facts(cohort).to_csv(partial)
    with whole(output) as partial, partial.open("wb") as file:
        np.savez_compressed(file, X=cohort["expression"].values, genes=genes, samples=samples)


def _write_h5ad(cohort: xr.Dataset, output: Path) -> None:
    symbols = {"symbol": cohort["symbol"].values} if "symbol" in cohort.coords else {}
    write_h5ad(cohort, pd.DataFrame(symbols, cohort["gene"].values, dtype=object), output)


def write_h5ad(cohort: xr.Dataset, var: pd.DataFrame, output: Path) -> None:
    """Write a cohort as AnnData, with these columns of its genes."""
    import h5py
    from anndata.io import write_elem

    # AnnData knows no strings of Arrow
    words: dict[Any, Any] = dict.fromkeys(var.select_dtypes("string"), object)
    genes = pd.Index(var.index, dtype=object, name="gene")
    with whole(output) as partial, h5py.File(partial, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(file, "X", cohort["expression"].values)
        write_elem(file, "obs", _facts(cohort))
        write_elem(file, "var", var.astype(words).set_axis(genes))


def _facts(cohort: xr.Dataset) -> pd.DataFrame:
    """What is known of each observation, under names that are found again."""
    ids = pd.Index(cohort["observation"].values, dtype=object, name="sample_id")
    facts = {"label": cohort["label"].values}
    if "group" in cohort.coords:
        facts["patient"] = cohort["group"].values
    return pd.DataFrame(facts, ids, dtype=object)


WRITERS: dict[str, Callable[[xr.Dataset, Path], None]] = {
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".h5ad": _write_h5ad,
}
"""What writes a file, by its suffix."""
