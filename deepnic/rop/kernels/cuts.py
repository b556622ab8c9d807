"""What cuts of thirty-two weight vectors must cost, from counts at some thresholds (compiled).

A lane is a weight vector, its scores given by a row and a table as in batch.py. Each lane has its
own ascending thresholds t_1 .. t_T, and for each class the observations at or above them are
counted, by what they are worth; nothing is sorted. With a_k high and b_k low ones at or above t_k,
a cut between t_k and t_(k+1) puts at risk at most a_k of the high and at least b_(k+1) of the low,
so its value is at most ``a_k L - b_(k+1) H``. Below t_1 all are at or above, past t_T none need be.
The cut at t_k itself is worth ``a_k L - b_k H``: a cost that is reached.

The vector with all weights reversed has its scores in reverse. What it puts at risk between the
same thresholds is at most ``L - b_(k+1)`` of the low, and at least ``H - a_k`` of the high: value
at most ``b_k H - a_(k+1) L``. So one count bounds both. Thresholds may lie anywhere: they decide
how close the bounds are, never whether they hold.
"""

from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepnic.rop.kernels.batch import BLOCK
from deepnic.rop.kernels.lanes import _with_pointers
from deepnic.rop.kernels.vectors import Vectors, loop, times

BIT = ir.IntType(1)
AT_ONCE = 16  # thresholds whose sums stay in registers
LEAST, LEAST_REVERSED, REACHED, REACHED_REVERSED = range(4)  # rows of costs


@intrinsic
def bound_cuts(typing, scores, row, H, L, table, block, thresholds, T, worth, costs):
    """Fill ``costs`` (4, 32): the least of each lane, and of its reverse; what both reach.

    thresholds (T, 32), T in whole groups of 16; worth (2, T + 1, 32) receives a L and b H at each,
    and its last rows, past all thresholds, are zeros.
    """
    index = types.int64
    arrays = {1: scores, 5: table, 7: thresholds, 9: worth, 10: costs}
    return types.void(*(arrays.get(k, index) for k in range(1, 11))), _bound_cuts


def _bound_cuts(context, builder, signature, arguments):
    scores, row, H, L, table, block, thresholds, T, worth, costs = _with_pointers(
        context, builder, signature, arguments
    )
    half = BLOCK // 2  # as many lanes as fill a register of AVX-512
    lanes = Vectors(builder, half)
    none, of_low = T.type(0), times(builder, builder.add(T, T.type(1)), BLOCK)
    slots = [cgutils.alloca_once(builder, lanes.kind) for _ in range(AT_ONCE)]
    with _by(builder, none, T.type(BLOCK), half) as lane:
        with loop(builder, none, T.type(2)) as (low, _):
            is_low = builder.trunc(low, BIT)
            start, stop, amount, target = (
                builder.select(is_low, of_the_low, of_the_high)
                for of_the_high, of_the_low in (
                    (none, H), (H, builder.add(H, L)), (L, H), (none, of_low),
                )
            )  # fmt: skip
            amounts = lanes.number(amount)
            with _by(builder, none, T, AT_ONCE) as t:
                places = [times(builder, builder.add(t, t.type(k)), BLOCK) for k in range(AT_ONCE)]
                edges = [lanes.load(thresholds, place, lane) for place in places]
                for slot in slots:
                    builder.store(lanes.full(0), slot)
                with loop(builder, start, stop) as (i, _):
                    rest = lanes.load(table, block, times(builder, i, BLOCK), lane)
                    score = builder.add(lanes.one(scores, row, i), rest)
                    for slot, edge in zip(slots, edges, strict=True):
                        lanes.add_where(slot, ">=", score, edge, amounts)
                for slot, place in zip(slots, places, strict=True):
                    lanes.store(builder.load(slot), worth, target, place, lane)
        _bound_lanes(builder, lanes, lane, H, L, T, worth, of_low, costs)
    return context.get_dummy_value()


@contextmanager
def _by(builder, start, stop, step):
    """A loop by more than one."""
    with cgutils.for_range_slice(builder, start, stop, start.type(step), inc=True) as (k, _):
        yield k


def _bound_lanes(builder, lanes, lane, H, L, T, worth, of_low, costs):
    """Costs of some lanes from what their thresholds are worth."""
    most = builder.mul(lanes.number(H), lanes.number(L))
    gained, spent = lanes.variable(0), lanes.variable(0)  # at the threshold before: a L and b H
    values = [lanes.variable(0) for _ in range(4)]
    for slot in (gained, spent):
        builder.store(most, slot)
    for slot in values:
        builder.store(lanes.full(0), slot)
    with loop(builder, T.type(0), builder.add(T, T.type(1))) as (k, _):
        place = times(builder, k, BLOCK)
        gain, spend = (lanes.load(worth, at, place, lane) for at in (T.type(0), of_low))
        value = builder.sub(gain, spend)
        here = (
            builder.sub(builder.load(gained), spend),
            builder.sub(builder.load(spent), gain),
            value,
            builder.neg(value),
        )
        for slot, new in zip(values, here, strict=True):
            lanes.update(slot, "smax", new)
        builder.store(gain, gained)
        builder.store(spend, spent)
    for number, slot in enumerate(values):
        cost = builder.sub(most, builder.load(slot))
        lanes.store(cost, costs, lane.type(number * BLOCK), lane)
