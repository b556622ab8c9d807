"""The forest: every gene's trees under every condition, a lazy Dataset."""

import hashlib
from collections.abc import Iterable, Sequence
from operator import index

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.cohort.impute import filled
from deepnic.errors import InputError, choose
from deepnic.rop.bags import GROUPS, bag_size, group_of
from deepnic.rop.draws import DESIGNS, Parameters
from deepnic.rop.graph import Growth, grow_lazily
from deepnic.rop.origin import ORIGIN, origin_of, stamp, update
from deepnic.variables import (
    COHORT,
    FOREST,
    MOST_TREES,
    SIGNATURE,
    TREE_SIGNATURE,
    VOTE,
    describe,
    expect,
    validate,
)


def grow_forest(
    cohort: xr.Dataset,
    *,
    n_trees: int = 100,
    weight_ranges: Iterable[int] = (3, 4, 5),
    tree_sizes: Iterable[int] = range(3, 9),
    subsample: float = 0.8,
    max_bag: int | None = None,
    design: str = "balanced",
    seed: int = 0,
    genes: Sequence[str] | None = None,
) -> xr.Dataset:
    """Grow the trees in which every gene meets random companions.

    Nothing is computed until asked for; the result depends neither on the tasks nor on who runs
    them. Observations of state -1 are never grown on: every tree votes on them. Those of one
    ``group``, such as a patient's, are grown on or voted on together. Missing values are filled
    first, by the others; see `deepnic.cohort.filled`.

    Parameters
    ----------
    cohort : Dataset
        ``expression(observation, gene)`` and ``state(observation)``; there may be a coordinate
        ``group(observation)``.
    n_trees : int
        Trees of each gene under each condition (draws).
    weight_ranges, tree_sizes : iterables of int
        The conditions: every weight range R with every number of genes V.
    subsample : float
        Share of each class that a tree is grown on; it votes on the rest. 1 is the published
        protocol: no votes, gene images only. As near to it as groups allow, see
        `deepnic.rop.bags.draw_bags`.
    max_bag : int, optional
        Observations of each class that a tree is grown on at most (ours): a tree's time grows with
        them, and where there are hundreds a tree of some tells as much of its genes.
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
        A parameter out of its range, a class with fewer than two observations, or that one group
        holds alone, or more genes asked in a tree than exist.

    Notes
    -----
    Trees: Nguyen et al. 2021. Out-of-bag votes, bags of groups and the balanced design: ours.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> forest.signature.shape, forest.vote.shape
    ((1, 1, 2, 30), (1, 1, 2, 10, 60))
    """
    expect(cohort, "cohort")
    validate(cohort, COHORT)
    cohort = filled(cohort)
    wanted = _gene_positions(cohort, genes)
    parameters: Parameters = {
        "n_trees": _integer("n_trees", n_trees),
        "weight_ranges": _integers("weight_ranges", weight_ranges),
        "tree_sizes": _integers("tree_sizes", tree_sizes),
        "subsample": float(subsample),
        "design": design,
        "seed": _integer("seed", seed),
        "n_genes": cohort.sizes["gene"],
    }
    if max_bag is not None:  # a forest without a limit says nothing of it
        parameters["max_bag"] = _integer("max_bag", max_bag)
    if (group := group_of(cohort)) is not None:  # nor one whose bags are of observations
        parameters["bags"] = GROUPS
    _check(cohort, parameters, group)
    # one gene a row: the kernel reads whole genes; and takes no array that is read only
    expression = np.require(cohort["expression"].values.T, requirements=["C", "W"])
    state = np.ascontiguousarray(cohort["state"].values)
    growth = Growth(expression, state, group, wanted, parameters)
    signature, by_tree, vote = grow_lazily(growth)
    named = ["symbol"] if "symbol" in cohort.coords else []
    forest = xr.Dataset(
        {
            "signature": (SIGNATURE.dims, signature),
            "tree_signature": (TREE_SIGNATURE.dims, by_tree),
            "vote": (VOTE.dims, vote),
            "state": cohort["state"],
        },
        coords={
            "tree_size": np.array(parameters["tree_sizes"], np.int8),
            "weight_range": np.array(parameters["weight_ranges"], np.int8),
            "gene": cohort["gene"].values[wanted],
            # in the whole cohort, for the draws
            "gene_position": ("gene", wanted.astype(np.int32)),
            "observation": cohort["observation"],
            **{name: ("gene", cohort[name].values[wanted]) for name in named},
        },
        attrs={
            **parameters,
            "positive": cohort.attrs.get("positive", "1"),
            **provenance(cohort, wanted, group),
            ORIGIN: origin_of(cohort, parameters),
        },
    )
    forest = describe(forest, "forest")
    forest.encoding["growth"] = growth, _names(forest)
    return forest


