"""ROP-images of genes: expanded lazily from counts of signatures, never stored."""

from collections.abc import Sequence

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.nic import families
from deepnic.nic.families import Family, evaluate
from deepnic.rop.signatures import N_SIGNATURES
from deepnic.variables import COUNT, FOREST, IMAGE, MOST_TREES, describe, expect, validate

BLOCK_BYTES = 32e6
"""Bytes of one chunk of images, about."""


def count_signatures(forest: xr.Dataset) -> xr.Dataset:
    """Count the trees of each gene, condition and signature: every ROP-image, losslessly.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.

    Returns
    -------
    Dataset
        ``count(gene, tree_size, weight_range, signature)`` uint16, as lazy as the forest.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    >>> counts = count_signatures(forest)
    >>> counts["count"].shape, bool((counts["count"].sum("signature") == 5).all())
    ((30, 1, 1, 37), True)
    """
    check_forest(forest)
    count = xr.apply_ufunc(
        _histogram,
        forest["signature"].chunk(draw=-1) if forest.chunks else forest["signature"],
        input_core_dims=[["draw"]],
        output_core_dims=[["signature"]],
        dask="parallelized",
        output_dtypes=[np.uint16],
        dask_gufunc_kwargs={"output_sizes": {"signature": N_SIGNATURES}},
    )
    counts = xr.Dataset({"count": count.transpose(*COUNT.dims)}, attrs=forest.attrs)
    return describe(counts, "counts")


def rop_images(
    forest: xr.Dataset, *, family: str = "all", genes: Sequence[str] | None = None
) -> xr.Dataset:
    """ROP-images of genes.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.
    family : {"base", "combinations", "all", "distinct"}
        See `deepnic.nic.family`.
    genes : sequence of str, optional
        Only these.

    Returns
    -------
    Dataset, lazy
        ``image(gene, combination, tree_size, weight_range)`` float32 in [0, 1], NaN where
        undefined, with the ``colour`` family of each combination as a coordinate.

    Raises
    ------
    InputError
        Unknown family or gene.

    Notes
    -----
    Single and joint images: published pipeline. Combinations: ours.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3, 5], tree_sizes=[3, 4])
    >>> rop_images(forest, family="all").image.shape
    (30, 59049, 2, 2)
    """
    forest = choose_genes(forest, genes)
    members = families.family(family)
    count = count_signatures(forest)["count"]
    counts = da.asarray(count.data)
    per_block = max(int(BLOCK_BYTES / (4 * len(members))), 1)
    counts = counts.rechunk({0: per_block, 1: 1, 2: 1, 3: -1})
    pixels = da.map_blocks(
        _expand_block,
        da.moveaxis(counts, 3, 1),
        members,
        dtype=np.float32,
        chunks=(counts.chunks[0], len(members), *counts.chunks[1:3]),
    )
    images = xr.Dataset(
        {"image": (IMAGE.dims, pixels)},
        coords={name: count[name] for name in ("gene", "tree_size", "weight_range")}
        | family_coordinates(members),
        attrs={**forest.attrs, "family": family},
    )
    return describe(images, "gene images")


def check_forest(forest: xr.Dataset) -> None:
    """Refuse what is no forest, and more trees than can be counted."""
    expect(forest, "forest")
    validate(forest, FOREST)
    if forest.sizes["draw"] > MOST_TREES:
        raise InputError(
            f"the forest has {forest.sizes['draw']:,} trees of each gene and condition, and counts "
            f"hold {MOST_TREES:,}; take some of its draws"
        )


def choose_genes(forest: xr.Dataset, genes: Sequence[str] | None) -> xr.Dataset:
    """Keep some genes of a forest, all for None; one that it does not have is refused."""
    if genes is None:
        return forest
    genes = [genes] if isinstance(genes, str) else genes
    places = pd.Index(forest["gene"].values, dtype=object).get_indexer(pd.Index(genes))
    if (places < 0).any():
        unknown = [gene for gene, place in zip(genes, places, strict=True) if place < 0]
        raise InputError(f"the forest has no genes {unknown[:5]}; choose among its gene coordinate")
    return forest.isel(gene=places)


def expand(counts: NDArray[np.uint16], members: Family) -> NDArray[np.float32]:
    """Pixels (gene, combination, tree_size, weight_range) of counts (gene, ..., signature)."""
    pixels = evaluate(counts, counts, members.quotients, published=members.published)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 1))


def _expand_block(counts: NDArray[np.uint16], members: Family) -> NDArray[np.float32]:
    """As `expand`, with the signatures where the combinations will be: axes stay in place."""
    return expand(np.moveaxis(counts, 1, -1), members)


def family_coordinates(members: Family) -> dict[str, tuple[str, NDArray]]:
    """Coordinates ``combination`` and ``colour`` of a family."""
    return {
        "combination": ("combination", np.array(members.label, object)),
        "colour": ("combination", np.array(members.colour, object)),
    }


def _histogram(signature: NDArray[np.uint8]) -> NDArray[np.uint16]:
    rows = signature.reshape(-1, signature.shape[-1])
    flat = np.arange(len(rows))[:, None] * N_SIGNATURES + rows
    counts = np.bincount(flat.ravel(), minlength=len(rows) * N_SIGNATURES)
    return counts.reshape(*signature.shape[:-1], N_SIGNATURES).astype(np.uint16)
