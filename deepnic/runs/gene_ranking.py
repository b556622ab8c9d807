"""Rankings of genes that need no network, to compare it with."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from deepnic.errors import InputError
from deepnic.learn.baselines import boosting
from deepnic.learn.states import check_state


def rank_genes(count: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
    """Probability of class 1 of each gene by gradient boosting on what the images are made of.

    `count` (gene, tree_size, weight_range, signature) is as from `count_signatures`, `state` (gene)
    1 or 0 = fitted on, -1 = only scored.
    """
    y = check_state(state)
    values = np.asarray(count, np.float32)
    if len(values) != len(y):
        raise InputError(
            f"there are counts of {len(values)} genes; give one for each of {len(y)} states"
        )
    values = values.reshape(len(values), -1)
    known = y >= 0
    with threadpool_limits(1):  # sums over threads would round by their number
        model = boosting(known.sum(), seed=0).fit(values[known], y[known])
        return model.predict_proba(values)[:, 1]


def first_criterion(count: ArrayLike) -> NDArray[np.float64]:
    """NIC1 of each gene (the share of perfect trees) averaged over the conditions."""
    trees = np.asarray(count)
    perfect = trees[..., 1:].sum(axis=-1) / trees.sum(axis=-1)
    return perfect.mean(axis=(1, 2))