def growth_of(forest: xr.Dataset) -> Growth:
    """Return what a forest is grown from; none but an unchanged one of `grow_forest` tells."""
    growth, names = forest.encoding.get("growth", (None, None))
    if names != _names(forest) or not growth.parameters.items() <= forest.attrs.items():
        raise InputError(
            "this forest is not as grow_forest lays it out: a part of it, changed or computed; "
            "ask grow_forest for what is to be written"
        )
    return growth


def _names(forest: xr.Dataset) -> list[str | None]:
    """What Dask calls the trees: other values have other names."""
    return [getattr(forest[name].data, "name", None) for name in FOREST]


def _integer(name: str, value: int) -> int:
    """Return a whole number as Python's own, which an attribute can hold."""
    try:
        return index(value)
    except TypeError as error:
        raise InputError(f"{name} takes whole numbers, not {value!r}; give such") from error


def _integers(name: str, values: int | Iterable[int]) -> list[int]:
    """Return whole numbers, each once, in order; one alone is a list of it."""
    several = values if np.iterable(values) else [values]
    return sorted({_integer(name, value) for value in several})


def _gene_positions(cohort: xr.Dataset, genes: Sequence[str] | None) -> NDArray[np.intp]:
    if genes is None:
        return np.arange(cohort.sizes["gene"])
    genes = [genes] if isinstance(genes, str) else genes
    positions = cohort.indexes["gene"].get_indexer(pd.Index(genes))
    if (positions < 0).any() or not len(positions):
        unknown = [g for g, k in zip(genes, positions, strict=True) if k < 0][:5]
        raise InputError(f"the cohort has no genes {unknown}; choose among its gene coordinate")
    return positions


def _check(cohort: xr.Dataset, parameters: Parameters, group: NDArray[np.int32] | None) -> None:
    for label in (0, 1):
        if (count := int((cohort["state"] == label).sum())) < 2:
            raise InputError(
                f"{count} observations have state {label}; each class needs at least 2 to grow on"
            )
    if (cohort["state"] >= 0).sum() > 335_000:
        raise InputError(
            "more than 335,000 observations would overflow the fixed point; take fewer"
        )
    if not 1 <= parameters["n_trees"] <= MOST_TREES:
        raise InputError(
            f"n_trees must lie in 1..{MOST_TREES:,}, as a count of signatures holds no more; 100 "
            "is usual"
        )
    choose("design", parameters["design"], DESIGNS)
    if not 0 < parameters["subsample"] <= 1:
        raise InputError("subsample must lie in (0, 1]; 0.8 is usual, 1 is the published protocol")
    if parameters.get("max_bag", 1) < 1:
        raise InputError("max_bag must be at least 1, or left out for no limit; 50 is usual")
    if not 0 <= parameters["seed"] < 2**64:
        raise InputError("seed must be an integer from 0 to 2**64 - 1")
    if group is not None:
        _check_groups(cohort["state"].values, group, parameters)
    ranges, sizes = parameters["weight_ranges"], parameters["tree_sizes"]
    if not ranges or not sizes:
        raise InputError("no condition is left; give at least one weight range and one tree size")
    if ranges[0] < 2 or ranges[-1] > 9:
        raise InputError(
            "weight_ranges must lie in 2..9 (|weight| <= 4, or the fixed point overflows)"
        )
    if sizes[0] < 1 or sizes[-1] > 10:
        raise InputError("tree_sizes must lie in 1..10, or the fixed point overflows")
    if sizes[-1] > parameters["n_genes"]:
        raise InputError(
            f"a tree of {sizes[-1]} genes was asked of a cohort of {parameters['n_genes']}; "
            "take smaller tree_sizes"
        )


def _check_groups(
    state: NDArray[np.int8], group: NDArray[np.int32], parameters: Parameters
) -> None:
    """Refuse a class of one group, which no tree could both grow on and leave out."""
    limits = parameters["subsample"], parameters.get("max_bag")
    for label in (0, 1):
        members = group[state == label]
        if bag_size(members.size, *limits) < members.size and len(np.unique(members)) < 2:
            raise InputError(
                f"all observations of state {label} are of one group, and a tree that is grown on "
                "it leaves none of them out; each class needs at least 2 groups"
            )


def provenance(
    cohort: xr.Dataset, wanted: NDArray[np.intp], group: NDArray[np.int32] | None
) -> dict[str, str | int]:
    """Stamp, and digest of all that decides the trees of some genes beside the parameters.

    ``group`` (observation,) is of those of known state, None where bags are not of groups.
    """
    digest = hashlib.sha256()
    parts = [cohort["expression"].values, cohort["state"].values, wanted.astype("<i8")]
    for part in parts if group is None else [*parts, group]:
        update(digest, part)
    for name in ("gene", "observation"):
        digest.update("\n".join(map(str, cohort[name].values)).encode())
    return stamp() | {"input_sha256": digest.hexdigest()}
