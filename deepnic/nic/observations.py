"""ROP-images of observations: what the trees that never saw an observation say of it."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise, product

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask.delayed import Delayed
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.nic import families
from deepnic.nic.families import Family, Quotients, evaluate
from deepnic.nic.genes import BLOCK_BYTES, check_forest, choose_genes, family_coordinates
from deepnic.rop.bags import bag_size
from deepnic.rop.draws import gene_trees
from deepnic.rop.graph import is_to_be_grown
from deepnic.rop.kept import Kept
from deepnic.rop.signatures import N_SIGNATURES
from deepnic.variables import OBSERVATION_IMAGE, describe, expect

VOTES_BYTES = 2**28
"""Votes of one condition that a task holds at most, but for those of one gene or draw."""


def observation_images(
    forest: xr.Dataset,
    *,
    family: str = "distinct",
    genes: Sequence[str] | None = None,
    draws: Sequence[int] | None = None,
) -> xr.Dataset:
    """ROP-images of observations, one for each gene, from out-of-bag votes.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store, grown with ``subsample`` below 1.
    family : {"distinct", "base", "combinations", "all"}
        See `deepnic.nic.family`; for observations "distinct" has 565 functions.
    genes : sequence of str, optional
        Only these.
    draws : sequence of int, optional
        Only the trees of these draws: several images of an observation, by disjoint draws, are
        independent of each other given its class.

    Returns
    -------
    Dataset, lazy
        ``image(observation, gene, combination, tree_size, weight_range)`` float32 in [-1, 1]:
        (votes for - votes against) of the trees in A and B, over the number of trees in B, among
        the trees in which the observation was out of bag; NaN where there is no such tree.

    Raises
    ------
    InputError
        The forest has no out-of-bag votes (``subsample=1``), or the family, a gene or a draw is
        unknown.

    Notes
    -----
    Ours. A perfect tree knows the label of every observation it was grown
    on, so in-bag votes are not stored and cannot be asked for.

    Where a store holds more than 256 MiB of votes of a condition, they are read again for each
    part of the genes whose trees have as many: a task holds no more, however large the store is.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    >>> observation_images(forest).image.shape
    (60, 30, 565, 1, 1)
    """
    check_forest(forest)
    _check_left_out(forest)
    forest = choose_genes(forest, genes)
    drawn = _choose_draws(forest, draws)
    forest = forest.isel(draw=drawn)
    members = families.family(family, of="observation")
    cell = 4 * len(members) * forest.sizes["observation"]
    per_block = max(int(BLOCK_BYTES / cell), 1)
    lazy = forest.chunk()  # a forest in memory becomes one chunk
    conditions = [
        [_condition(lazy.isel(tree_size=v, weight_range=r), drawn, per_block)
         for r in range(forest.sizes["weight_range"])]
        for v in range(forest.sizes["tree_size"])
    ]  # fmt: skip
    votes = da.concatenate([da.concatenate(row, axis=5) for row in conditions], axis=4)
    pixels = votes.map_blocks(
        _expand,
        members=dask.delayed(members, traverse=False, pure=True),
        chunks=(*votes.chunks[1:3], len(members), *votes.chunks[4:]),
        drop_axis=0,
        dtype=np.float32,
        meta=np.empty((0,) * 5, np.float32),
    )
    coords = {name: forest[name] for name in ("observation", "gene", "tree_size", "weight_range")}
    images = xr.Dataset(
        {"image": (OBSERVATION_IMAGE.dims, pixels), "state": forest["state"]},
        coords=coords | family_coordinates(members),
        attrs={**forest.attrs, "family": family},
    )
    images = describe(images, "observation images")
    images.encoding["votes"] = votes, members, pixels.name
    return images


def votes_of(
    images: xr.Dataset, combinations: NDArray[np.intp]
) -> tuple[da.Array, Quotients] | None:
    """Votes (2, observation, gene, 37, tree_size, weight_range) that images are made of, and how.

    For less against, and all; with the functions of the ``combinations`` at these positions. None
    where the images are not as `observation_images` lays them out.
    """
    votes, members, name = images.encoding.get("votes", (None, None, None))
    if name is None or getattr(images["image"].data, "name", None) != name:
        return None
    return votes, Quotients.of(members.numerator[combinations], members.denominator[combinations])


def forest_vote(forest: xr.Dataset) -> NDArray[np.float64]:
    """Return the plain out-of-bag vote of the perfect trees, whatever their genes.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.

    Returns
    -------
    array of float64, shape (observation,)
        (votes for - votes against) / votes, in [-1, 1]; 0 where no perfect tree left it out.

    Notes
    -----
    Nguyen et al. 2021 predict by the perfect trees; out-of-bag votes are ours.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[5], tree_sizes=[3])
    >>> score = forest_vote(forest)
    >>> state = cohort.state.values
    >>> bool(score[state == 1].mean() > score[state == 0].mean())
    True
    """
    expect(forest, "forest")
    votes = np.zeros(forest.sizes["observation"])
    trees = np.zeros(forest.sizes["observation"])
    for v, r in np.ndindex(forest.sizes["tree_size"], forest.sizes["weight_range"]):
        one = forest.isel(tree_size=v, weight_range=r)
        position = one["gene_position"].values
        at_once = max(VOTES_BYTES // (one.sizes["tree"] * votes.size), 1)
        for first in range(0, one.sizes["draw"], at_once):
            draws = range(one.sizes["draw"])[first : first + at_once]
            some = one.isel(draw=slice(draws.start, draws.stop)).load()
            for d, tree_of_gene in enumerate(_trees(_drawn(one), draws, position)):
                perfect = np.unique(tree_of_gene[some["signature"].values[d] > 0])
                cast = some["vote"].values[d, perfect]
                votes += cast.sum(axis=0)
                trees += (cast != 0).sum(axis=0)
    return votes / np.maximum(trees, 1)


def _choose_draws(forest: xr.Dataset, draws: Sequence[int] | None) -> list[int]:
    """Draws asked for, all for None."""
    there = range(forest.sizes["draw"])
    chosen = list(there if draws is None else draws)
    if not chosen or not set(chosen) <= set(there) or len(set(chosen)) < len(chosen):
        raise InputError(
            f"draws are {chosen}; choose some of the forest's, 0 to {there[-1]}, each once"
        )
    return chosen


def _check_left_out(forest: xr.Dataset) -> None:
    """Refuse a forest whose trees are grown on all observations of a class."""
    given, state = forest.attrs, forest["state"].values
    for n in (int((state == label).sum()) for label in (0, 1)):
        if bag_size(n, given["subsample"], given.get("max_bag")) == n:
            raise InputError(
                "a forest grown with subsample=1 has no out-of-bag votes, and in-bag votes are the "
                "label itself; grow it with subsample below 1 (0.8 is usual)"
            )


def _drawn(one: xr.Dataset) -> dict:
    """Parameters that the draws of one condition depend on."""
    names = ("seed", "design", "n_genes")
    condition = {name: int(one[name]) for name in ("weight_range", "tree_size")}
    return {name: one.attrs[name] for name in names} | condition


def _condition(one: xr.Dataset, draws: Sequence[int], per_block: int) -> da.Array:
    """Votes (2, observation, gene, 37, 1, 1) of one condition, from the draws it has."""
    # whole, for all blocks: a slice of every draw for every block would make an enormous graph
    signature = dask.delayed(np.ascontiguousarray)(one["signature"].data.rechunk(-1))
    tree = dask.delayed(_trees, pure=True)(_drawn(one), draws, one["gene_position"].values)
    count = dask.delayed(_count, pure=True)
    n, G = one.sizes["observation"], one.sizes["gene"]
    blocks = []
    for genes, trees, vote in _parts(one["vote"].data, tree, G):
        for first in range(genes.start, genes.stop, per_block):
            some = slice(first, min(first + per_block, genes.stop))
            here = slice(some.start - genes.start, some.stop - genes.start)
            block = count(signature, some, trees, here, vote)[..., None, None]
            shape = (2, n, some.stop - first, N_SIGNATURES, 1, 1)
            blocks.append(da.from_delayed(block, shape, np.float32))
    return da.concatenate(blocks, axis=2)


def _parts(vote: da.Array, tree: Delayed, n_genes: int) -> Iterator[tuple[range, Delayed, Delayed]]:
    """Genes of a condition, in parts; of each, the trees that count, and votes of these."""
    if vote.nbytes <= VOTES_BYTES or vote.npartitions == 1 or is_to_be_grown(vote):
        yield range(n_genes), tree, dask.delayed(np.ascontiguousarray)(vote.rechunk(-1))
        return
    per_part = max(VOTES_BYTES // (len(vote) * vote.shape[2]), 1)
    # by what no graph sees into: blocks that parts share would be kept until all have them
    gather = dask.delayed(partial(_gather, vote), pure=True)
    for first in range(0, n_genes, per_part):
        genes = range(first, min(first + per_part, n_genes))
        rows = np.broadcast_to(np.arange(len(genes), dtype=np.int32), (len(vote), len(genes)))
        yield genes, rows, gather(tree, slice(genes.start, genes.stop))


def _gather(vote: da.Array, tree: NDArray[np.int32], genes: slice) -> NDArray[np.int8]:
    """Votes (draw, gene, observation) of the trees of some genes, read block after block."""
    tree = tree[:, genes]
    gathered = np.empty((*tree.shape, vote.shape[2]), np.int8)
    draws, trees = (np.cumsum([0, *sizes]).tolist() for sizes in vote.chunks[:2])
    for d, t in product(pairwise(draws), pairwise(trees)):
        of_draw, of_gene = np.nonzero((t[0] <= tree[slice(*d)]) & (tree[slice(*d)] < t[1]))
        block = vote[slice(*d), slice(*t)].compute(scheduler="sync")
        rows = tree[d[0] + of_draw, of_gene] - t[0]
        gathered[d[0] + of_draw, of_gene] = block[of_draw, rows]
    return gathered


def _trees(drawn: dict, draws: Sequence[int], position: NDArray[np.int32]) -> NDArray[np.int32]:
    """Tree that counts for each gene in each draw, (draw, gene): drawn again, never stored."""
    return np.stack([gene_trees(draw=d, **drawn)[0][position] for d in draws])


def _count(
    signature: NDArray[np.uint8],
    genes: slice,
    tree: NDArray[np.int32],
    here: slice,
    vote: NDArray[np.int8],
) -> NDArray[np.float32]:
    """Votes (2, observation, gene, 37) of some genes of a condition: for less against, and all.

    Signatures are of all genes; trees of some, among which ``here`` are the genes asked for.
    """
    from deepnic.nic.votes_numba import count_votes  # compiled where it runs

    signature = np.ascontiguousarray(signature[:, genes])
    tree = np.ascontiguousarray(tree[:, here])
    votes = np.empty((2, vote.shape[2], tree.shape[1], N_SIGNATURES), np.float32)
    count_votes(signature, tree, vote, *votes)
    return votes


def _expand(votes: NDArray[np.float32], members: Family) -> NDArray[np.float32]:
    """Images (observation, gene, combination, 1, 1) of votes of one condition."""
    margin, cast = votes[..., 0, 0]
    return evaluate(margin, cast, members.quotients)[..., None, None]


def images_of_trees(kept: Kept, votes: NDArray[np.int8], members: Family) -> NDArray[np.float32]:
    """Images (observation, gene, combination) of kept trees' genes, 0 in votes = not counted.

    The same bits as `observation_images` gives for these observations in a forest of these trees.
    """
    rows = np.broadcast_to(np.arange(len(kept.gene), dtype=np.int32), kept.tree.shape)
    margin, cast = _count(kept.signature, slice(None), rows, slice(None), votes[kept.tree])
    return evaluate(margin, cast, members.quotients)
