"""The forest's own explanation of a patient: which genes' trees voted for what, and how many."""

import dask
import numpy as np
import pandas as pd
import xarray as xr

from deepnic.nic import observation_images
from deepnic.nic.observations import votes_of

SHOWN = 50
"""Genes of a patient that a table lists at most."""


def gene_votes(forest: xr.Dataset) -> xr.Dataset:
    """Count the votes of each gene's trees on each observation that they were not grown on.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store, grown with ``subsample`` below 1.

    Returns
    -------
    Dataset
        ``votes_for`` and ``votes_against`` ``(observation, gene)`` int32, those of the gene's
        perfect trees, of all conditions, that the observation is at risk or that it is not;
        ``left_out`` ``(observation, gene)`` int32, trees of the gene, perfect or not, that the
        observation was not in the bag of; ``perfect`` ``(gene)`` int32, perfect trees of the gene.
        Trees of a balanced forest count for each gene in them.

    Raises
    ------
    InputError
        The forest has no out-of-bag votes (``subsample=1``).

    Notes
    -----
    Ours. A perfect tree knows the label of every observation that it was grown on, so that votes
    in the bag say nothing and are not stored.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=8, weight_ranges=[5], tree_sizes=[3])
    >>> votes = gene_votes(forest)
    >>> votes.votes_for.dims, bool((votes.votes_for + votes.votes_against <= votes.left_out).all())
    (('observation', 'gene'), True)
    """
    images = observation_images(forest, family="base")
    made = votes_of(images, np.arange(1))
    assert made is not None  # images as they were just laid out
    votes = made[0]  # (2, observation, gene, 37, V, R): for less against, and all
    perfect = votes[:, :, :, 1:].sum(axis=(3, 4, 5), dtype=np.int32)
    sums = [(perfect[1] + perfect[0]) // 2, (perfect[1] - perfect[0]) // 2]
    sums.append(votes[1].sum(axis=(2, 3, 4), dtype=np.int32))
    count = (forest["signature"] > 0).sum(("tree_size", "weight_range", "draw"))
    cast_for, against, left_out, of_gene = dask.compute(*sums, count)
    dims = ("observation", "gene")
    named = ["symbol"] if "symbol" in forest.coords else []
    return xr.Dataset(
        {
            "votes_for": (dims, cast_for),
            "votes_against": (dims, against),
            "left_out": (dims, left_out),
            "perfect": ("gene", of_gene.values.astype(np.int32)),
            "state": forest["state"],
        },
        coords={name: forest[name] for name in (*dims, *named)},
    )


def list_patients(votes: xr.Dataset) -> pd.DataFrame:
    """List how many genes speak for and against each observation; see `gene_votes`.

    Returns
    -------
    DataFrame
        A row an observation: ``item``, ``state``; ``genes_for``, ``genes_against`` and
        ``genes_even``, genes of whose perfect trees that left it out more, fewer or as many voted
        for it as against it; ``genes_silent``, genes whose perfect trees were all grown on it;
        ``genes_never_perfect``, genes without any perfect tree; ``votes_for``, ``votes_against``,
        sums over the genes.

    Examples
    --------
    >>> dims, ids = ("observation", "gene"), {"observation": ["p"], "gene": [*"abcd"]}
    >>> counts = {"votes_for": [[3, 0, 0, 0]], "votes_against": [[1, 2, 0, 0]]}
    >>> votes = xr.Dataset({name: (dims, of) for name, of in counts.items()}, ids)
    >>> votes = votes.assign(perfect=("gene", [9, 2, 1, 0]), state=("observation", [1]))
    >>> list_patients(votes).iloc[0].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'item': 'p', 'state': 1, 'genes_for': 1, 'genes_against': 1, 'genes_even': 0,
     'genes_silent': 1, 'genes_never_perfect': 1, 'votes_for': 3, 'votes_against': 3}
    """
    cast_for, against = votes["votes_for"].values, votes["votes_against"].values
    balance, has_cast = np.sign(cast_for - against), cast_for + against > 0
    perfect = votes["perfect"].values > 0
    return pd.DataFrame(
        {
            "item": votes["observation"].values.astype(object),
            "state": votes["state"].values,
            "genes_for": (balance > 0).sum(axis=1),
            "genes_against": (balance < 0).sum(axis=1),
            "genes_even": ((balance == 0) & has_cast).sum(axis=1),
            "genes_silent": (perfect & ~has_cast).sum(axis=1),
            "genes_never_perfect": np.full(len(balance), (~perfect).sum()),
            "votes_for": cast_for.sum(axis=1),
            "votes_against": against.sum(axis=1),
        }
    )


def list_votes(votes: xr.Dataset) -> pd.DataFrame:
    """List for each observation the genes whose perfect trees are the least divided over it.

    Returns
    -------
    DataFrame
        Of each observation up to `SHOWN` rows, by falling size of ``votes_for`` less
        ``votes_against``: ``item``, ``gene``, ``symbol``, these, ``left_out`` and ``perfect``; see
        `gene_votes`. Genes of which no perfect tree voted are left out.
    """
    cast_for, against = votes["votes_for"].values, votes["votes_against"].values
    first = np.argsort(-np.abs(cast_for - against), axis=1, kind="stable")[:, :SHOWN]
    row = np.arange(len(first))[:, None]
    gene, item = first.ravel(), np.broadcast_to(row, first.shape).ravel()
    symbol = votes["symbol"].values if "symbol" in votes.coords else np.full(cast_for.shape[1], "")
    table = pd.DataFrame(
        {
            "item": votes["observation"].values.astype(object)[item],
            "gene": votes["gene"].values.astype(object)[gene],
            "symbol": symbol.astype(object)[gene],
            "votes_for": cast_for[item, gene],
            "votes_against": against[item, gene],
            "left_out": votes["left_out"].values[item, gene],
            "perfect": votes["perfect"].values[gene],
        }
    )
    return table[table["votes_for"] + table["votes_against"] > 0].reset_index(drop=True)
