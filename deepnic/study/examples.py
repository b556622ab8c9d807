"""The pictures of a study: one gene and an observation of each class under each path."""

from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.assembly import assemble
from deepnic.columns import NO_FILTER
from deepnic.nic import rop_images
from deepnic.pixels import filter_pixels
from deepnic.store.forest import read_forest
from deepnic.study.cohorts import Split
from deepnic.study.fold import Fold, part_folder
from deepnic.study.settings import StudySettings


def example_images(split: Split, fold: Fold, folder: Path, settings: StudySettings) -> xr.Dataset:
    """Canvases of test observations and of a gene under each path, and the gene's base tiles.

    As the first pipeline shows them, whose forest is in the folder of the fold.
    The observations are the first at risk of the test fold and the first that is not, under the
    weakest filter by relevance; the gene is that of its first pixel. The gene's canvas holds the
    pixels that tell genes apart (structural and data filters, all genes of the fold's forest as
    items), ordered by their spread over the genes: ``observation_image(shown, path, row, column)``
    with ``label(shown)``, ``observation_there(path, row, column)``, whether a cell has a pixel,
    ``gene_image`` and ``gene_colour`` ``(path, gene_row, gene_column)`` and
    ``tile(combination, tree_size, weight_range)``.
    """
    state = split.cohort["state"].values
    of_states = [np.flatnonzero(split.test & (state == value))[:1] for value in (1, 0)]
    shown = np.concatenate(of_states)
    tables, paths = fold.pipelines[0].tables, settings.arms.paths
    table = tables[max(tables, key=lambda k: 0 if k == NO_FILTER else int(k))]
    forest = read_forest(part_folder(folder, 0) / "forest.zarr")
    gene = str(table["gene"].values[0])
    symbol = str(table["symbol"].values[0]) if "symbol" in table.coords else ""
    genes = filter_pixels(rop_images(forest, family="distinct"), fdr=None, k=10_000)
    place = int(np.flatnonzero(genes["item"].values == gene)[0])
    canvases = [assemble(table, path=path, seed=settings.seed) for path in paths]
    of_genes = [assemble(genes, path=path, seed=settings.seed) for path in paths]
    cells = ("path", "gene_row", "gene_column")
    base = rop_images(forest, family="base", genes=[gene]).compute().isel(gene=0)
    return xr.Dataset(
        {
            "observation_image": (
                ("shown", "path", "row", "column"),
                np.stack([canvas["image"].values[shown] for canvas in canvases], axis=1),
            ),
            "observation_there": (
                ("path", "row", "column"),
                np.stack([canvas["index"].values >= 0 for canvas in canvases]),
            ),
            "gene_image": (cells, np.stack([canvas["image"].values[place] for canvas in of_genes])),
            "gene_colour": (cells, np.stack([canvas["colour"].values for canvas in of_genes])),
            "tile": base["image"].drop_vars("gene"),
        },
        coords={
            "path": np.array(paths, object),
            "label": ("shown", split.cohort["label"].values[shown].astype(object)),
        },
        attrs={"gene": f"{gene} ({symbol})" if symbol else gene},
    )
