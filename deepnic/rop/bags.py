"""Bags: which observations each tree is grown on, and which it votes on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

GROUPS = "groups"
"""What the parameter ``bags`` of a forest says where they are of groups; else there is none."""


def bag_size(n: int, subsample: float, max_bag: int | None = None) -> int:
    """Observations of a class in a tree: the nearest whole number, but at least one left out.

    No more than ``max_bag``, where there is a limit. The order in which a class is drawn does not
    depend on it: the smaller bag is the beginning of the larger. Bags of groups come near it.
    """
    bag = n if subsample == 1 else min(max(int(subsample * n + 0.5), 1), n - 1)
    return bag if max_bag is None else min(bag, max_bag)


def group_of(cohort: xr.Dataset) -> NDArray[np.int32] | None:
    """Group of each observation of known state, numbered as they are met; -1 of the others.

    None where no two of known state share one, such as a patient: bags need not know of it then.

    Examples
    --------
    >>> cohort = xr.Dataset({"state": ("observation", [1, -1, 0, 1])})
    >>> group_of(cohort.assign_coords(group=("observation", ["b", "x", "a", "b"])))
    array([ 0, -1,  1,  0], dtype=int32)
    """
    if "group" not in cohort.coords:
        return None
    known = cohort["state"].values >= 0
    number, groups = pd.factorize(cohort["group"].values[known].astype(object))
    if len(groups) == number.size:
        return None
    group = np.full(known.size, -1, np.int32)
    group[known] = number
    return group


def grouped(cohort: xr.Dataset, parameters: Mapping[str, object]) -> NDArray[np.int32] | None:
    """Groups of which a forest of these parameters draws its bags; None of observations."""
    return group_of(cohort) if parameters.get("bags") == GROUPS else None


def draw_bags(
    words: NDArray[np.uint64],
    state: NDArray[np.int8],
    group: NDArray[np.int32] | None,
    subsample: float,
    max_bag: int | None,
) -> NDArray[np.bool_]:
    """Draw the bag of each tree, (tree, observation).

    ``words`` (tree, observation) are random, ``state`` (observation,) is 0 or 1, and ``group``
    (observation,) counts from 0, as of `group_of`. Of each class the first of a random order are in
    bag, as many as `bag_size` says.

    Of groups (ours), all of a group are in bag or none, so that no tree votes on what it was grown
    on another array of. Groups come in the order of their first observations' words, and one is
    taken that brings the bag nearer to both classes' sizes: the sum of the distances, each as a
    share of its size, becomes less. The first that holds a class is taken anyway, and the last
    that could be left out of a class is not, so that each class is grown on and voted on, if two
    groups hold it. Where each observation is a group, these are the bags of observations.
    """
    sizes = [bag_size(int((state == label).sum()), subsample, max_bag) for label in (0, 1)]
    if group is not None:
        return _draw_groups(words, state, group, np.array(sizes))
    in_bag = np.zeros(words.shape, bool)
    for label in (0, 1):
        columns = np.flatnonzero(state == label)
        best = np.argsort(words[:, columns], axis=1, kind="stable")[:, : sizes[label]]
        np.put_along_axis(in_bag, columns[best], True, axis=1)
    return in_bag


def _draw_groups(
    words: NDArray[np.uint64],
    state: NDArray[np.int8],
    group: NDArray[np.int32],
    wanted: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Bags of groups, near the sizes wanted of the classes (2,)."""
    _, first = np.unique(group, return_index=True)
    held = np.stack([np.bincount(group[state == k], minlength=len(first)) for k in (0, 1)], axis=1)
    is_cut = wanted < held.sum(axis=0)  # classes of which something is to be left out
    n_trees, trees = len(words), np.arange(len(words))
    taken = np.zeros((n_trees, len(first)), bool)
    size = np.zeros((n_trees, 2), np.int64)
    left = np.tile((held > 0).sum(axis=0), (n_trees, 1))  # groups that hold a class, out of bag
    for one in np.argsort(words[:, first], axis=1, kind="stable").T:
        more = held[one]
        further = np.abs(size + more - wanted) - np.abs(size - wanted)
        is_nearer = further @ wanted[::-1] < 0  # shares of the sizes, times both
        is_first = ((more > 0) & (size == 0)).any(axis=1)
        is_last = ((more > 0) & (left == 1) & is_cut).any(axis=1)
        taken[trees, one] = take = (is_nearer | is_first) & ~is_last
        size += more * take[:, None]
        left -= (more > 0) & take[:, None]
    return taken[:, group]
