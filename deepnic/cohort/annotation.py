"""From the ids of genes, such as probe sets, to their symbols, by a table of the user's."""

from os import PathLike
from pathlib import Path

import pandas as pd
import xarray as xr

from deepnic.cohort.readers.labels import read_facts
from deepnic.errors import InputError

SYMBOLS = (
    "symbol", "gene symbol", "gene_symbol", "gene.symbol", "genesymbol", "symbols", "hgnc_symbol",
    "gene name", "gene_name", "external_gene_name",
)  # fmt: skip
"""Usual names of the column of symbols, in any case; the first that occurs is taken."""


def with_symbols(
    cohort: xr.Dataset, annotation: str | PathLike[str] | pd.DataFrame
) -> tuple[xr.Dataset, list[str]]:
    """Add the coordinate ``symbol`` of the genes, "" where the table has none; and say how many."""
    name = "the annotation"
    if not isinstance(annotation, pd.DataFrame):
        name = Path(annotation).name
    table = read_facts(annotation)
    genes = cohort.indexes["gene"]
    ids = max(table, key=lambda column: table[column].isin(genes).sum())
    rows = table[table[ids].isin(genes)]
    if rows.empty:
        raise InputError(
            f"no column of {name} has an id of a gene; give a table with the ids of this cohort's "
            "genes and a column of symbols"
        )
    symbol = _symbol_column(name, [str(column) for column in table if column != ids])
    rows = rows[[ids, symbol]].drop_duplicates()
    if (twice := rows[ids].duplicated()).any():
        raise InputError(
            f"{twice.sum()} genes have several symbols in {name} (first: "
            f"{rows[ids][twice].iloc[0]!r}); give each gene one row"
        )
    symbols = rows.set_index(ids)[symbol].reindex(genes).fillna("").replace("---", "")
    cohort = cohort.assign_coords(symbol=("gene", symbols.to_numpy(object)))
    return cohort, [f"symbols of {(symbols != '').sum()} of {len(genes)} genes, from {name}"]


def _symbol_column(name: str, columns: list[str]) -> str:
    lower = [column.lower() for column in columns]
    usual = [columns[lower.index(word)] for word in SYMBOLS if word in lower]
    if not usual and len(columns) != 1:
        raise InputError(
            f"{name} has no column of a usual name of symbols, and {len(columns)} others; call it "
            "symbol"
        )
    return (usual or columns)[0]
