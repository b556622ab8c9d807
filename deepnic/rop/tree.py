"""One node and one tree, for people: checked input, results with names."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError, choose

RULES = ("exact", "rop8")
MAX_SOLUTIONS = 50_000
LEAST = 1e-150
"""Spread below which squares vanish from float64; those of values above its inverse overflow."""


@dataclass(frozen=True)
class Node:
    """One weight vector and its threshold, and what they do to the node's observations."""

    coef: NDArray[np.int64]  # (V,): the weights retained
    threshold: float  # at risk are scores of at least this, in units of the scores
    tp: int
    fp: int
    tn: int
    fn: int
    n_ties: int  # weight vectors that reach the optimum
    solution: str  # "unique", "finite", or "overflow": more than max_solutions
    cycle: int = 1  # place in its tree, from 1
    step: int = 1
    ties: NDArray[np.int64] | None = None  # (n_ties, V): all best vectors, on request


@dataclass(frozen=True)
class Tree:
    """A grown ROP tree: its nodes in the order grown, and the counts of the whole.

    TP and FP are of the last cycle, TN and FN of the last step of every cycle.
    """

    nodes: tuple[Node, ...]
    tp: int
    fp: int
    tn: int
    fn: int
    _X: NDArray[np.float64] = field(repr=False)
    _quantitative: NDArray[np.bool_] = field(repr=False)
    _coef: NDArray[np.int64] = field(repr=False)
    _record: NDArray[np.int64] = field(repr=False)

    @property
    def cycles(self) -> int:
        """Number of cycles."""
        return self.nodes[-1].cycle

    @property
    def perfect(self) -> bool:
        """Whether Se = Sp = 1 on the observations grown on."""
        return self.fp == 0 and self.fn == 0

    def predict(self, X: ArrayLike) -> NDArray[np.int8]:
        """Walk observations down the tree: 1 at risk, 0 not, int8 (n,).

        X (n, V) holds raw values, as given to `grow_tree`; refused where it is no finite table.
        """
        from deepnic.rop import kernels

        X = _table(X, columns=len(self._quantitative))
        seen = np.concatenate([np.ones(len(self._X), bool), np.zeros(len(X), bool)])
        Z = _fixed(np.concatenate([self._X, X]), self._quantitative, seen)
        votes = np.empty(len(seen), np.int8)
        kernels.tree.vote(Z, self._coef, self._record, votes)
        return (votes[len(self._X) :] == 1).astype(np.int8)


def search_node(
    X: ArrayLike,
    y: ArrayLike,
    *,
    weight_min: ArrayLike,
    weight_max: ArrayLike,
    weight_step: ArrayLike = 1,
    rules: str = "exact",
    max_solutions: int = MAX_SOLUTIONS,
    rng: int | np.random.Generator | None = None,
    return_ties: bool = False,
) -> Node:
    """Best integer weight vectors of one node.

    Parameters
    ----------
    X : array, shape (n, V)
        Values as given, not rescaled; rounded to multiples of 2**-16.
    y : array, shape (n,)
        1 and 0.
    weight_min, weight_max, weight_step : int or sequence of V int
        Box of the weights, ends included.
    rules : {"exact", "rop8"}
        The definition, or the outcome of the authors' executable: it never looks at the cut with
        one observation at risk, and its area's first trapezoid runs straight to the next cut.
    max_solutions : int
        Ties beyond this make the solution ``"overflow"``.
    rng : int, Generator or None
        Draws among equally good vectors; None is seed 0, so that a call can be repeated.
    return_ties : bool
        Also return every best vector.

    Returns
    -------
    Node

    Raises
    ------
    InputError
        Wrong shapes, values that are not finite, one class only, an empty box, or weights that
        would overflow the fixed point.

    Notes
    -----
    Definition: Nguyen et al. 2021 and the programs ROP V8.0 and ROP 1.0 (CRAN).

    Examples
    --------
    >>> node = search_node([[1.0], [2.0], [3.0]], [0, 1, 1], weight_min=-1, weight_max=1)
    >>> node.coef, node.threshold, node.tp, node.fp, node.solution
    (array([1]), 2.0, 2, 0, 'unique')
    """
    from deepnic.rop import kernels

    X = _table(X)
    at_risk = _classes(y, len(X))
    weights, n_weights = _box(weight_min, weight_max, weight_step, X.shape[1])
    order = np.argsort(~at_risk, kind="stable")  # positives first
    Z = _int32(_fixed(X[order], np.zeros(X.shape[1], bool), np.ones(len(X), bool)), weights)
    P = int(at_risk.sum())
    node = Z, P, weights, n_weights, choose("rules", rules, RULES) == "rop8", _key(rng)
    coef = np.empty(X.shape[1], np.int64)
    no_ties = np.empty((0, coef.size), np.int64)
    threshold, tp, fp, n_ties = map(int, kernels.search.search(*node, no_ties, coef))
    ties = None
    if return_ties:
        ties = np.empty((n_ties, coef.size), np.int64)
        kernels.search.search(*node, ties, coef)
    row = [1, 1, threshold, tp, fp, len(X) - P - fp, P - tp, n_ties]
    return _node(coef, row, max_solutions, ties)


