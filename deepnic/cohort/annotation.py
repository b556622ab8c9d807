"""From the ids of genes, such as probe sets, to their symbols, by a table of the user's."""

from os import PathLike
from pathlib import Path

import xarray as xr

from deepnic.cohort.readers.labels import Apart, read_facts
from deepnic.errors import InputError

SYMBOLS = (
    "symbol", "gene symbol", "gene_symbol", "gene.symbol", "genesymbol", "symbols", "hgnc_symbol",
    "gene name", "gene_name", "external_gene_name",
)  # fmt: skip
"""Usual names of the column of symbols, in any case; the first that occurs is taken."""


def with_symbols(cohort: xr.Dataset, annotation: Apart) -> tuple[xr.Dataset, list[str]]:
    """Add the coordinate ``symbol`` of the genes, "" where the table has none; and say how many.

    Several symbols of a gene are joined by ///, as Affymetrix joins them.
    """
    name = Path(annotation).name if isinstance(annotation, str | PathLike) else "the annotation"
    table = read_facts(annotation)
    genes = cohort.indexes["gene"]
    ids = max(map(str, table), key=lambda column: table[column].isin(genes).sum())
    rows = table[table[ids].isin(genes)]
    if rows.empty:
        raise InputError(
            f"no column of {name} has an id of a gene; give a table with the ids of this cohort's "
            "genes and a column of symbols"
        )
    symbol = _symbol_column(name, [str(column) for column in table if column != ids])
    rows = rows[[ids, symbol]].replace({symbol: {"---": ""}}).drop_duplicates()
    rows = rows[rows[symbol] != ""]
    symbols = rows.groupby(ids)[symbol].agg(" /// ".join).reindex(genes).fillna("")
    cohort = cohort.assign_coords(symbol=("gene", symbols.to_numpy(object)))
    several = int(rows[ids].duplicated().sum())
    joined = f" ({several} further ones joined by ///)" if several else ""
    told = f"symbols of {(symbols != '').sum()} of {len(genes)} genes, from {name}{joined}"
    return cohort, [told]


def _symbol_column(name: str, columns: list[str]) -> str:
    lower = [column.lower() for column in columns]
    usual = [columns[lower.index(word)] for word in SYMBOLS if word in lower]
    if not usual and len(columns) != 1:
        raise InputError(
            f"{name} has no column of a usual name of symbols, and {len(columns)} others; call it "
            "symbol"
        )
    return (usual or columns)[0]
