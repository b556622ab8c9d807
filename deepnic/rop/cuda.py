"""The node search on a GPU: many nodes a launch, exact rules, the bits of kernels/search.py.

Nothing of deepnic uses it yet: it is the part that decides whether forests of many patients can be
grown on a GPU, compared with kernels/search.py in Numba's simulator (102,000 small nodes, none of
which differs) and compiled for compute capability 7.5 and 9.0 (`python -m tests.benchmarks.cuda`).
It has not run on a device, and nothing is known of its speed there. It takes
``numba-cuda[cu13]`` (or cu12) beside deepnic.

The search of a core walks through prefixes and gives up most; on a GPU every vector is looked at,
by a thread of its own, but seldom to the last digit:

1. `bound`. A thread adds up the scores of its vector twice, for their range and for a histogram of
   128 equal buckets. A cut between two buckets errs on so many of the high observations (positives)
   and low ones (negatives): its cost, H L less its value, is exact. A cut inside a bucket lets in
   at best all its high ones and none of its low: no cut of the vector costs less than the least of
   these. The least exact cost of all vectors of a node is the limit that its best do not exceed.
2. `judge`. Vectors whose bound is within the limit (of noise of 800 observations some 3 in a
   hundred; with 64 buckets they were 16, and dearer than all bounds) are taken one by one by all
   threads of a block: each observation's score is the threshold of a cut,
   whose errors are counted, and pairs in the wrong order (2) or equal (1) are what the area lacks
   of 2 H L. A vector's rank is its cost before that, in one integer: the least are the best.
3. `count`, `draw`, `settle`. Vectors of the least rank tie. As kernels/search.py has it the one of
   the least sum of |w| is retained, and of several the one with the least random number, which is a
   function of the node's key and the vector's number: no two have the same.
4. `cut`. The retained vector's cheapest cut of the highest threshold.

Minima and sums of integers do not depend on the order in which threads come, so the bits are the
same on every device. Scores stay in int32 where those of kernels/search.py do (variables are
centred on their mean at the node first); H L is below 2^30, as a node has 8,192 observations at
most.

*Trees* would be grown in lockstep, level by level: the next nodes of all trees of a block are one
launch, at most six of them, and between two the host only compares scores with thresholds and drops
trees that are done. `deepnic.rop.engine.grow_some` is the seam: it takes and gives arrays.

Legend: V variables, R weights of each, n observations of a node, H of them high (and first) and L
low. Kernels are made for one V, so that their loops over variables are unrolled, and for a number
of threads a block.
"""

from functools import cache
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from numba import cuda, int32, int64, uint32, uint64
from numpy.typing import NDArray

from deepnic.errors import EngineError

THREADS = 64
EACH = 16  # vectors of a thread
BUCKETS = 128
MOST_OBSERVED = 8192
LAUNCH_BYTES = 1 << 30  # ranks of the vectors of a launch
LARGE = 1 << 62


