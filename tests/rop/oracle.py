"""The ROP tree in plain NumPy: slow, exact, and written from the rules alone.

Nothing here is shared with the compiled kernels. A cut is judged by counting who lies above it,
pair by pair; an area is the Mann-Whitney count of pairs, not a sum of trapezoids.

Letters: n observations, V variables, W weight vectors; everything is an exact integer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Node:
    """All the best vectors of a node and what they do."""

    ties: np.ndarray  # (n_ties, V)
    thresholds: np.ndarray  # (n_ties,)
    tp: np.ndarray  # (n_ties,)
    fp: np.ndarray  # (n_ties,)
    value: int
    area: int
    n_pos: int
    n_neg: int

    @property
    def n_ties(self) -> int:
        return len(self.ties)

    @property
    def candidates(self) -> np.ndarray:
        """The tied vectors with the smallest sum of |w|, among which one is retained."""
        size = np.abs(self.ties).sum(axis=1)
        return self.ties[size == size.min()]

    def at(self, coef: Sequence[int]) -> tuple[int, int, int]:
        """Threshold, true and false positives of one of the tied vectors."""
        (k,) = np.flatnonzero((self.ties == np.asarray(coef)).all(axis=1))
        return int(self.thresholds[k]), int(self.tp[k]), int(self.fp[k])

    def solution(self, max_solutions: int = 50_000) -> str:
        if self.n_ties == 1:
            return "unique"
        return "finite" if self.n_ties <= max_solutions else "overflow"


def box(low: Sequence[int], high: Sequence[int], step: Sequence[int]) -> np.ndarray:
    """Every weight vector of a box, (W, V)."""
    axes = [np.arange(lo, hi + 1, by) for lo, hi, by in zip(low, high, step, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def merge_top(scores: np.ndarray) -> np.ndarray:
    """`rop8`: a lone top-ranked observation joins the next group of equal scores; (W, n)."""
    ordered = np.sort(scores, axis=1)
    return np.minimum(scores, ordered[:, -2:-1])


def search(X: np.ndarray, y: np.ndarray, weights: np.ndarray, rules: str = "exact") -> Node:
    """Search the best vectors of a node: X (n, V) integers, y (n,), weights (W, V)."""
    scores = weights.astype(np.int64) @ X.astype(np.int64).T
    if rules == "rop8":
        scores = merge_top(scores)
    pos, neg = scores[:, y == 1], scores[:, y == 0]
    P, N = pos.shape[1], neg.shape[1]
    # The cut at each observation's own score: who is at or above it?
    tp = (pos[:, None, :] >= scores[:, :, None]).sum(axis=2)
    fp = (neg[:, None, :] >= scores[:, :, None]).sum(axis=2)
    values = tp * N - fp * P
    value = values.max(axis=1)
    area = (pos[:, :, None] > neg[:, None, :]).sum(axis=(1, 2)) + (
        pos[:, :, None] >= neg[:, None, :]
    ).sum(axis=(1, 2))
    best = max(zip(value.tolist(), area.tolist(), strict=True))
    tied = np.flatnonzero((value == best[0]) & (area == best[1]))
    lowest = np.iinfo(np.int64).min
    highest = np.where(values[tied] == best[0], scores[tied], lowest).argmax(axis=1)
    return Node(
        ties=weights[tied],
        thresholds=scores[tied, highest],
        tp=tp[tied, highest],
        fp=fp[tied, highest],
        value=best[0],
        area=best[1],
        n_pos=P,
        n_neg=N,
    )


@dataclass(frozen=True)
class Step:
    """One node of a grown tree."""

    cycle: int  # 1-based
    step: int  # 1-based
    subjects: np.ndarray
    coef: np.ndarray
    threshold: int
    tp: int
    fp: int
    tn: int
    fn: int
    n_ties: int
    smallest: np.ndarray  # candidates: several if the retained vector is drawn
    solution: str


@dataclass(frozen=True)
class Tree:
    """A grown tree and its totals."""

    steps: list[Step]
    cycles: list[tuple[int, int, int, int]]  # tp, fp over the steps; tn, fn of the last step
    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def perfect(self) -> bool:
        return self.fp == 0 and self.fn == 0 and self.tp > 0 and self.tn > 0

    @property
    def n_cycles(self) -> int:
        return len(self.cycles)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Walk one observation at a time through the nodes; X (n, V) on the tree's own integers."""
        return np.array([self._walk([int(x) for x in row]) for row in X], dtype=np.int8)

    def _walk(self, x: list[int]) -> int:
        for cycle in range(1, self.n_cycles + 1):
            nodes = [s for s in self.steps if s.cycle == cycle]
            scores = [sum(int(w) * v for w, v in zip(s.coef, x, strict=True)) for s in nodes]
            if all(score < node.threshold for score, node in zip(scores, nodes, strict=True)):
                return 0
        return 1


