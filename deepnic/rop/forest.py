"""The forest: every gene's trees under every condition, lazily, on Dask."""

import hashlib
from collections.abc import Iterable, Sequence

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from dask.tokenize import tokenize
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.rop.draws import DESIGNS, draw_trees, n_trees_of_draw
from deepnic.rop.tree import MAX_SOLUTIONS
from deepnic.variables import COHORT, FOREST, SIGNATURE, VOTE, describe, validate

TASK_VECTORS = 2e8
"""Weight vectors that one task of the dearest condition searches, about; a task is whole draws."""


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
    draws_per_task: int | None = None,
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
    draws_per_task : int, optional
        Draws grown by one task, one chunk of the result; chosen from the cost if left out.

    Returns
    -------
    Dataset, lazy
        ``signature(tree_size, weight_range, draw, gene)`` uint8 and
        ``vote(tree_size, weight_range, draw, tree, observation)`` int8 (+1 at risk, -1 not, 0
        in bag or no such tree), with all parameters and a hash of the input in the attributes.

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
    per_task = draws_per_task or _draws_per_task(cohort.sizes["gene"], parameters)
    # one gene a row: the kernel reads whole genes
    expression = np.ascontiguousarray(cohort["expression"].values.T)
    most_trees = n_trees_of_draw(design, cohort.sizes["gene"], sizes[0])
    conditions = (len(sizes), len(ranges))
    draws = da.arange(n_trees, chunks=per_task)
    chunks = ((1,) * len(sizes), (1,) * len(ranges), draws.chunks[0])
    # one task grows a block and returns signatures and votes side by side, in one array of bytes
    grown = da.map_blocks(
        _grow_block,
        da.broadcast_to(draws, (*conditions, n_trees), chunks=chunks),
        sizes=sizes,
        ranges=ranges,
        inputs=dask.delayed((expression, state, wanted), pure=True),
        parameters=parameters,
        chunks=(*chunks, wanted.size + most_trees * state.size),
        new_axis=3,
        dtype=np.uint8,
        name=f"grow-{tokenize(expression, state, wanted, parameters, per_task)}",
    )
    signature = grown[..., : wanted.size]
    vote = grown[..., wanted.size :].map_blocks(
        _as_votes, state.size, chunks=(*chunks, most_trees, state.size), new_axis=4, dtype=np.int8
    )
    forest = xr.Dataset(
        {
            "signature": (SIGNATURE.dims, signature),
            "vote": (VOTE.dims, vote),
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
            **_provenance(cohort, wanted),
        },
    )
    return describe(forest, FOREST)


def _grow_block(
    draws: NDArray[np.int64],
    *,
    sizes: list[int],
    ranges: list[int],
    inputs: tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.intp]],
    parameters: dict,
    block_id: tuple[int, ...],
) -> NDArray[np.uint8]:
    """Grow some draws (1, 1, draw) of one condition: one Dask task, arrays in and out."""
    from deepnic.rop.tree_numba import grow_trees  # compiled where it runs

    expression, state, wanted = inputs
    V, R = sizes[block_id[0]], ranges[block_id[1]]
    weights = np.tile(weights_of_range(R), (V, 1))
    signature = np.empty((draws.size, wanted.size), np.uint8)
    vote = np.zeros(
        (draws.size, n_trees_of_draw(parameters["design"], len(expression), sizes[0]), state.size),
        np.int8,
    )
    for k, number in enumerate(draws.ravel().tolist()):
        draw = draw_trees(
            state,
            len(expression),
            weight_range=R,
            tree_size=V,
            draw=number,
            **{name: parameters[name] for name in ("seed", "design", "subsample")},
        )
        trees = np.unique(draw.gene_tree[wanted])
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
        row = np.searchsorted(trees, draw.gene_tree[wanted])
        signature[k] = signatures[row, draw.gene_slot[wanted]]
        vote[k, trees] = votes
    packed = np.hstack([signature, vote.reshape(draws.size, -1).view(np.uint8)])
    return packed[None, None]


def _as_votes(packed: NDArray[np.uint8], n_observations: int) -> NDArray[np.int8]:
    return packed.view(np.int8).reshape(*packed.shape[:3], -1, n_observations)


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
    if parameters["design"] not in DESIGNS:
        raise InputError(
            f"unknown design {parameters['design']!r}; choose from {', '.join(DESIGNS)}"
        )
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


def _draws_per_task(n_genes: int, parameters: dict) -> int:
    """Draws whose dearest condition costs about TASK_VECTORS."""
    dearest = max(
        n_trees_of_draw(parameters["design"], n_genes, V) * R**V
        for V in parameters["tree_sizes"]
        for R in parameters["weight_ranges"]
    )
    return min(max(int(TASK_VECTORS / dearest), 1), parameters["n_trees"])


def _provenance(cohort: xr.Dataset, wanted: NDArray[np.intp]) -> dict[str, str]:
    from deepnic import __version__

    digest = hashlib.sha256()
    for part in (cohort["expression"].values, cohort["state"].values, wanted.astype("<i8")):
        digest.update(np.ascontiguousarray(part).tobytes())
    for name in ("gene", "observation"):
        digest.update("\n".join(map(str, cohort[name].values)).encode())
    return {"deepnic_version": __version__, "input_sha256": digest.hexdigest()}
