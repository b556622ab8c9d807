"""Nodes to search: with structure and without."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

from deepnic.rop.engine import weights_of_range
from tests.rop.oracle import fixed


class Node(NamedTuple):
    """A node and its box, as the compiled search takes them.

    Attributes
    ----------
    Z : array of int32, shape (V, n)
        Fixed-point values, the positives first.
    P : int
        How many are positive.
    weights : array of int64, shape (V, R)
        Weights of each variable.
    n_weights : array of int64, shape (V,)
        R for each.
    """

    Z: NDArray[np.int32]
    P: int
    weights: NDArray[np.int64]
    n_weights: NDArray[np.int64]

    @property
    def n_vectors(self) -> int:
        """Weight vectors of the box."""
        return int(self.n_weights.prod())


def wisconsin(n: int, R: int, V: int, seed: int) -> Node:
    """Some observations and variables of the Wisconsin table: classes that really overlap."""
    table = load_breast_cancer()
    random = np.random.default_rng([n, R, V, seed])
    rows, columns = random.choice(569, n, replace=False), random.choice(30, V, replace=False)
    return _node(table.data[rows][:, columns], 1 - table.target[rows], R)


def noise(n: int, R: int, V: int, seed: int) -> Node:
    """Variables that know nothing of the state: the least that can be pruned."""
    random = np.random.default_rng([n, R, V, seed])
    return _node(random.standard_normal((n, V)), np.arange(n) % 2, R)


def _node(X: NDArray[np.float64], y: NDArray[np.int64], R: int) -> Node:
    Z = fixed(X)[np.argsort(1 - y, kind="stable")].T
    weights = np.tile(weights_of_range(R), (len(Z), 1))
    return Node(Z.astype(np.int32, order="C"), int(y.sum()), weights, np.full(len(Z), R))
