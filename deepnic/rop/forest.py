"""The forest: every gene's trees under every condition, lazily, on Dask."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from dask.array.core import normalize_chunks
from dask.tokenize import tokenize
from numpy.typing import NDArray

from deepnic.errors import InputError, choose
from deepnic.rop.draws import DESIGNS, draw_trees, gene_trees, n_trees_of_draw
from deepnic.rop.tree import MAX_SOLUTIONS
from deepnic.variables import (
    COHORT,
    SIGNATURE,
    TREE_SIGNATURE,
    VOTE,
    describe,
    validate,
)

TASK_SECONDS = 8.0
"""What a task of the dearest condition takes, about: some trees of a draw, or some draws."""


def weights_of_range(weight_range: int) -> NDArray[np.int64]:
    """Integer weights of range R: from -(R//2) to R//2, for even R to R//2 - 1.

    Examples
    --------
    >>> [weights_of_range(R).tolist() for R in (3, 4, 5)]
    [[-1, 0, 1], [-2, -1, 0, 1], [-2, -1, 0, 1, 2]]
    """
    return np.arange(weight_range, dtype=np.int64) - weight_range // 2


def grow_forest(
    cohort: xr.Dataset,
    *,
    n_trees: int = 100,
    weight_ranges: Iterable[int] = (3, 4, 5),
    tree_sizes: Iterable[int] = range(3, 9),
    subsample: float = 0.8,
    design: str = "balanced",
    seed: int = 0,
    genes: Sequence[str] | None = None,
) -> xr.Dataset:
    """Grow the trees in which every gene meets random companions.

    Nothing is computed until asked for; the result depends neither on the tasks nor on who runs
    them. Observations of state -1 are never grown on: every tree votes on them.

    Parameters
    ----------
    cohort : Dataset
        ``expression(observation, gene)`` and ``state(observation)``.
    n_trees : int
        Trees of each gene under each condition (draws).
    weight_ranges, tree_sizes : iterables of int
        The conditions: every weight range R with every number of genes V.
    subsample : float
        Share of each class that a tree is grown on; it votes on the rest. 1 is the published
        protocol: no votes, gene images only.
    design : {"balanced", "stratified"}
        One tree counts for all its V genes (ours), or each gene has trees of its own (published).
    seed : int
        Of all random numbers, 0 .. 2**64 - 1.
    genes : sequence of str, optional
        Only grow the trees that count for these genes; their companions are drawn from all genes,
        and the result equals that part of the whole forest.

    Returns
    -------
    Dataset, lazy
        ``signature(tree_size, weight_range, draw, gene)`` uint8, the same by trees
        ``tree_signature(tree_size, weight_range, draw, tree, slot)`` uint8 and
        ``vote(tree_size, weight_range, draw, tree, observation)`` int8 (+1 at risk, -1 not, 0
        in bag or no such tree), with all parameters and a hash of the input in the attributes.
        A chunk of the last two is what one task grows.

    Raises
    ------
    InputError
        A parameter out of its range, a class with fewer than two observations, or more genes asked
        in a tree than exist.

    Notes
    -----
    Trees: Nguyen et al. 2021. Out-of-bag votes and the balanced design: ours.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> forest.signature.shape, forest.vote.shape
    ((1, 1, 2, 30), (1, 1, 2, 10, 60))
    """
    validate(cohort, COHORT)
    ranges, sizes = sorted(set(weight_ranges)), sorted(set(tree_sizes))
    wanted = _gene_positions(cohort, genes)
    state = cohort["state"].values
    parameters = {
        "n_trees": n_trees,
        "weight_ranges": ranges,
        "tree_sizes": sizes,
        "subsample": float(subsample),
        "design": design,
        "seed": seed,
        "n_genes": cohort.sizes["gene"],
    }
    _check(cohort, parameters)
    # one gene a row: the kernel reads whole genes
    expression = np.ascontiguousarray(cohort["expression"].values.T)
    chunks = ((1,) * len(sizes), (1,) * len(ranges), *_cut(parameters, state.size))
    # one task returns signatures and votes side by side, a row of bytes a tree
    grown = da.map_blocks(
        _grow_block,
        sizes=sizes,
        ranges=ranges,
        inputs=dask.delayed((expression, state, wanted), pure=True),
        parameters=parameters,
        chunks=(*chunks, sizes[-1] + state.size),
        dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
        name=f"grow-{tokenize(expression, state, wanted, parameters, chunks)}",
    )
    by_tree = grown[..., : sizes[-1]]
    signature = by_tree.rechunk({3: -1}).map_blocks(
        _order_block,
        sizes=sizes,
        ranges=ranges,
        wanted=wanted,
        parameters=parameters,
        chunks=(*chunks[:3], wanted.size),
        drop_axis=4,
        dtype=np.uint8,
    )
    forest = xr.Dataset(
        {
            "signature": (SIGNATURE.dims, signature),
            "tree_signature": (TREE_SIGNATURE.dims, by_tree),
            "vote": (VOTE.dims, grown[..., sizes[-1] :].view(np.int8)),
            "state": cohort["state"],
        },
        coords={
            "tree_size": np.array(sizes, np.int8),
            "weight_range": np.array(ranges, np.int8),
            "gene": cohort["gene"].values[wanted],
            # in the whole cohort, for the draws
            "gene_position": ("gene", wanted.astype(np.int32)),
            "observation": cohort["observation"],
        },
        attrs={
            **parameters,
            "positive": cohort.attrs.get("positive", "1"),
            **provenance(cohort, wanted),
        },
    )
    return describe(forest, "forest")


def by_gene(
    tree_signature: NDArray[np.uint8],
    draws: Iterable[int],
    wanted: NDArray[np.intp],
    *,
    tree_size: int,
    weight_range: int,
    parameters: Mapping[str, Any],
) -> NDArray[np.uint8]:
    """Put signatures of some draws of a condition, (draw, tree, slot), in the order of the genes.

    Parameters
    ----------
    tree_signature : array of uint8, shape (draw, tree, slot)
        All trees of the draws.
    draws : iterable of int
        Which draws they are.
    wanted : array of int, shape (gene,)
        Positions in the whole cohort.
    tree_size, weight_range : int
        The condition.
    parameters : mapping
        ``seed``, ``design`` and ``n_genes`` of the forest.

    Returns
    -------
    array of uint8, shape (draw, gene)
    """
    known = {name: parameters[name] for name in ("n_genes", "seed", "design")}
    rows = []
    for trees, draw in zip(tree_signature, draws, strict=True):
        tree, slot = gene_trees(
            weight_range=weight_range, tree_size=tree_size, draw=int(draw), **known
        )
        rows.append(trees[tree[wanted], slot[wanted]])
    return np.stack(rows)


def _grow_block(
    *,
    sizes: list[int],
    ranges: list[int],
    inputs: tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.intp]],
    parameters: dict,
    block_info: dict,
) -> NDArray[np.uint8]:
    """Grow some trees of some draws of one condition: one Dask task, arrays in and out."""
    from deepnic.rop.kernels.tree import grow_trees  # compiled where it runs

    expression, state, wanted = inputs
    place = block_info[None]["array-location"]
    V, R = sizes[place[0][0]], ranges[place[1][0]]
    weights = np.tile(weights_of_range(R), (V, 1))
    first, last = place[3]
    rows = np.zeros((place[2][1] - place[2][0], last - first, sizes[-1] + state.size), np.uint8)
    for row, number in zip(rows, range(*place[2]), strict=True):
        draw = draw_trees(
            state,
            len(expression),
            weight_range=R,
            tree_size=V,
            draw=number,
            trees=slice(first, last),
            **{name: parameters[name] for name in ("seed", "design", "subsample")},
        )
        trees = np.unique(draw.gene_tree[wanted]) - first
        trees = trees[(trees >= 0) & (trees < len(draw.members))]
        signatures = np.empty((trees.size, V), np.uint8)
        votes = np.empty((trees.size, state.size), np.int8)
        grow_trees(
            expression,
            state,
            draw.members[trees],
            draw.in_bag[trees],
            draw.keys[trees],
            weights,
            MAX_SOLUTIONS,
            signatures,
            votes,
        )
        row[trees, :V] = signatures
        row[trees, sizes[-1] :] = votes.view(np.uint8)
    return rows[None, None]


def _order_block(
    tree_signature: NDArray[np.uint8],
    *,
    sizes: list[int],
    ranges: list[int],
    wanted: NDArray[np.intp],
    parameters: dict,
    block_info: dict,
) -> NDArray[np.uint8]:
    """Signatures of some draws of one condition in the order of the genes."""
    place = block_info[None]["array-location"]
    condition = {"tree_size": sizes[place[0][0]], "weight_range": ranges[place[1][0]]}
    draws = range(*place[2])
    return by_gene(tree_signature[0, 0], draws, wanted, parameters=parameters, **condition)[
        None, None
    ]


def _gene_positions(cohort: xr.Dataset, genes: Sequence[str] | None) -> NDArray[np.intp]:
    if genes is None:
        return np.arange(cohort.sizes["gene"])
    positions = cohort.indexes["gene"].get_indexer(pd.Index(genes))
    if (positions < 0).any() or not len(positions):
        unknown = [g for g, k in zip(genes, positions, strict=True) if k < 0][:5]
        raise InputError(f"the cohort has no genes {unknown}; choose among its gene coordinate")
    return positions


def _check(cohort: xr.Dataset, parameters: dict) -> None:
    n_genes = cohort.sizes["gene"]
    counts = {label: int((cohort["state"] == label).sum()) for label in (0, 1)}
    for label, count in counts.items():
        if count < 2:
            raise InputError(
                f"{count} observations have state {label}; each class needs at least 2 to grow on"
            )
    if sum(counts.values()) > 335_000:
        raise InputError(
            "more than 335,000 observations would overflow the fixed point; take fewer"
        )
    if parameters["n_trees"] < 1:
        raise InputError("n_trees must be at least 1; 100 is usual")
    choose("design", parameters["design"], DESIGNS)
    if not 0 < parameters["subsample"] <= 1:
        raise InputError("subsample must lie in (0, 1]; 0.8 is usual, 1 is the published protocol")
    if not 0 <= parameters["seed"] < 2**64:
        raise InputError("seed must be an integer from 0 to 2**64 - 1")
    if not parameters["weight_ranges"] or not parameters["tree_sizes"]:
        raise InputError("no condition is left; give at least one weight range and one tree size")
    if min(parameters["weight_ranges"]) < 2 or max(parameters["weight_ranges"]) > 9:
        raise InputError(
            "weight_ranges must lie in 2..9 (|weight| <= 4, or the fixed point overflows)"
        )
    if min(parameters["tree_sizes"]) < 1 or max(parameters["tree_sizes"]) > 10:
        raise InputError("tree_sizes must lie in 1..10, or the fixed point overflows")
    if max(parameters["tree_sizes"]) > n_genes:
        raise InputError(
            f"a tree of {max(parameters['tree_sizes'])} genes was asked of a cohort of {n_genes}; "
            "take smaller tree_sizes"
        )


def tree_seconds(tree_size: int, weight_range: int, n_observations: int) -> float:
    """Time of one tree, roughly, to cut work by and to tell how far it has come.

    From 60 trees of each condition of three cohorts (18, 58 and 455 observations in bag) on one
    core (AMD EPYC, 2026): within a factor of 2.5 of each.

    Examples
    --------
    >>> tree_seconds(8, 5, 22) > 5 * tree_seconds(3, 3, 22)
    True
    """
    return 3e-5 + 4e-8 * n_observations * weight_range ** (0.6 * tree_size)


def _cut(parameters: dict, n_observations: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of draws and of trees with which the dearest condition takes TASK_SECONDS a task."""
    draw_seconds = 0.0
    for V in parameters["tree_sizes"]:
        trees = n_trees_of_draw(parameters["design"], parameters["n_genes"], V)
        for R in parameters["weight_ranges"]:
            draw_seconds = max(draw_seconds, trees * tree_seconds(V, R, n_observations))
    V = parameters["tree_sizes"][-1]
    dearest = n_trees_of_draw(parameters["design"], parameters["n_genes"], V)
    most = n_trees_of_draw(parameters["design"], parameters["n_genes"], parameters["tree_sizes"][0])
    if draw_seconds > TASK_SECONDS:
        draws, trees = 1, -(-dearest // int(np.ceil(draw_seconds / TASK_SECONDS)))
    else:
        draws, trees = max(int(TASK_SECONDS / draw_seconds), 1), most
    return (
        normalize_chunks(draws, (parameters["n_trees"],))[0],
        normalize_chunks(trees, (most,))[0],
    )


def provenance(cohort: xr.Dataset, wanted: NDArray[np.intp]) -> dict[str, str]:
    """Version, and digest of all that decides the trees of some genes beside the parameters."""
    from deepnic import __version__

    digest = hashlib.sha256()
    for part in (cohort["expression"].values, cohort["state"].values, wanted.astype("<i8")):
        digest.update(np.ascontiguousarray(part).tobytes())
    for name in ("gene", "observation"):
        digest.update("\n".join(map(str, cohort[name].values)).encode())
    return {"deepnic_version": __version__, "input_sha256": digest.hexdigest()}
