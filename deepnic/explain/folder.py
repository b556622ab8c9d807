"""The folder of a list of genes: tables for people, and for the programs they go on with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort.write import write_h5ad
from deepnic.columns import column_rows
from deepnic.errors import InputError
from deepnic.explain.criteria import HIGHER, LOWER
from deepnic.files import locked, read_json, whole, write_csv, write_json
from deepnic.manifest import seal, unseal
from deepnic.rop.origin import ORIGIN, sha256_of

ORIGIN_FILE = "origin.json"
NULL = "null"
"""Folder in it of the counts of permuted genes."""

SOMETIMES = ("conditions.csv", "companions.csv", "enrichment.csv", "genes.h5ad")
"""Files that are written if they were asked for."""

SHOWN = 50
"""Genes that a MultiQC report shows."""

MULTIQC = """\
# id: deepnic_genes
# section_name: deepnic genes
# description: '{title}'
# plot_type: table
"""


def open_folder(folder: Path, forest: xr.Dataset) -> None:
    """Make the folder of a forest's genes, or refuse one of another forest's or of something else.

    Raises
    ------
    InputError
        It holds something else.
    """
    mark = folder / ORIGIN_FILE
    sha256 = sha256_of(forest.attrs.get(ORIGIN))
    if not mark.is_file() and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something else; choose another path")
    if mark.is_file() and read_json(mark)["sha256"] != sha256:
        raise InputError(f"{folder} holds the genes of another forest; choose another path")
    if not mark.is_file():
        write_json(mark, {"sha256": sha256})


def write_genes(
    folder: Path, genes: pd.DataFrame, *, cohort: xr.Dataset | None = None, **others: pd.DataFrame
) -> None:
    """Write the list of `rank_genes`, and other tables by their names, with a manifest.

    ``genes.csv`` with ``columns.csv``, which explains every column of all; ``genes.rnk``, for
    enrichment by ranks; ``genes_mqc.tsv``, which MultiQC shows; of a cohort ``genes.h5ad``. What an
    earlier list had besides goes, as it is not of this one.
    """
    with locked(folder / "genes.csv"):
        unseal(folder)
        for name in SOMETIMES:
            (folder / name).unlink(missing_ok=True)
        tables: Mapping[str, pd.DataFrame] = {"genes": genes, **others}
        for name, table in tables.items():
            write_csv(folder / f"{name}.csv", table)
        write_csv(folder / "columns.csv", pd.DataFrame(column_rows(tables)))
        with whole(folder / "genes.rnk") as partial:
            partial.write_text(ranking(genes).to_csv(sep="\t", header=False))
        with whole(folder / "genes_mqc.tsv") as partial:
            partial.write_text(multiqc(genes))
        if cohort is not None:
            write_anndata(cohort, genes, folder / "genes.h5ad")
        files = ["columns.csv", "genes.rnk", "genes_mqc.tsv", *(f"{name}.csv" for name in tables)]
        seal(folder, [ORIGIN_FILE, NULL, *files, *["genes.h5ad"] * (cohort is not None)])


def ranking(genes: pd.DataFrame) -> pd.Series:
    """Signed scores by symbol, or by id where no gene has one, those highest in the sick first.

    The size is the score, or ``nic1`` without a null, and the sign the direction, or that of t
    where the trees have none. Of several probe sets of a symbol the one of the largest size counts,
    and those without a symbol are left out: enrichment takes each gene once.

    Examples
    --------
    >>> ranking(pd.DataFrame({"gene": ["1_at", "2_at"], "symbol": "A", "nic1": [0.5, 0.9],
    ...                       "direction": ["higher", ""], "t": [3, -2]})).to_dict()
    {'A': -0.9}
    """
    size = genes["score" if "score" in genes else "nic1"].clip(lower=0)
    sign = genes["direction"].map({HIGHER: 1, LOWER: -1}).fillna(np.sign(genes["t"]))
    name = genes["symbol"] if (genes["symbol"] != "").any() else genes["gene"]
    table = pd.DataFrame({"name": name, "size": size, "value": sign * size})[name != ""]
    table = table.sort_values("size", ascending=False, kind="stable").drop_duplicates("name")
    return table.set_index("name")["value"].sort_values(ascending=False, kind="stable")


def multiqc(genes: pd.DataFrame) -> str:
    """Lay out the first genes as custom content of MultiQC, which finds ``*_mqc.tsv``."""
    wanted = ["gene", "symbol", "direction", "score", "q", "nic1", "smallest", "t", "welch_q"]
    shown = genes.head(SHOWN)[[name for name in wanted if name in genes]]
    title = f"The first {len(shown)} of {len(genes)} genes by perfect trees"
    return MULTIQC.format(title=title) + shown.to_csv(sep="\t", index=False)


def write_anndata(cohort: xr.Dataset, genes: pd.DataFrame, file: Path) -> None:
    """Write a cohort as AnnData, and the list as columns of its var.

    Patients' ids are in it, as they are in the cohort.
    """
    write_h5ad(cohort, genes.set_index("gene").loc[cohort["gene"].values], file)
