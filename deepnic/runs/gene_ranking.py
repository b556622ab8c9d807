"""Rankings of genes that need no network, to compare it with."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from deepnic.errors import InputError
from deepnic.learn.states import check_state


def rank_genes(count: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
    """Probability of class 1 by gradient boosting on the counts that the images are made of.

    Parameters
    ----------
    count : array (gene, tree_size, weight_range, signature)
        From `count_signatures`.
    state : array (gene)
        1 or 0 = fitted on, -1 = only scored.

    Returns
    -------
    array (gene)

    Raises
    ------
    InputError
        Counts and states do not fit, or a class has no gene to fit on.

    Examples
    --------
    >>> state = np.arange(100) % 2
    >>> count = np.zeros((100, 1, 1, 37))
    >>> count[:, 0, 0, 5] = state
    >>> rank_genes(count, np.where(np.arange(100) < 80, state, -1))[-2:].round(2)
    array([0., 1.])
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
        model = HistGradientBoostingClassifier(random_state=0).fit(values[known], y[known])
        return model.predict_proba(values)[:, 1]


def first_criterion(count: ArrayLike) -> NDArray[np.float64]:
    """NIC1 of each gene, the share of perfect trees, averaged over the conditions.

    Parameters
    ----------
    count : array (gene, tree_size, weight_range, signature)
        From `count_signatures`.

    Returns
    -------
    array (gene)

    Examples
    --------
    >>> count = np.zeros((1, 2, 1, 37), int)
    >>> count[0, :, 0, 0] = 4, 1  # trees that are not perfect, of 4
    >>> count[0, 1, 0, 9] = 3
    >>> first_criterion(count)
    array([0.375])
    """
    trees = np.asarray(count)
    perfect = trees[..., 1:].sum(axis=-1) / trees.sum(axis=-1)
    return perfect.mean(axis=(1, 2))