def grow(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    *,
    rules: str = "exact",
    max_cycles: int = 3,
    max_steps: int = 2,
    max_solutions: int = 50_000,
    follow: Sequence[Sequence[int]] | None = None,
    restrict: bool = False,
) -> Tree:
    """Grow a tree on integers X (n, V).

    `follow` gives the coefficients of the nodes in order, as where a draw decided them; with
    `restrict` only that vector is searched at its node (a large box, its ties not wanted).
    """
    steps: list[Step] = []
    cycles: list[tuple[int, int, int, int]] = []
    subjects = np.arange(len(y))
    for cycle in range(1, max_cycles + 1):
        left, at_risk = subjects, []
        for step in range(1, max_steps + 1):
            wanted = None if follow is None else np.asarray(follow[len(steps)])
            searched = wanted[None] if restrict and wanted is not None else weights
            node = search(X[left], y[left], searched, rules)
            coef = node.candidates[0] if wanted is None else wanted
            threshold, tp, fp = node.at(coef)
            tn, fn = node.n_neg - fp, node.n_pos - tp
            steps.append(
                Step(
                    cycle, step, left, coef, threshold, tp, fp, tn, fn,
                    node.n_ties, node.candidates, node.solution(max_solutions),
                )
            )  # fmt: skip
            above = X[left].astype(np.int64) @ coef >= threshold
            at_risk.append(left[above])
            left = left[~above]
            if fn == 0:
                break
        mine = [s for s in steps if s.cycle == cycle]
        cycles.append((sum(s.tp for s in mine), sum(s.fp for s in mine), mine[-1].tn, mine[-1].fn))
        subjects = np.concatenate(at_risk)
        if cycles[-1][1] == 0:
            break
    return Tree(
        steps,
        cycles,
        tp=cycles[-1][0],
        fp=cycles[-1][1],
        tn=sum(c[2] for c in cycles),
        fn=sum(c[3] for c in cycles),
    )


def criteria(
    weights: Sequence[int], solutions: Sequence[str], n_cycles: int, perfect: bool
) -> dict[int, bool]:
    """The ten criteria from their wording: a gene's weights and each node's solution class."""
    nonzero = all(w != 0 for w in weights)
    positive = all(w > 0 for w in weights)
    negative = all(w < 0 for w in weights)
    held = {
        1: True,
        2: nonzero,
        3: positive,
        4: negative,
        5: positive or negative,
        6: nonzero and not (positive or negative),
        7: n_cycles == 1,
        8: n_cycles == 1 and len(solutions) == 1,
        9: all(s == "finite" for s in solutions),
        10: all(s == "unique" for s in solutions),
    }
    return {k: perfect and v for k, v in held.items()}


def events_of_signature(signature: int) -> frozenset[int]:
    """The criteria a signature stands for, by way of a made-up tree of its class.

    The class (mixed signs, one node) has no tree; its criteria follow from the same wording.
    """
    if signature == 0:
        return frozenset()
    sign, rest = divmod(signature - 1, 9)
    cycle, solution = divmod(rest, 3)
    weights = [(0, 1), (2, 1), (-1, -2), (1, -1)][sign]
    n_nodes = 1 if cycle == 2 else 2
    solutions = [["overflow", "finite", "unique"][solution]] * n_nodes
    held = criteria(weights, solutions, 2 if cycle == 0 else 1, True)
    return frozenset(k for k, holds in held.items() if holds)


def fixed(
    X: np.ndarray, grown: np.ndarray | None = None, quantitative: np.ndarray | bool = True
) -> np.ndarray:
    """Multiples of 2**-16 as integers, standardised over the rows grown on; X (n, V)."""
    X = np.asarray(X, float)
    part = X if grown is None else X[grown]
    constant = (part == part[0]).all(axis=0)
    sd = np.where(constant, 1.0, part.std(axis=0, ddof=1))
    Z = np.where(quantitative, np.where(constant, 0.0, (X - part.mean(axis=0)) / sd), X)
    return np.rint(Z * 2**16).astype(np.int64)
