"""Growing ROP trees and voting with them (compiled).

A step is a node. A cycle has two steps at most; the second looks at those whom the first did not
call at risk, and is skipped when nobody sick is left. Those at risk in any step go on to the next
cycle. A tree ends after a cycle without false positives, or after the last cycle. Its TP and FP are
those of the last cycle, its TN and FN those of the last step of every cycle.

Legend: V variables, n observations, m nodes at most. A node's row of ``record`` (m, 8) int64 is
CYCLE, STEP, THRESHOLD, TP, FP, TN, FN, TIES. All arrays are C-contiguous; rows past the last node
are zero, and a cycle of 0 marks them.
"""

from typing import NamedTuple

import numpy as np
from numba import boolean, float32, float64, int8, int32, int64, njit, uint8, uint64, void
from numba.types import Tuple

from deepnic.rop import signatures as code
from deepnic.rop.kernels.box import Box, in_blocks, make_box
from deepnic.rop.kernels.prefixes import SmallNode, make_scratch
from deepnic.rop.kernels.search import random_at, search
from deepnic.rop.kernels.small import MOST_OBSERVED, search_small

CYCLE, STEP, THRESHOLD, TP, FP, TN, FN, TIES = range(8)

SCALE = 1 << 16
"""Fixed point: one standard deviation is 65,536.

Over the n observations a tree is grown on, a standardised variable satisfies sum z^2 = n - 1, so it
spans at most sqrt(2 (n - 1)); with V <= 10 and |w| <= 4 a score spans at most
40 sqrt(2 (n - 1)) 2^16, which stays below 2^31 for every n up to 335,000: int32 cannot overflow.
"""

LIMIT = float(1 << 40)  # unseen values are cut here, far outside any threshold: int64 is then safe
LEAST = 1e-150  # standard deviation whose square a float64 holds to the last digit


@njit(
    [Tuple((float64, float64))(real[::1], boolean[::1]) for real in (float32, float64)],
    nogil=True,
    cache=True,
)
def moments(x, grown):
    """Mean and sd (n-1) of x (n,) over the observations grown on.

    Sums run in order, without reassociation: the same bits on every machine. The sd is 0 where x
    is constant, or so nearly that its spread is less than a float64 can square.
    """
    count = 0
    total = 0.0
    low, high = np.inf, -np.inf
    for i in range(x.size):
        if grown[i]:
            count += 1
            total += x[i]
            low, high = min(low, x[i]), max(high, x[i])
    mean = total / count
    if low == high:
        return mean, 0.0
    square = 0.0
    for i in range(x.size):
        if grown[i]:
            square += (x[i] - mean) * (x[i] - mean)
    sd = np.sqrt(square / (count - 1))
    return mean, 0.0 if sd < LEAST else sd


@njit(
    [void(real[::1], float64, float64, int64[::1]) for real in (float32, float64)],
    nogil=True,
    cache=True,
)
def scale(x, mean, sd, fixed):
    """Centre and scale x (n,) in fixed point; with an sd of 0 it is 0 everywhere."""
    if sd == 0:
        fixed[:] = 0
        return
    for i in range(x.size):
        fixed[i] = np.int64(np.rint(min(max((x[i] - mean) / sd * SCALE, -LIMIT), LIMIT)))


@njit(
    [void(real[::1], boolean[::1], int64[::1]) for real in (float32, float64)],
    nogil=True,
    cache=True,
)
def standardise(x, grown, fixed):
    """Centre and scale x (n,) by `moments` of the observations grown on, in fixed point."""
    mean, sd = moments(x, grown)
    scale(x, mean, sd, fixed)


class Plain(NamedTuple):
    """What searches nodes one vector after the other, under both rule sets."""

    weights: np.ndarray
    n_weights: np.ndarray
    rop8: bool
    no_ties: np.ndarray


class Searcher(NamedTuple):
    """What searches nodes under the exact rules, in blocks up to ``small_to`` observations."""

    plain: Plain
    in_blocks: bool
    small_to: int
    box: Box
    small: SmallNode


