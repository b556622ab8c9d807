"""Which genes the images of a study are made of, and how often."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.explain.criteria import direction_of, lead_of_positive
from deepnic.nic import count_signatures
from deepnic.store.table import open_dataset
from deepnic.study.cohorts import Split

CHOSEN = "chosen.zarr"
"""In the folder of a pipeline: the genes of the pixels that its strictest filter keeps."""


def genes_of_pixels(table: xr.Dataset, forest: xr.Dataset) -> xr.Dataset:
    """Genes of a table's pixels, in the order of their names.

    ``share(gene)`` of the pixels, and ``lead(gene)``: by how many trees of the forest the gene is
    higher in the sick, less those by which it is lower.
    """
    gene, first, count = np.unique(table["gene"].values, return_index=True, return_counts=True)
    lead = lead_of_positive(count_signatures(forest.sel(gene=gene))["count"].values)
    chosen = xr.Dataset(
        {"share": ("gene", count / count.sum()), "lead": ("gene", lead)}, coords={"gene": gene}
    )
    if "symbol" not in table.coords:
        return chosen
    return chosen.assign_coords(symbol=("gene", table["symbol"].values[first]))


def chosen_genes(output: Path, splits: Iterable[Split]) -> pd.DataFrame:
    """List the genes whose pixels the strictest filter by relevance keeps, the most often first.

    A fit is the pipeline of a part of a training fold, under the true labels: no test label is seen
    by any. The direction is of all fits that choose the gene together, by the weights of its trees,
    as of `deepnic.rank_genes`. Empty where no filter is by relevance.

    Returns
    -------
    DataFrame
        cohort, gene, symbol (where there are any), direction, chosen, fits, pixels.
    """
    fits: dict[str, list[pd.DataFrame]] = {}
    for split in splits:
        if split.permutation < 0:
            for store in sorted((output / split.folder).glob(f"part-*/{CHOSEN}")):
                fit = open_dataset(store).reset_coords().to_dataframe().reset_index()
                fits.setdefault(split.name, []).append(fit)
    tables = [_of_cohort(of_cohort).assign(cohort=cohort) for cohort, of_cohort in fits.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _of_cohort(fits: list[pd.DataFrame]) -> pd.DataFrame:
    """Genes of one cohort."""
    table = pd.concat(fits).groupby("gene", sort=False)
    chosen = table.agg(
        chosen=("share", "size"), pixels=("share", "sum"), lead=("lead", "sum"),
        **({"symbol": ("symbol", "first")} if "symbol" in fits[0] else {}),
    )  # fmt: skip
    chosen["direction"] = direction_of(chosen.pop("lead").to_numpy())
    chosen[["chosen", "pixels"]] /= len(fits)
    chosen = chosen.assign(fits=len(fits)).reset_index()
    return chosen.sort_values(["chosen", "pixels", "gene"], ascending=[False, False, True])
