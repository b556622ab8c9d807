"""The folder of an atlas: pages as they lie in ``pages``, and the data of one forest."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic import __version__
from deepnic.atlas.genes import DIRECTIONS, most_alike, read_known
from deepnic.atlas.images import describe_families, layouts, packed_family
from deepnic.atlas.map import place_genes
from deepnic.atlas.pack import least_unsigned, packed, packed_words, write_data
from deepnic.compute import under_way
from deepnic.explain.criteria import criteria
from deepnic.files import as_path, check_new, whole
from deepnic.nic import count_signatures
from deepnic.nic.families import FAMILIES

TOGETHER = 256  # genes of a script, which is loaded when one of them is looked at


def write_atlas(
    forest: xr.Dataset,
    folder: str | Path,
    *,
    genes: str | Path | None = None,
    title: str = "a forest",
) -> Path:
    """Write pages of all genes of a forest, which open from a folder, without a server.

    No observation is in them: what trees say of genes, in counts, and nothing of votes or states.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.
    folder : path
        To make; it appears whole.
    genes : path, optional
        A list of the forest's genes (CSV, column ``gene``), whose columns ``symbol``, ``q`` and
        ``direction`` are shown where it has them.
    title : str
        What the forest is called in the pages.

    Returns
    -------
    Path
        The page to open, ``index.html`` in the folder.

    Raises
    ------
    InputError
        The folder holds something, or the list of genes is not one of this forest.

    Notes
    -----
    Images and criteria: as of `rop_images`. Which genes are alike, and their map: ours.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     page = deepnic.write_atlas(forest, f"{place}/atlas")
    ...     page.name, page.is_file()
    ('index.html', True)
    """
    folder = as_path(folder)
    check_new(folder)
    with under_way("counting signatures"):
        counted = count_signatures(forest).load()
    names = counted["gene"].values.astype(object)
    known = pd.DataFrame(index=names) if genes is None else read_known(genes, names)
    with whole(folder) as partial:
        with as_file(files("deepnic.atlas") / "pages") as pages:
            shutil.copytree(pages, partial)
        data = partial / "data"
        data.mkdir()
        _write_genes(data, counted, forest.sizes["draw"])
        write_data(data, "chip", _chip(counted, forest, known) | {"title": title})
        with under_way("making the map"):
            places, method = place_genes(counted["count"].values)
            write_data(data, "map", {"places": packed(places), "method": method})
        for name in FAMILIES:
            write_data(data, f"family-{name}", packed_family(name))
        with under_way("laying pixels along the paths"):
            for name, path, layout in layouts(counted):
                write_data(data, f"layout-{name}-{path}", layout)
    return folder / "index.html"


def _chip(counted: xr.Dataset, forest: xr.Dataset, known: pd.DataFrame) -> dict[str, Any]:
    """What every page needs: the list of genes, conditions, and what can be chosen."""
    names = counted["gene"].values.astype(object)
    symbols = known.get("symbol", pd.Series("", names))
    if "symbol" in forest.coords:
        symbols = symbols.where(symbols != "", forest["symbol"].values)
    blocks = range(0, len(names), TOGETHER)
    parts = [criteria(counted["count"].values[k : k + TOGETHER]) for k in blocks]
    mean, strongest = (np.concatenate(part).T for part in zip(*parts, strict=True))
    chip = {
        "version": __version__,
        "trees": forest.sizes["draw"],
        "positive": str(forest.attrs["positive"]),
        "treeSizes": counted["tree_size"].values.tolist(),
        "weightRanges": counted["weight_range"].values.tolist(),
        "together": TOGETHER,
        "names": packed_words(names),
        "symbols": packed_words(symbols),
        "mean": packed(mean.astype(np.float32)),
        "strongest": packed(strongest),
    }
    if "direction" in known:
        codes = pd.Categorical(known["direction"], DIRECTIONS).codes
        chip["direction"] = packed(codes.astype(np.uint8))
    if "q" in known:
        chip["q"] = packed(known["q"].to_numpy(np.float64))
    return chip | describe_families()


def _write_genes(data: Path, counted: xr.Dataset, n_trees: int) -> None:
    """Counts of all genes, some to a script, and who is most alike to each."""
    counts = counted["count"].values
    rows = counts.reshape(len(counts), -1).astype(least_unsigned(n_trees))
    alike, trees = map(np.concatenate, zip(*most_alike(counts), strict=True))
    for number, first in enumerate(range(0, len(rows), TOGETHER)):
        part = slice(first, first + TOGETHER)
        genes = {
            "counts": packed(rows[part]),
            "alike": packed(alike[part].astype(np.uint32)),
            "trees": packed(trees[part].astype(np.uint32)),
        }
        write_data(data, f"genes-{number}", genes)