@njit(nogil=True, cache=True, inline="always")
def _make_plain(weights, n_weights, rop8):
    return Plain(weights, n_weights, rop8, np.empty((0, n_weights.size), np.int64))


@njit(nogil=True, cache=True, inline="always")
def make_searcher(weights, V, n):
    """Make what searches nodes of up to n observations; each of V genes has the weights (k,)."""
    of_each = np.empty((V, weights.size), np.int64)
    of_each[:] = weights
    plain = _make_plain(of_each, np.full(V, weights.size), False)
    box = make_box(weights, V)
    blocks = in_blocks(plain.weights, plain.n_weights)
    small_to = min(n, MOST_OBSERVED) if blocks else 0
    return Searcher(plain, blocks, small_to, box, make_scratch(box, V, small_to))


@njit(nogil=True, cache=True, inline="always")
def _search_plain(s, Z, P, key, coef):
    return search(Z, P, s.weights, s.n_weights, s.rop8, key, s.no_ties, coef)


@njit(nogil=True, cache=True, inline="always")
def search_in_blocks(s, Z, P, key, coef):
    """Search a node, in blocks if it is small."""
    threshold = tp = fp = ties = int64(0)
    if Z.shape[1] <= s.small_to:
        threshold, tp, fp, ties = search_small(Z, P, key, s.box, s.small, coef)
    if ties == 0:
        threshold, tp, fp, ties = _search_plain(s.plain, Z, P, key, coef)
    return threshold, tp, fp, ties


@njit(nogil=True, cache=True, inline="always")
def _grow(Z, y, look, searcher, max_cycles, max_steps, key, coef, record):
    V, n = Z.shape
    in_cycle = np.ones(n, np.bool_)
    node = 0
    total_fn = 0
    record[:] = 0
    cycle = 0
    while True:
        cycle += 1
        cycle_fp = 0
        waiting = in_cycle.copy()  # not yet at risk in a step of this cycle
        for step in range(1, max_steps + 1):
            chosen = np.concatenate((np.nonzero(waiting & y)[0], np.nonzero(waiting & ~y)[0]))
            P = (waiting & y).sum()
            N = chosen.size - P
            here = np.empty((V, chosen.size), np.int32)
            for v in range(V):
                for j in range(chosen.size):
                    here[v, j] = Z[v, chosen[j]]
            threshold, tp, fp, ties = look(searcher, here, P, random_at(key, node), coef[node])
            record[node] = np.array(
                [cycle, step, threshold, tp, fp, N - fp, P - tp, ties], np.int64
            )
            for j in range(chosen.size):
                score = 0
                for v in range(V):
                    score += coef[node, v] * here[v, j]
                if score >= threshold:
                    waiting[chosen[j]] = False
            cycle_fp += fp
            node += 1
            if tp == P:  # nobody sick is left to look for
                break
        total_fn += record[node - 1, FN]
        if cycle_fp == 0 or cycle == max_cycles:
            return node, cycle_fp == 0 and total_fn == 0
        in_cycle &= ~waiting


