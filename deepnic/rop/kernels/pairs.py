"""The pairs of a high and a low observation of a node, for all children of a prefix (compiled).

A prefix gives the first variables their weights. A pair is hopeless when even the remaining weights
best for it do not put its high observation above its low one. Each pair has one number, its hope:
the most that its high one can still get above its low one. With one more weight w given, in place
of the best, it falls by the difference; the R children of a prefix differ by the pair's difference
in that variable, once each. So a child costs an addition and a comparison a pair, sixteen pairs at
a time.

Hopes are int16, which hold twice as many in a register as int32: differences are divided by a power
of two, downwards, and all hopes are raised by what that may have taken. So a pair may pass for
hopeful when it is not, never the other way round: bounds stay bounds, and who passes is looked at
exactly.

Arrays are counted flat. A level is ``rows`` high observations by ``groups`` of 16 low ones; places
past the last low one differ by 0 and are never hopeless. A hope below 0 is none.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepnic.rop.kernels.lanes import _with_pointers
from deepnic.rop.kernels.vectors import INT32, Vectors, loop, times

LANES = 16  # low observations
INT16 = ir.IntType(16)
MOST_HOPE = 1 << 14  # of the scaled hopes: their sums stay in int16


@intrinsic
def tabulate_pairs(typing, Z, width, V, H, L, low, high, shift, start, apart, hopes):
    """Fill ``apart`` (V, H, groups, 16), high less low, and the hopes before a weight is given.

    Z (V, width) int32, the H high observations first; weights from low to high.
    """
    arrays = {1: Z, 10: apart, 11: hopes}
    signature = types.void(*(arrays.get(k, types.int64) for k in range(1, 12)))
    return signature, _tabulate_pairs


def _tabulate_pairs(context, builder, signature, arguments):
    Z, width, V, H, L, low, high, shift, start, apart, hopes = _with_pointers(
        context, builder, signature, arguments
    )
    wide, lanes = Vectors(builder, LANES), Vectors(builder, LANES, INT16)
    none = H.type(0)
    groups = builder.udiv(builder.add(L, H.type(LANES - 1)), H.type(LANES))
    level = builder.mul(builder.mul(H, groups), H.type(LANES))
    numbers = ir.Constant(lanes.kind, list(range(LANES)))
    moved = wide.number(shift)
    low, high, start = lanes.number(low), lanes.number(high), lanes.number(start)
    with loop(builder, none, groups) as (g, _):
        group = times(builder, g, LANES)
        real = builder.icmp_signed("<", numbers, lanes.number(builder.sub(L, group)))
        with loop(builder, none, H) as (i, _):
            at = builder.add(times(builder, builder.mul(i, groups), LANES), group)
            hope = cgutils.alloca_once(builder, lanes.kind)
            builder.store(builder.select(real, start, lanes.full(0)), hope)
            with loop(builder, none, V) as (v, _):
                z = builder.mul(v, width)
                d = builder.sub(wide.one(Z, z, i), wide.load(Z, z, H, group))
                d = builder.trunc(builder.ashr(d, moved), lanes.kind)
                d = builder.select(real, d, lanes.full(0))
                lanes.store(d, apart, builder.mul(v, level), at)
                best = lanes.extreme("smax", builder.mul(low, d), builder.mul(high, d))
                lanes.increase(hope, best)
            lanes.store(builder.load(hope), hopes, at)
    return context.get_dummy_value()


@intrinsic
def give_weight(typing, apart, d, hopes, source, target, n, span, k, sign):
    """Hopes of n pairs from the target on: those from the source on, with one weight more given.

    It is the k-th, of span + 1. A sign of -1 takes it back.
    """
    index = types.int64
    return types.void(apart, index, hopes, *[index] * 6), _give_weight


def _give_weight(context, builder, signature, arguments):
    apart, d, hopes, source, target, n, span, k, sign = _with_pointers(
        context, builder, signature, arguments
    )
    lanes = Vectors(builder, LANES, INT16)
    chosen = lanes.number(builder.mul(k, sign))
    lost = lanes.number(builder.mul(span, sign))
    with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), inc=True) as (at, _):
        here = lanes.load(apart, d, at)
        positive = lanes.extreme("smax", here, lanes.full(0))
        hope = builder.add(lanes.load(hopes, source, at), builder.mul(chosen, here))
        lanes.store(builder.sub(hope, builder.mul(lost, positive)), hopes, target, at)
    return context.get_dummy_value()


def _children(lanes, apart, d, hopes, h, at, R):
    """Hopes of the places from ``at`` on, for each of the R weights of a variable in turn."""
    builder = lanes.builder
    here = lanes.load(apart, d, at)
    lost = builder.mul(lanes.extreme("smax", here, lanes.full(0)), lanes.full(R - 1))
    hope = builder.sub(lanes.load(hopes, h, at), lost)
    for _ in range(R):
        yield hope
        hope = builder.add(hope, here)


def _hopeful_children(R):
    @intrinsic
    def hopeful(typing, apart, d, hopes, h, n):
        """Return the children of which none of n pairs is hopeless, as bits."""
        index = types.int64
        return types.uint32(apart, index, hopes, index, index), generate

    def generate(context, builder, signature, arguments):
        apart, d, hopes, h, n = _with_pointers(context, builder, signature, arguments)
        lanes = Vectors(builder, LANES, INT16)
        signs = [lanes.variable(0) for _ in range(R)]
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), inc=True) as (at, _):
            for slot, hope in zip(signs, _children(lanes, apart, d, hopes, h, at, R), strict=True):
                builder.store(builder.or_(builder.load(slot), hope), slot)
        result = ir.Constant(INT32, 0)
        for k, slot in enumerate(signs):
            some = lanes.bits("<", builder.load(slot), lanes.full(0))
            none = builder.icmp_unsigned("==", some, ir.Constant(some.type, 0))
            bit = builder.shl(builder.zext(none, INT32), ir.Constant(INT32, k))
            result = builder.or_(result, bit)
        return result

    return hopeful


def _hopeless_of_children(R):
    @intrinsic
    def hopeless(typing, apart, d, hopes, h, rows, groups, counts, totals):
        """Count the hopeless pairs of each low observation of the children, and of each child.

        They go to ``counts[(k * groups + g) * 16 + l]`` and ``totals[k]``.
        """
        index = types.int64
        arrays = types.void(apart, index, hopes, index, index, index, counts, totals)
        return arrays, generate

    def generate(context, builder, signature, arguments):
        apart, d, hopes, h, rows, groups, counts, totals = _with_pointers(
            context, builder, signature, arguments
        )
        lanes = Vectors(builder, LANES, INT16)
        here = [cgutils.alloca_once(builder, lanes.kind) for _ in range(R)]
        all_groups = [lanes.variable(0) for _ in range(R)]
        width = times(builder, groups, LANES)
        none = rows.type(0)
        with loop(builder, none, groups) as (g, _):
            for slot in here:
                builder.store(lanes.full(0), slot)
            group = times(builder, g, LANES)
            with loop(builder, none, rows) as (i, _):
                at = builder.add(builder.mul(i, width), group)
                for slot, hope in zip(
                    here, _children(lanes, apart, d, hopes, h, at, R), strict=True
                ):
                    lanes.count(slot, "<", hope, lanes.full(0))
            for k, (slot, total) in enumerate(zip(here, all_groups, strict=True)):
                lanes.store(builder.load(slot), counts, times(builder, width, k), group)
                lanes.increase(total, builder.load(slot))
        for k, total in enumerate(all_groups):
            place = builder.gep(totals, [rows.type(k)])
            builder.store(lanes.reduce("add", builder.load(total)), place)
        return context.get_dummy_value()

    return hopeless


hopeful3, hopeful4, hopeful5 = map(_hopeful_children, (3, 4, 5))
hopeless3, hopeless4, hopeless5 = map(_hopeless_of_children, (3, 4, 5))


@intrinsic
def cost_of_counts(typing, counts, first, H, L):
    """Least cost of a cut, low observation j of L being in ``counts[first + j]`` hopeless pairs."""
    index = types.int64
    return index(counts, index, index, index), _cost_of_counts


def _cost_of_counts(context, builder, signature, arguments):
    counts, first, H, L = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, LANES, INT16)
    highs, lows = lanes.number(H), lanes.number(L)
    least = lanes.variable(0)
    builder.store(builder.mul(highs, lows), least)
    size = H.type(LANES)
    with cgutils.for_range_slice(builder, H.type(0), L, size, inc=True) as (g, _):
        here = lanes.load(counts, first, g)
        let_in = lanes.variable(0)  # those in more pairs
        with loop(builder, H.type(0), L) as (j, _):
            lanes.count(let_in, ">", lanes.one(counts, first, j), here)
        cost = builder.add(builder.mul(builder.load(let_in), highs), builder.mul(here, lows))
        lanes.update(least, "smin", cost)
    return builder.sext(lanes.reduce("smin", builder.load(least)), H.type)


@intrinsic
def value_of(typing, scores, row, H, L):
    """Return the least cost of a cut of a row of scores, and its area; see `batch.value`.

    Scores past the last are below all others, in whole groups of 16.
    """
    index = types.int64
    return types.UniTuple(index, 2)(scores, index, index, index), _value_of


def _value_of(context, builder, signature, arguments):
    scores, row, H, L = _with_pointers(context, builder, signature, arguments)
    lanes = Vectors(builder, LANES)
    highs, lows = lanes.number(H), lanes.number(L)
    least, pairs = lanes.variable(0), lanes.variable(0)
    builder.store(builder.mul(highs, lows), least)
    first = builder.add(row, H)
    with cgutils.for_range_slice(builder, H.type(0), L, H.type(LANES), inc=True) as (j, _):
        low = lanes.load(scores, first, j)
        missed, below, let_in = (lanes.variable(0) for _ in range(3))
        with loop(builder, H.type(0), H) as (i, _):
            high = lanes.one(scores, row, i)
            lanes.count(missed, "<=", high, low)
            lanes.count(below, "<", high, low)
        with loop(builder, H.type(0), L) as (k, _):
            lanes.count(let_in, ">", lanes.one(scores, first, k), low)
        missed, below, let_in = (builder.load(slot) for slot in (missed, below, let_in))
        here = builder.add(builder.mul(missed, lows), builder.mul(let_in, highs))
        lanes.update(least, "smin", here)
        lanes.increase(pairs, builder.add(missed, below))
    most = builder.mul(builder.mul(H, L), H.type(2))
    cost = builder.sext(lanes.reduce("smin", builder.load(least)), H.type)
    area = builder.sub(most, builder.sext(lanes.reduce("add", builder.load(pairs)), H.type))
    return context.make_tuple(builder, signature.return_type, (cost, area))
