"""From the ids of genes, such as probe sets, to their symbols, by a table of the user's."""

from os import PathLike
from pathlib import Path

import pandas as pd
import xarray as xr

from deepnic.cohort.readers.labels import Apart, read_facts
from deepnic.cohort.readers.tables import find_symbols
from deepnic.errors import InputError


def with_symbols(cohort: xr.Dataset, annotation: Apart) -> tuple[xr.Dataset, list[str]]:
    """Add the coordinate ``symbol`` of the genes, "" where the table has none; and say how many.

    Several symbols of a gene are joined by ///, as Affymetrix joins them.
    """
    name = "the annotation"
    if isinstance(annotation, str | PathLike):
        name = Path(annotation).name
    elif isinstance(annotation, pd.Series):
        name = f"its column {annotation.name!r}"
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
    usual = find_symbols(columns)
    if usual is None and len(columns) != 1:
        raise InputError(
            f"{name} has no column of a usual name of symbols, and {len(columns)} others; call it "
            "symbol"
        )
    return usual or columns[0]
