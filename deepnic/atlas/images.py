"""What pages need to make a gene's images from its counts: functions, places, colours, words."""

from typing import Any

import numpy as np
import xarray as xr

from deepnic.assembly import ORDERS, PATHS, assemble_counts
from deepnic.assembly.canvas import Assembly
from deepnic.assembly.gene_canvas import MOST_COMPARED
from deepnic.atlas.pack import packed
from deepnic.nic.families import COLOURS, FAMILIES, colour_codes
from deepnic.nic.families import family as family_of_name
from deepnic.report.figures.palettes import MEANINGS, PALETTES
from deepnic.rop.signatures import CRITERIA

WORDS = {
    "base": "the 30 published images",
    "distinct": "the 510 functions that differ",
    "combinations": "the 59,019 other combinations",
    "all": "all 59,049 combinations",
}


def describe_families() -> dict[str, Any]:
    """Families, paths and palettes that a page offers, criteria and colours, in words."""
    return {
        "families": {name: WORDS[name] for name in FAMILIES},
        "paths": {name: path.words for name, path in PATHS.items()},
        "criteria": [
            {"short": f"NIC{k}", "name": name, "rule": rule}
            for k, (name, rule) in enumerate(CRITERIA, 1)
        ],
        "meanings": [MEANINGS[colour] for colour in COLOURS],
        "palettes": {
            name: {
                "zero": palette.zero,
                "one": [palette.one[colour] for colour in COLOURS],
                "undefined": palette.undefined,
                "words": palette.words,
            }
            for name, palette in PALETTES.items()
        },
    }


def packed_family(name: str) -> dict[str, Any]:
    """Functions of a family: which sets of signatures each divides, its criteria and its colour.

    The criteria of (A | B) are one number, whose k-th digit to the base 3 is 1 where criterion
    k + 1 is in A, 2 where it is in B.
    """
    members = family_of_name(name)
    functions = members.quotients
    return {
        "published": members.published,
        "sets": packed(functions.sets.astype(np.uint8)),
        "above": packed(functions.above.astype(np.uint8)),
        "below": packed(functions.below.astype(np.uint8)),
        "roles": packed(np.array([_roles(label) for label in members.label], np.uint16)),
        "colour": packed(colour_codes(members.label).astype(np.uint8)),
    }


def packed_layout(counts: xr.Dataset, family: str, path: str) -> dict[str, Any]:
    """Cells of the pixels of a family along a path, as a network sees them of the same genes.

    That are side, order and cells, each as the distance (modulo 2**32) from the cell of the pixel
    before, which packs well.
    """
    conditions = counts.sizes["tree_size"] * counts.sizes["weight_range"]
    few = len(family_of_name(family)) * conditions <= MOST_COMPARED
    order = PATHS[path].order
    order = order if few and ORDERS[order].compares else "relevance"
    canvas = assemble_counts(counts, family=family, path=path, order=order)
    at = Assembly(canvas["index"].values, np.nan, path, order, "pixel", 0)
    cells = np.ravel_multi_index(tuple(at.cells.T), at.index.shape).astype(np.uint32)
    steps = np.diff(cells, prepend=np.uint32(0))
    return {"side": len(at.index), "order": order, "cells": packed(steps)}


def _roles(label: str) -> int:
    event, given = ([int(k) - 1 for k in part.split("+") if k] for part in label.split("|"))
    return sum(3**k for k in event) + 2 * sum(3**k for k in given)
