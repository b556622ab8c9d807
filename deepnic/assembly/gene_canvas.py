"""Canvases of genes that are never made: places for all pixels of a family, and the counts."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.assembly.canvas import fit_assembly
from deepnic.assembly.orders import ORDERS
from deepnic.assembly.paths import PATHS, shuffle
from deepnic.errors import InputError, choose
from deepnic.nic.families import Family, colour_codes
from deepnic.nic.families import family as family_of_name
from deepnic.nic.genes import expand
from deepnic.variables import (
    CANVAS_COLOUR,
    CANVAS_COUNT,
    CANVAS_INDEX,
    COUNT,
    describe,
    expect,
    validate,
)

SAMPLE = 256  # genes that similarity is measured on
MOST_COMPARED = 20_000  # pixels; a greedy order compares each with all others


def assemble_counts(
    counts: xr.Dataset,
    *,
    family: str = "distinct",
    path: str = "linear",
    order: str | ArrayLike | None = None,
    unit: str = "pixel",
    seed: int = 0,
) -> xr.Dataset:
    """Choose places for all pixels of the genes' images, and leave the images to who needs them.

    A gene's counts hold its whole ROP-image in some hundred bytes: a network makes the canvases of
    a batch where it runs, and none is stored.

    Parameters
    ----------
    counts : Dataset
        From `deepnic.nic.count_signatures`; may bring `state(gene)`.
    family : {"distinct", "base", "combinations", "all"}
        Combinations on the canvas, see `deepnic.nic.family`; under 18 conditions the 510 distinct
        ones fill 96 x 96 cells and all 59,049 fill 1,031 x 1,031.
    path, order, unit, seed
        See `fit_assembly`. The order called "relevance" is the family's own, fewest criteria
        first, each under all conditions. Similarity is measured on 256 training genes.

    Returns
    -------
    Dataset
        `count(item, tree_size, weight_range, signature)` uint16, in memory; `index(row, column)`
        int32, position of a pixel in the flattened axes (combination, tree_size, weight_range) of
        `rop_images`, -1 where there is none; `colour(row, column)` int8; attributes family, path,
        order, unit and seed.

    Raises
    ------
    InputError
        An unknown name, or an order by similarity of more than 20,000 pixels.

    Examples
    --------
    >>> import deepnic
    >>> from deepnic.nic import count_signatures
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3, 5], tree_sizes=[3, 4])
    >>> canvas = assemble_counts(count_signatures(forest), path="snail")
    >>> canvas["count"].shape, canvas["index"].shape
    ((30, 2, 2, 37), (46, 46))
    """
    expect(counts, "counts")
    validate(counts, {"count": COUNT})
    members = family_of_name(family)
    items = counts.rename(gene="item").load()
    pixels = _places(items, members)
    n_pixels = pixels.sizes["pixel"]
    pixels = pixels.assign(value=(("item", "pixel"), np.empty((0, n_pixels), np.float32)))
    # tiles are of one and any gene
    pixels = pixels.assign_coords(gene=("pixel", np.zeros(n_pixels, np.int8)))
    order = PATHS[choose("path", path, PATHS)].order if order is None else order
    if isinstance(order, str) and ORDERS[choose("order", order, ORDERS)].compares:
        pixels = pixels.assign(value=(("item", "pixel"), _sample(items, members, seed)))
    assembly = fit_assembly(pixels, path=path, order=order, unit=unit, seed=seed)
    colour = colour_codes(members.label)[pixels["combination"].values]
    along = [("item",), ("tree_size",), ("weight_range",)]
    canvas = xr.Dataset(
        {
            "count": (CANVAS_COUNT.dims, items["count"].values),
            "index": (CANVAS_INDEX.dims, assembly.index),
            "colour": (CANVAS_COLOUR.dims, assembly.apply_codes(colour)),
        },
        coords={name: c for name, c in items.coords.items() if c.dims in along},
        attrs={"family": family, **assembly.attrs},
    )
    return describe(canvas, "count canvas")


def pixel_table(counts: xr.Dataset, members: Family) -> xr.Dataset:
    """All pixels of a family of some genes, in the order of `assemble_counts`' ``index``."""
    places = _places(counts, members)
    label = np.array(members.label, object)[places["combination"].values]
    return places.assign(
        value=(("item", "pixel"), _values(counts["count"].values, members))
    ).assign_coords(item=counts["gene"].values, combination=("pixel", label))


def _places(counts: xr.Dataset, members: Family) -> xr.Dataset:
    """Number of the combination, and the condition, of each pixel of a family."""
    sizes, ranges = counts["tree_size"].values, counts["weight_range"].values
    combination, tree_size, weight_range = np.indices(
        (len(members), len(sizes), len(ranges))
    ).reshape(3, -1)
    return xr.Dataset(
        coords={
            "pixel": np.arange(combination.size),
            "combination": ("pixel", combination),
            "tree_size": ("pixel", sizes[tree_size]),
            "weight_range": ("pixel", ranges[weight_range]),
        }
    )


def _values(counts: NDArray[np.uint16], members: Family) -> NDArray[np.float32]:
    """Pixels of counts (gene, ..., signature), in the order of `_places`: (gene, pixel)."""
    return expand(counts, members).reshape(len(counts), -1)


def _sample(items: xr.Dataset, members: Family, seed: int) -> NDArray[np.float32]:
    """Pixels of some training genes, (gene, pixel)."""
    size = len(members) * items.sizes["tree_size"] * items.sizes["weight_range"]
    if size > MOST_COMPARED:
        raise InputError(
            f"an order by similarity compares each of {size:,} pixels with all others; take at "
            f'most {MOST_COMPARED:,} (family="distinct"), or order="relevance"'
        )
    training = np.arange(items.sizes["item"])
    if "state" in items.coords:
        training = training[items["state"].values >= 0]
    drawn = training[shuffle(training.size, seed)[:SAMPLE]]
    return _values(items["count"].values[drawn], members)
