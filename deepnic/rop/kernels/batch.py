"""Thirty-two weight vectors at once, for the search of small nodes (compiled).

A lane is a weight vector. A block of 32 lanes is given by the row of scores of a prefix, the
weights they share, and by a table: what the remaining weights of each lane add to the score of each
observation. Its answers are 32 bits, one a lane.

Everything is int32 and counted flat as in lanes.py; scores hold the H high observations, then the L
low ones. LLVM splits the vectors for processors with narrower registers, down to single numbers.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepnic.rop.kernels.lanes import _with_pointers
from deepnic.rop.kernels.vectors import INT32, LARGEST, SMALLEST, Vectors, loop, times

BLOCK = 32  # weight vectors, as many as a mask has bits


@intrinsic
def separating(typing, scores, row, H, L, table, block):
    """Return the lanes that put every high observation above every low one, as bits.

    The score of observation i in lane l is ``scores[row + i] + table[block + i * 32 + l]``.
    """
    index = types.int64
    return types.uint32(scores, index, index, index, table, index), _separating


def _separating(context, builder, signature, arguments):
    scores, row, H, L, table, block = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, BLOCK)
    lowest, highest = lanes.variable(LARGEST), lanes.variable(SMALLEST)
    for start, stop, slot, which in (
        (H.type(0), H, lowest, "smin"),
        (H, builder.add(H, L), highest, "smax"),
    ):
        with loop(builder, start, stop) as (i, _):
            rest = lanes.load(table, block, times(builder, i, BLOCK))
            lanes.update(slot, which, builder.add(lanes.one(scores, row, i), rest))
    return lanes.bits(">", builder.load(lowest), builder.load(highest))


@intrinsic
def nearly_separating(typing, scores, row, H, L, table, block, errors):
    """Return the lanes that separate the classes but for two observations at most, as bits.

    Three scores of each class are held in registers; nothing is counted.

    ``errors`` has bit 3 a + b set where a high ones left out and b low ones let in are allowed.
    """
    index = types.int64
    return types.uint32(scores, index, index, index, table, index, index), _nearly_separating


def _nearly_separating(context, builder, signature, arguments):
    scores, row, H, L, table, block, errors = _with_pointers(context, builder, signature, arguments)
    result = ir.Constant(INT32, 0)
    half = BLOCK // 2  # six vectors for each lane: half of them fill the registers of AVX2
    lanes = Vectors(builder, half)
    for first in (0, half):
        # the three lowest of the high ones, the three highest of the low ones, extreme first
        lowest = [lanes.variable(LARGEST) for _ in range(3)]
        highest = [lanes.variable(SMALLEST) for _ in range(3)]
        for start, stop, slots, kept, passed in (
            (H.type(0), H, lowest, "smin", "smax"),
            (H, builder.add(H, L), highest, "smax", "smin"),
        ):
            with loop(builder, start, stop) as (i, _):
                rest = lanes.load(table, block, times(builder, i, BLOCK), i.type(first))
                score = builder.add(lanes.one(scores, row, i), rest)
                for slot in slots:
                    held = builder.load(slot)
                    builder.store(lanes.extreme(kept, held, score), slot)
                    score = lanes.extreme(passed, held, score)
        found = ir.Constant(ir.IntType(half), 0)
        for a, b in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)):
            parted = lanes.bits(">", builder.load(lowest[a]), builder.load(highest[b]))
            allowed = builder.trunc(builder.lshr(errors, errors.type(3 * a + b)), ir.IntType(1))
            none = ir.Constant(parted.type, 0)
            found = builder.or_(found, builder.select(allowed, parted, none))
        result = builder.or_(
            result, builder.shl(builder.zext(found, INT32), ir.Constant(INT32, first))
        )
    return result


@intrinsic
def add_scores(typing, scores, row, n, table, block, sums):
    """Fill ``sums`` (n, 32): the score of observation i in lane l, as above."""
    index = types.int64
    return types.void(scores, index, index, table, index, sums), _add_scores


def _add_scores(context, builder, signature, arguments):
    scores, row, n, table, block, sums = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, BLOCK)
    with loop(builder, n.type(0), n) as (i, _):
        place = times(builder, i, BLOCK)
        rest = lanes.load(table, block, place)
        lanes.store(builder.add(lanes.one(scores, row, i), rest), sums, place)
    return context.get_dummy_value()


@intrinsic
def with_few_pairs(typing, sums, H, L, used, affordable):
    """Return those of the lanes used, as bits, that have no more pairs than is affordable.

    A pair is a high observation and a low one that it is not above.
    """
    index = types.int64
    return types.uint32(sums, index, index, types.uint32, index), _with_few_pairs


def _with_few_pairs(context, builder, signature, arguments):
    sums, H, L, used, affordable = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, BLOCK)
    most = lanes.spread(builder.trunc(affordable, INT32))
    pairs = lanes.variable(0)
    left = cgutils.alloca_once_value(builder, used)
    with cgutils.for_range_slice(builder, H, builder.add(H, L), H.type(1), inc=True) as (j, _):
        low = lanes.load(sums, times(builder, j, BLOCK))
        with loop(builder, H.type(0), H) as (i, _):
            lanes.count(pairs, "<=", lanes.load(sums, times(builder, i, BLOCK)), low)
        few = builder.and_(used, lanes.bits("<=", builder.load(pairs), most))
        builder.store(few, left)
    return builder.load(left)


@intrinsic
def value(typing, sums, H, L, cost, area):
    """Give each lane's least cost of a cut, ``cost`` (32,), and its ``area`` (32,).

    With a high observations not above a low one, c of them below it, and e low ones above it: the
    cut above it costs ``a L + e H``, and the area is ``2 H L`` less the sum of all ``a + c``.
    """
    index = types.int64
    return types.void(sums, index, index, cost, area), _value


def _value(context, builder, signature, arguments):
    sums, H, L, cost, area = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, BLOCK)
    none, n = H.type(0), builder.add(H, L)
    highs, lows = (lanes.spread(builder.trunc(k, INT32)) for k in (H, L))
    least, pairs = lanes.variable(0), lanes.variable(0)
    builder.store(builder.mul(highs, lows), least)
    builder.store(builder.shl(builder.mul(highs, lows), lanes.full(1)), pairs)
    with loop(builder, H, n) as (j, _):
        low = lanes.load(sums, times(builder, j, BLOCK))
        missed, below, let_in = (lanes.variable(0) for _ in range(3))
        with loop(builder, none, H) as (i, _):
            high = lanes.load(sums, times(builder, i, BLOCK))
            lanes.count(missed, "<=", high, low)
            lanes.count(below, "<", high, low)
        with loop(builder, H, n) as (k, _):
            lanes.count(let_in, ">", lanes.load(sums, times(builder, k, BLOCK)), low)
        missed, below, let_in = (builder.load(slot) for slot in (missed, below, let_in))
        here = builder.add(builder.mul(missed, lows), builder.mul(let_in, highs))
        lanes.update(least, "smin", here)
        fewer = builder.sub(builder.load(pairs), builder.add(missed, below))
        builder.store(fewer, pairs)
    lanes.store(builder.load(least), cost, none)
    lanes.store(builder.load(pairs), area, none)
    return context.get_dummy_value()


@intrinsic
def tabulate(typing, weights, first, K, Z, z, stride, table, target):
    """Fill a row of a table: ``sum over u < K of Z[z + u * stride] * weights[first + u * 32 + l]``.

    It is stored at ``table[target + l]``.
    """
    index = types.int64
    return types.void(weights, index, index, Z, index, index, table, index), _tabulate


def _tabulate(context, builder, signature, arguments):
    weights, first, K, Z, z, stride, table, target = _with_pointers(
        context, builder, signature, arguments
    )
    lanes = Vectors(builder, BLOCK)
    total = lanes.variable(0)
    with loop(builder, K.type(0), K) as (u, _):
        weight = lanes.load(weights, first, times(builder, u, BLOCK))
        product = builder.mul(lanes.one(Z, z, builder.mul(u, stride)), weight)
        builder.store(builder.add(builder.load(total), product), total)
    lanes.store(builder.load(total), table, target)
    return context.get_dummy_value()


@intrinsic
def first_lane(typing, mask):
    """Number of the lowest bit set."""
    return types.int64(types.uint32), _first_lane


def _first_lane(context, builder, signature, arguments):
    no = ir.Constant(ir.IntType(1), 0)
    return builder.zext(builder.cttz(arguments[0], no), ir.IntType(64))


@intrinsic
def n_lanes(typing, mask):
    """Number of bits set."""
    return types.int64(types.uint32), _n_lanes


def _n_lanes(context, builder, signature, arguments):
    return builder.zext(builder.ctpop(arguments[0]), ir.IntType(64))
