"""The box of weight vectors of a small node, its last variables in blocks of lanes (compiled)."""

from typing import NamedTuple

import numpy as np
from numba import njit, uint32

from deepnic.rop.kernels.batch import BLOCK

MOST_WEIGHT = 4


class Box(NamedTuple):
    """The weights (R,) of every variable, and the vectors of the last K variables in blocks.

    ``suffix`` (blocks, K, 32) int32 are weights, ``sizes`` (blocks, 32) sums of |w|, ``used``
    (blocks,) uint32 the lanes that hold a vector; ``no_larger`` (blocks, sizes) uint32 those whose
    size is so much at most.
    """

    weights: np.ndarray
    suffix: np.ndarray
    sizes: np.ndarray
    used: np.ndarray
    no_larger: np.ndarray


@njit(nogil=True, cache=True)
def in_blocks(weights, n_weights):
    """Whether blocks can hold this box: 3 to 5 small weights in a row, for all variables alike."""
    R = n_weights[0]
    if R < 3 or R > 5 or weights[0, R - 1] - weights[0, 0] != R - 1:
        return False
    if np.abs(weights).max() > MOST_WEIGHT:
        return False
    for v in range(n_weights.size):
        if n_weights[v] != R or (weights[v, :R] != weights[0, :R]).any():
            return False
    return True


@njit(nogil=True, cache=True)
def make_box(weights, V):
    """The box of V variables with these weights (R,)."""
    R = weights.size
    K, vectors = 0, 1
    while K < V and vectors * R <= (2 * BLOCK if R == 4 else BLOCK):
        K, vectors = K + 1, vectors * R
    blocks = -(-vectors // BLOCK)
    suffix = np.zeros((blocks, K, BLOCK), np.int32)
    sizes = np.zeros((blocks, BLOCK), np.int64)
    used = np.zeros(blocks, np.uint32)
    no_larger = np.zeros((blocks, K * MOST_WEIGHT + 1), np.uint32)
    for number in range(vectors):
        b, lane = number // BLOCK, number % BLOCK
        rest = number
        for k in range(K - 1, -1, -1):
            suffix[b, k, lane] = weights[rest % R]
            sizes[b, lane] += abs(weights[rest % R])
            rest //= R
        bit = uint32(1) << uint32(lane)
        used[b] |= bit
        for size in range(sizes[b, lane], no_larger.shape[1]):
            no_larger[b, size] |= bit
    return Box(weights, suffix, sizes, used, no_larger)