@njit(
    Tuple((int64, boolean))(
        int32[:, ::1], boolean[::1], int64[:, ::1], int64[::1], int64, int64, boolean, uint64,
        int64[:, ::1], int64[:, ::1],
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def grow(Z, y, weights, n_weights, max_cycles, max_steps, rop8, key, coef, record):
    """Grow one tree on Z (V, n) int32 and y (n,) bool; fills coef (m, V) and record (m, 8).

    Returns the number of nodes and whether the tree is perfect. A single tree is searched one
    vector after the other: compiled with blocks, it would take twice as long to compile.
    """
    plain = _make_plain(weights, n_weights, rop8)
    return _grow(Z, y, _search_plain, plain, max_cycles, max_steps, key, coef, record)


@njit(void(int64[:, ::1], int64[:, ::1], int64[:, ::1], int8[::1]), nogil=True, cache=True)
def vote(Z, coef, record, votes):
    """Walk Z (V, n) int64 down a tree; votes (n,) int8: +1 at risk, -1 not."""
    V, n = Z.shape
    m = record.shape[0]
    for i in range(n):
        node = 0
        verdict = 0
        while verdict == 0:
            score = 0
            for v in range(V):
                score += coef[node, v] * Z[v, i]
            cycle = record[node, CYCLE]
            if score < record[node, THRESHOLD]:
                if node + 1 == m or record[node + 1, CYCLE] != cycle:
                    verdict = -1
                node += 1
            else:
                while node < m and record[node, CYCLE] == cycle:
                    node += 1
                if node == m or record[node, CYCLE] == 0:
                    verdict = 1
        votes[i] = verdict


@njit(int64(int64[:], int64[:, ::1], int64, boolean, int64), nogil=True, cache=True)
def signature(weights, record, n_nodes, perfect, max_solutions):
    """Signature (signatures.py) of the gene whose weights over the nodes are given."""
    if not perfect:
        return 0
    positive = negative = True
    zero = False
    finite = unique = True
    for k in range(n_nodes):
        positive &= weights[k] > 0
        negative &= weights[k] < 0
        zero |= weights[k] == 0
        unique &= record[k, TIES] == 1
        finite &= 1 < record[k, TIES] <= max_solutions
    sign = code.POSITIVE if positive else code.NEGATIVE if negative else code.MIXED
    cycle = code.SEVERAL_CYCLES if record[n_nodes - 1, CYCLE] > 1 else code.ONE_CYCLE
    solution = code.FINITE if finite else code.UNIQUE if unique else code.OTHER
    if zero:
        sign = code.ZERO
    if n_nodes == 1:
        cycle = code.ONE_NODE
    return 1 + (sign * code.SHAPE[1] + cycle) * code.SHAPE[2] + solution


TREES = void(
    float32[:, ::1], int8[::1], int32[:, ::1], boolean[:, ::1], uint64[::1], int64[:, ::1],
    int64, float64[:, ::1], float64[:, ::1], int64[:, :, ::1], int64[:, :, ::1], uint8[:, ::1],
)  # fmt: skip
"""What `deepnic.rop.kernels.grow_trees` takes."""


@njit(nogil=True, cache=True, inline="always")
def grow_by(
    look, searcher, expression, y, members, in_bag, keys, max_solutions,
    mean, sd, coef, record, signatures,
):  # fmt: skip
    """Grow the trees of one draw, whose nodes a searcher looks at."""
    T, V = members.shape
    fixed = np.empty(y.size, np.int64)
    for t in range(T):
        grown = np.nonzero(in_bag[t])[0]
        Z = np.empty((V, grown.size), np.int32)
        for v in range(V):
            x = expression[members[t, v]]
            mean[t, v], sd[t, v] = moments(x, in_bag[t])
            scale(x, mean[t, v], sd[t, v], fixed)
            for j in range(grown.size):
                Z[v, j] = fixed[grown[j]]
        n_nodes, perfect = _grow(
            Z, y[grown] == 1, look, searcher, 3, 2, keys[t], coef[t], record[t]
        )
        for v in range(V):
            signatures[t, v] = signature(coef[t, :, v], record[t], n_nodes, perfect, max_solutions)


@njit(TREES, nogil=True, cache=True)
def grow_trees(
    expression, y, members, in_bag, keys, weights, max_solutions,
    mean, sd, coef, record, signatures,
):  # fmt: skip
    """Grow the trees of one draw; see `deepnic.rop.kernels.grow_trees`."""
    searcher = make_searcher(weights[0].copy(), members.shape[1], y.size)
    grow_by(
        search_in_blocks, searcher, expression, y, members, in_bag, keys, max_solutions,
        mean, sd, coef, record, signatures,
    )  # fmt: skip


@njit(
    void(
        float32[:, ::1], int32[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, :, ::1],
        int64[:, :, ::1], int8[:, ::1],
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def walk_trees(expression, members, mean, sd, coef, record, votes):
    """Walk the observations of expression (p, n) down trees of `grow_trees`; fills votes (T, n)."""
    T, V = members.shape
    fixed = np.empty((V, expression.shape[1]), np.int64)
    for t in range(T):
        for v in range(V):
            scale(expression[members[t, v]], mean[t, v], sd[t, v], fixed[v])
        vote(fixed, coef[t], record[t], votes[t])