def grow_tree(
    X: ArrayLike,
    y: ArrayLike,
    *,
    weight_min: ArrayLike,
    weight_max: ArrayLike,
    weight_step: ArrayLike = 1,
    max_cycles: int = 3,
    max_steps: int = 2,
    quantitative: ArrayLike = True,
    rules: str = "exact",
    max_solutions: int = MAX_SOLUTIONS,
    rng: int | np.random.Generator | None = None,
) -> Tree:
    """Grow one ROP tree.

    Parameters
    ----------
    X : array, shape (n, V)
        Raw values.
    y : array, shape (n,)
        1 and 0.
    weight_min, weight_max, weight_step, rules, max_solutions, rng
        As in `search_node`.
    max_cycles, max_steps : int
        Cycles of a tree and steps of a cycle at most.
    quantitative : bool or sequence of V bool
        Variables to standardise on these observations; the others are used as given.

    Returns
    -------
    Tree

    Raises
    ------
    InputError
        As `search_node`.

    Notes
    -----
    Definition: Nguyen et al. 2021 and the program ROP V8.0.

    Examples
    --------
    >>> X = [[1.0, 5.0], [2.0, 1.0], [3.0, 4.0], [4.0, 0.0]]
    >>> tree = grow_tree(X, [0, 0, 1, 1], weight_min=-1, weight_max=1)
    >>> tree.perfect, tree.cycles, tree.predict([[9.0, 0.0], [0.0, 0.0]])
    (True, 1, array([1, 0], dtype=int8))
    """
    from deepnic.rop.kernels.tree import CYCLE, FN, FP, TN, TP, grow

    X = _table(X)
    at_risk = _classes(y, len(X))
    weights, n_weights = _box(weight_min, weight_max, weight_step, X.shape[1])
    if max_cycles < 1 or max_steps < 1:
        raise InputError("max_cycles and max_steps must be at least 1; leave them out for 3 and 2")
    scaled = np.asarray(quantitative, bool)
    if scaled.shape not in ((), X.shape[1:]):
        raise InputError(f"quantitative must be one bool or one for each of the {X.shape[1]}")
    scaled = np.broadcast_to(scaled, X.shape[1]).copy()
    Z = _int32(_fixed(X, scaled, np.ones(len(X), bool)), weights)
    coef = np.zeros((max_cycles * max_steps, X.shape[1]), np.int64)
    record = np.zeros((len(coef), 8), np.int64)
    rop8 = choose("rules", rules, RULES) == "rop8"
    n_nodes, _ = grow(
        Z, at_risk, weights, n_weights, max_cycles, max_steps, rop8, _key(rng), coef, record
    )
    coef, record = coef[:n_nodes], record[:n_nodes]
    nodes = [_node(c, row, max_solutions) for c, row in zip(coef, record.tolist(), strict=True)]
    cycle = record[:, CYCLE]
    last_steps = np.flatnonzero(np.diff(cycle, append=0))
    tp, fp = record[cycle == cycle[-1]][:, [TP, FP]].sum(axis=0).tolist()
    tn, fn = record[last_steps][:, [TN, FN]].sum(axis=0).tolist()
    return Tree(tuple(nodes), tp, fp, tn, fn, X, scaled, coef, record)


