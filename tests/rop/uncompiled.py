"""What lanes, batch, cuts and pairs write in machine code, in NumPy; for kernels run uncompiled.

Arrays are counted flat, as there.
"""

import numpy as np

from deepnic.rop.kernels import (
    batch,
    cuts,
    groups,
    lanes,
    large,
    pairs,
    prefixes,
    search,
    small,
)
from deepnic.rop.kernels import bounds as bounds_


def count_reached(values, first, n, slack, row, stride, edges, edge, counts, count):
    flat = [array.reshape(-1) for array in (values, slack, edges)]
    total = np.zeros(16, np.int32)
    for k in range(n):
        at = row + k * stride
        total += flat[0][first + k] + flat[1][at : at + 16] <= flat[2][edge : edge + 16]
    counts.reshape(-1)[count : count + 16] = total
    return total.sum()


def add_scaled(scores, source, target, Z, z, weight, n):
    flat = scores.reshape(-1)
    flat[target : target + n] = flat[source : source + n] + weight * Z.reshape(-1)[z : z + n]


def bits(holds):
    return np.uint32(sum(1 << int(lane) for lane in np.flatnonzero(holds)))


def scores_of(scores, row, n, table, block):
    rest = table.reshape(-1)[block : block + 32 * n].reshape(n, 32)
    return scores.reshape(-1)[row : row + n, None] + rest


def separating(scores, row, H, L, table, block):
    sums = scores_of(scores, row, H + L, table, block)
    return bits(sums[:H].min(axis=0) > sums[H:].max(axis=0))


def nearly_separating(scores, row, H, L, table, block, errors):
    highs = np.sort(scores_of(scores, row, H + L, table, block)[:H], axis=0)
    lows = np.sort(scores_of(scores, row, H + L, table, block)[H:], axis=0)[::-1]
    found = np.zeros(32, bool)
    for a in range(3):
        for b in range(3 - a):
            if int(errors) >> (3 * a + b) & 1:
                found |= True if a >= H or b >= L else highs[a] > lows[b]
    return bits(found)


def add_scores(scores, row, n, table, block, sums):
    sums[:n] = scores_of(scores, row, n, table, block)


def not_above(sums, H, L):
    """Whether high i is not above low j, (H, L, 32)."""
    return sums[:H, None] <= sums[None, H : H + L]


def with_few_pairs(sums, H, L, used, affordable):
    return used & bits(not_above(sums, H, L).sum(axis=(0, 1)) <= affordable)


def value(sums, H, L, cost, area):
    low = sums[H : H + L]
    missed = not_above(sums, H, L).sum(axis=0)
    below = (sums[:H, None] < low[None]).sum(axis=0)
    let_in = (low[:, None] > low[None]).sum(axis=0)
    cost[:] = np.minimum((missed * L + let_in * H).min(axis=0), H * L)
    area[:] = 2 * H * L - (missed + below).sum(axis=0)


def tabulate(weights, first, K, Z, z, stride, table, target):
    w = weights.reshape(-1)[first : first + 32 * K].reshape(K, 32)
    table.reshape(-1)[target : target + 32] = Z.reshape(-1)[z + stride * np.arange(K)] @ w


def bound_cuts(scores, row, H, L, table, block, thresholds, T, worth, costs):
    sums = scores_of(scores, row, H + L, table, block)
    edges = thresholds[:T, None]
    gain = L * (sums[:H] >= edges).sum(axis=1)
    spend = H * (sums[H:] >= edges).sum(axis=1)
    most, none = np.full((1, 32), H * L), np.zeros((1, 32), int)
    gain, spend = (np.concatenate([most, worth, none]) for worth in (gain, spend))
    values = gain[:-1] - spend[1:], spend[:-1] - gain[1:], gain - spend, spend - gain
    costs[:] = H * L - np.array([value.max(axis=0) for value in values]).clip(0)


def tabulate_pairs(Z, width, V, H, L, low, high, shift, start, apart, hopes):
    groups = -(-L // 16)
    real = np.arange(16 * groups) < L
    level = H * 16 * groups
    best = np.tile(np.where(real, start, 0), (H, 1))
    for v in range(V):
        d = (Z[v, :H, None] - Z[v, H : H + 16 * groups]) >> shift
        d = np.where(real, d, 0)
        apart[v * level : (v + 1) * level] = d.ravel()
        best += np.maximum(low * d, high * d)
    hopes[:level] = best.ravel()


def lost(d, span, k):
    d = d.astype(np.int64)
    return span * np.maximum(d, 0) - k * d


def give_weight(apart, d, hopes, source, target, n, span, k, sign):
    less = sign * lost(apart[d : d + n], span, k)
    hopes[target : target + n] = hopes[source : source + n] - less


def hopeful(R):
    def alive(apart, d, hopes, h, n):
        lower = (lost(apart[d : d + n], R - 1, k) for k in range(R))
        return bits([(hopes[h : h + n] >= less).all() for less in lower])

    return alive


def hopeless(R):
    def count(apart, d, hopes, h, rows, groups, counts, totals):
        n, width = rows * groups * 16, groups * 16
        for k in range(R):
            none = hopes[h : h + n] < lost(apart[d : d + n], R - 1, k)
            counts[k * width : (k + 1) * width] = none.reshape(rows, width).sum(axis=0)
            totals[k] = none.sum()

    return count


def cost_of_counts(counts, first, H, L):
    d = np.sort(counts[first : first + L])[::-1]
    return min([k * H + int(d[k]) * L for k in range(L)] + [H * L])


def value_of(scores, row, H, L):
    highs = scores.reshape(-1)[row : row + H]
    lows = scores.reshape(-1)[row + H : row + H + L]
    costs = [int((highs <= c).sum() * L + (lows > c).sum() * H) for c in lows]
    above, level = highs[:, None] > lows, highs[:, None] == lows
    return min([*costs, H * L]), int(2 * above.sum() + level.sum())


def first_lane(mask):
    return (int(mask) & -int(mask)).bit_length() - 1


def n_lanes(mask):
    return int(mask).bit_count()


def replace():
    """Put these in the place of the machine code."""
    own = {
        name: item
        for name, item in globals().items()
        if any(hasattr(module, name) for module in (lanes, batch, cuts, pairs))
    }
    for R in (3, 4, 5):
        own |= {f"hopeful{R}": hopeful(R), f"hopeless{R}": hopeless(R)}
    for module in (batch, bounds_, groups, large, pairs, prefixes, search, small):
        for name in own:
            if hasattr(module, name):
                setattr(module, name, own[name])