class Found(NamedTuple):
    """The best of each node, as `deepnic.rop.kernels.search.search` gives it."""

    coef: NDArray[np.int32]  # (node, V)
    threshold: NDArray[np.int64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    ties: NDArray[np.int64]


def search_nodes(
    nodes: list[NDArray[np.int32]],
    high: NDArray[np.int64],
    keys: NDArray[np.uint64],
    weights: NDArray[np.int64],
    threads: int = THREADS,
    each: int = EACH,
) -> Found:
    """Search nodes (V, n), the first ``high`` observations of each positive.

    Every variable has the same weights (R,); ``keys`` are what ties are drawn with. The result does
    not depend on ``threads`` of a block and vectors of ``each``.
    """
    n_vectors = len(weights) ** len(nodes[0])
    if (most := max(node.shape[1] for node in nodes)) > MOST_OBSERVED:
        raise EngineError(
            f"a node of {most:,} observations does not fit a GPU's shared memory; limit the bag"
        )
    together = max(LAUNCH_BYTES // (8 * n_vectors), 1)
    parts = [
        _launch(nodes[some], high[some], keys[some], weights, threads, each)
        for some in (slice(k, k + together) for k in range(0, len(nodes), together))
    ]
    return Found(*(np.concatenate(rows) for rows in zip(*parts, strict=True)))


def _launch(
    nodes: list[NDArray[np.int32]],
    high: NDArray[np.int64],
    keys: NDArray[np.uint64],
    weights: NDArray[np.int64],
    threads: int,
    each: int,
) -> Found:
    V, B, n_vectors = len(nodes[0]), len(nodes), len(weights) ** len(nodes[0])
    centre = [node.sum(axis=1, dtype=np.int64) // node.shape[1] for node in nodes]
    moved = [node - c[:, None].astype(np.int32) for node, c in zip(nodes, centre, strict=True)]
    first = np.cumsum([0, *(node.shape[1] for node in nodes)])
    given = [np.concatenate(moved, axis=1), first, high.astype(np.int64), weights.astype(np.int32)]
    Z, first, high, weights = map(cuda.to_device, map(np.ascontiguousarray, given))
    rank = cuda.device_array((B, n_vectors), np.int64)
    limit, best, least = (cuda.to_device(np.full(B, LARGE)) for _ in range(3))
    chance = cuda.to_device(np.full(B, np.iinfo(np.uint64).max))
    ties, winner, found = (cuda.to_device(np.zeros(s, np.int64)) for s in (B, B, (B, 3)))
    coef, keys = cuda.to_device(np.zeros((B, V), np.int32)), cuda.to_device(keys)
    do, blocks = kernels(V, threads), B * -(-n_vectors // (threads * each))
    do.bound[blocks, threads](Z, first, high, weights, rank, limit)
    do.judge[blocks, threads](Z, first, high, weights, rank, limit, best)
    do.count[blocks, threads](weights, rank, best, ties, least)
    do.draw[blocks, threads](weights, rank, best, least, keys, chance)
    do.settle[blocks, threads](rank, best, keys, chance, winner)
    do.cut[B, threads](Z, first, high, weights, winner, coef, found)
    coefs = coef.copy_to_host()
    threshold, tp, fp = found.copy_to_host().T
    threshold = threshold + (coefs * np.array(centre)).sum(axis=1)
    return Found(coefs, threshold, tp, fp, ties.copy_to_host())


@cache
def kernels(V: int, threads: int) -> SimpleNamespace:
    """Make the kernels for trees of V genes; compiled when first launched."""
    spell, score, place = _small_parts(V)
    return SimpleNamespace(
        bound=_bounding(V, threads, spell, score, place),
        judge=_judging(V, threads, spell, score),
        **_choosing(V, spell, place),
        cut=_cutting(V, threads, spell, score),
    )


def _small_parts(V):
    """Weights of a vector, score of an observation, and what a thread is to look at."""

    @cuda.jit(device=True)
    def spell(vector, weights, w):
        """Fill w with the weights of a vector, the last variable's changing fastest."""
        R = weights.shape[0]
        for k in range(V):
            w[V - 1 - k] = weights[vector % R]
            vector //= R

    @cuda.jit(device=True)
    def score(Z, i, w):
        s = int32(0)
        for v in range(V):
            s = int32(s + w[v] * Z[v, i])
        return s

    @cuda.jit(device=True)
    def place(n_nodes):
        """Node of a thread, its first vector, and how far apart its vectors are."""
        tiles = cuda.gridDim.x // n_nodes
        first = cuda.blockIdx.x % tiles * cuda.blockDim.x + cuda.threadIdx.x
        return cuda.blockIdx.x // tiles, first, tiles * cuda.blockDim.x

    return spell, score, place


def _bounding(V, threads, spell, score, place):
    """Bounds of all vectors: see the module."""

    @cuda.jit
    def bound(Z, first, high, weights, rank, limit):
        counts = cuda.shared.array((BUCKETS, threads), uint32)  # low ones, and 2^16 a high one
        mine = cuda.threadIdx.x
        w = cuda.local.array(V, int32)
        node, vector, step = place(high.size)
        start, end = first[node], first[node + 1]
        H, L = high[node], end - start - high[node]
        while vector < rank.shape[1]:
            spell(vector, weights, w)
            least = most = score(Z, start, w)
            for i in range(start + 1, end):
                s = score(Z, i, w)
                least, most = min(least, s), max(most, s)
            shift = 0
            while (most - least) >> shift >= BUCKETS:
                shift += 1
            for b in range(BUCKETS):
                counts[b, mine] = 0
            for i in range(start, start + H):
                counts[(score(Z, i, w) - least) >> shift, mine] += uint32(1 << 16)
            for i in range(start + H, end):
                counts[(score(Z, i, w) - least) >> shift, mine] += uint32(1)
            cost = at_least = H * L  # of everybody at risk
            missed, let_in = H, int64(0)
            for b in range(BUCKETS - 1, -1, -1):
                missed -= int64(counts[b, mine] >> uint32(16))
                at_least = min(at_least, missed * L + let_in * H)
                let_in += int64(counts[b, mine] & uint32(0xFFFF))
                cost = min(cost, missed * L + let_in * H)
            rank[node, vector] = at_least << 32
            if cost < limit[node]:
                cuda.atomic.min(limit, node, cost)
            vector += step

    return bound


def _judging(V, threads, spell, score):
    """Ranks of vectors whose bounds are within the limit; all threads of a block a vector."""

    @cuda.jit
    def judge(Z, first, high, weights, rank, limit, best):
        scores = cuda.shared.array(MOST_OBSERVED, int32)
        costs = cuda.shared.array(threads, int64)
        lacks = cuda.shared.array(threads, int64)  # a line of its own: the simulator goes by lines
        w = cuda.local.array(V, int32)
        mine = cuda.threadIdx.x
        tiles = cuda.gridDim.x // high.size
        node, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        start, n = first[node], first[node + 1] - first[node]
        H, L = high[node], n - high[node]
        for vector in range(tile, rank.shape[1], tiles):
            if rank[node, vector] >> 32 > limit[node]:
                continue
            spell(vector, weights, w)
            for i in range(mine, n, threads):
                scores[i] = score(Z, start + i, w)
            cuda.syncthreads()
            cost, lack = int64(H * L), int64(0)
            for i in range(mine, n, threads):
                missed = let_in = equal = int64(0)
                for j in range(H):
                    missed += scores[j] < scores[i]
                for j in range(H, n):
                    let_in += scores[j] >= scores[i]
                    equal += scores[j] == scores[i]
                cost = min(cost, missed * L + let_in * H)
                if i < H:
                    lack += 2 * let_in - equal
            costs[mine], lacks[mine] = cost, lack
            cuda.syncthreads()
            if mine == 0:
                for k in range(1, threads):
                    cost = min(cost, costs[k])
                    lack += lacks[k]
                rank[node, vector] = (cost << 32) + lack
                cuda.atomic.min(best, node, (cost << 32) + lack)
            cuda.syncthreads()

    return judge


def _choosing(V, spell, place):
    """Number of ties, and the one retained; a thread a vector."""

    @cuda.jit(device=True)
    def mix(x):
        x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB)
        return x ^ (x >> uint64(31))

    @cuda.jit(device=True)
    def random_at(key, vector):
        return mix(mix(key) + (uint64(vector) + uint64(1)) * uint64(0x9E3779B97F4A7C15))

    @cuda.jit(device=True)
    def size(vector, weights, w):
        spell(vector, weights, w)
        total = int64(0)
        for v in range(V):
            total += abs(w[v])
        return total

    @cuda.jit
    def count(weights, rank, best, ties, least):
        w = cuda.local.array(V, int32)
        node, vector, step = place(best.size)
        while vector < rank.shape[1]:
            if rank[node, vector] == best[node]:
                cuda.atomic.add(ties, node, 1)
                cuda.atomic.min(least, node, size(vector, weights, w))
            vector += step

    @cuda.jit
    def draw(weights, rank, best, least, keys, chance):
        w = cuda.local.array(V, int32)
        node, vector, step = place(best.size)
        while vector < rank.shape[1]:
            if rank[node, vector] == best[node] and size(vector, weights, w) == least[node]:
                cuda.atomic.min(chance, node, random_at(keys[node], vector))
            vector += step

    @cuda.jit
    def settle(rank, best, keys, chance, winner):
        node, vector, step = place(best.size)
        while vector < rank.shape[1]:
            if rank[node, vector] == best[node] and random_at(keys[node], vector) == chance[node]:
                winner[node] = vector
            vector += step

    return {"count": count, "draw": draw, "settle": settle}


def _cutting(V, threads, spell, score):
    """The best cut of the vector retained; a block a node."""

    @cuda.jit
    def cut(Z, first, high, weights, winner, coef, found):
        ranks = cuda.shared.array((threads, 4), int64)  # cost, threshold, tp, fp
        w = cuda.local.array(V, int32)
        node, mine = cuda.blockIdx.x, cuda.threadIdx.x
        start, n, H = first[node], first[node + 1] - first[node], high[node]
        spell(winner[node], weights, w)
        ranks[mine, 0] = LARGE
        for i in range(mine, n, threads):
            threshold = score(Z, start + i, w)
            tp = fp = int64(0)
            for j in range(H):
                tp += score(Z, start + j, w) >= threshold
            for j in range(H, n):
                fp += score(Z, start + j, w) >= threshold
            cost = (H - tp) * (n - H) + fp * H
            if (cost, -threshold) < (ranks[mine, 0], -ranks[mine, 1]):
                ranks[mine, 0], ranks[mine, 1] = cost, threshold
                ranks[mine, 2], ranks[mine, 3] = tp, fp
        cuda.syncthreads()
        if mine == 0:
            best = 0
            for k in range(1, threads):
                if (ranks[k, 0], -ranks[k, 1]) < (ranks[best, 0], -ranks[best, 1]):
                    best = k
            for v in range(V):
                coef[node, v] = w[v]
            for k in range(3):
                found[node, k] = ranks[best, k + 1]

    return cut