def _node(
    coef: NDArray[np.int64],
    row: list[int],
    max_solutions: int,
    ties: NDArray[np.int64] | None = None,
) -> Node:
    """Name what the kernels say of a node; their thresholds are fixed-point numbers."""
    from deepnic.rop import kernels

    cycle, step, threshold, tp, fp, tn, fn, n_ties = row
    solution = "overflow" if n_ties > max_solutions else "unique" if n_ties == 1 else "finite"
    score = threshold / kernels.tree.SCALE
    return Node(coef, score, tp, fp, tn, fn, n_ties, solution, cycle, step, ties)


def _key(rng: int | np.random.Generator | None) -> np.uint64:
    if isinstance(rng, np.random.Generator):
        return rng.integers(2**64, dtype=np.uint64)
    if not 0 <= (rng or 0) < 2**64:
        raise InputError(f"rng is {rng}; give a Generator or a seed from 0 to 2**64 - 1")
    return np.uint64(rng or 0)


def _table(X: ArrayLike, columns: int | None = None) -> NDArray[np.float64]:
    try:
        X = np.asarray(X, np.float64)
    except ValueError as error:
        raise InputError(f"X is not a table of numbers ({error}); clean it first") from error
    if X.ndim != 2 or 0 in X.shape or columns not in (None, X.shape[-1]):
        wanted = "V" if columns is None else columns
        raise InputError(f"X has shape {X.shape}; it must be (observations, {wanted} variables)")
    if not np.isfinite(X).all():
        raise InputError("X holds NaN or infinite values; impute or drop them first")
    return X


def _classes(y: ArrayLike, n: int) -> NDArray[np.bool_]:
    y = np.asarray(y)
    if y.shape != (n,) or not np.isin(y, (0, 1)).all():
        raise InputError(f"y must hold one 0 or 1 for each of the {n} observations")
    if len(np.unique(y)) < 2:
        raise InputError("y holds one class only; a node needs observations of both")
    return y.astype(bool)


def _box(
    low: ArrayLike, high: ArrayLike, step: ArrayLike, V: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    try:
        box = [np.asarray(a).astype(np.int64, casting="safe") for a in (low, high, step)]
        low, high, step = (np.broadcast_to(a, V) for a in box)
    except (TypeError, ValueError) as error:
        message = f"weight_min, weight_max and weight_step must be integers, one or {V} each"
        raise InputError(message) from error
    if (step < 1).any() or (low > high).any():
        raise InputError(
            "the box of weights is empty; weight_min <= weight_max and weight_step >= 1"
        )
    n_weights = (high - low) // step + 1
    return low[:, None] + step[:, None] * np.arange(n_weights.max()), n_weights


def _fixed(
    X: NDArray[np.float64], quantitative: NDArray[np.bool_], grown: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Fixed-point values (V, n); quantitative variables standardised over the rows grown on."""
    from deepnic.rop import kernels

    Z = np.empty(X.T.shape, np.int64)
    for v, x in enumerate(np.ascontiguousarray(X.T)):
        low, high = x[grown].min(), x[grown].max()
        if quantitative[v]:
            if not low == high and not (high - low > LEAST and max(-low, high) < 1 / LEAST):
                raise InputError(
                    f"variable {v} of X runs from {low} to {high}, and the squares of that are "
                    "beyond float64; multiply it by a number that makes it ordinary"
                )
            kernels.tree.standardise(x, grown, Z[v])
        else:
            limit = kernels.tree.LIMIT
            Z[v] = np.rint(np.clip(x * kernels.tree.SCALE, -limit, limit)).astype(np.int64)
            if low < high and np.ptp(Z[v, grown]) == 0:
                raise InputError(
                    f"variable {v} of X runs from {low} to {high}, which is one number in steps of "
                    f"1/{kernels.tree.SCALE:,}; standardise it"
                )
    return Z


def _int32(Z: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.int32]:
    """Z as int32, once no score of the box can overflow."""
    spans = (Z.max(axis=1) - Z.min(axis=1)).astype(float)
    if spans @ np.abs(weights).max(axis=1) >= 2**31 or np.abs(Z).max() >= 2**31:
        raise InputError(
            "scores of these weights would overflow the fixed point (sum of |weight| x range must "
            "stay below 32,768); standardise the variables or take a smaller box"
        )
    return Z.astype(np.int32)
