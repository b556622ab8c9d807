"""What pages of a chip have in common: genes, conditions, and what can be chosen."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from deepnic import __version__
from deepnic.atlas.genes import DIRECTIONS
from deepnic.atlas.images import describe_families
from deepnic.atlas.pack import packed, packed_words
from deepnic.explain.criteria import criteria

ROWS = 256  # genes whose criteria are worked out at a time


def describe_chip(
    counted: xr.Dataset, forest: xr.Dataset, known: pd.DataFrame, together: int
) -> dict[str, Any]:
    """Tell what every page needs: the list of genes, conditions, and what can be chosen.

    The counts of some genes, as many as ``together``, come in one script.
    """
    names = counted["gene"].values.astype(object)
    symbols = known.get("symbol", pd.Series("", names))
    if "symbol" in forest.coords:
        symbols = symbols.where(symbols != "", forest["symbol"].values)
    blocks = range(0, len(names), ROWS)
    parts = [criteria(counted["count"].values[k : k + ROWS]) for k in blocks]
    mean, strongest = (np.concatenate(part).T for part in zip(*parts, strict=True))
    chip = {
        "version": __version__,
        "trees": forest.sizes["draw"],
        "positive": str(forest.attrs["positive"]),
        "treeSizes": counted["tree_size"].values.tolist(),
        "weightRanges": counted["weight_range"].values.tolist(),
        "together": together,
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
