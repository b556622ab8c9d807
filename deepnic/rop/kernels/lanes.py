"""Sixteen numbers at once, for the node search (compiled).

Numba has no vector types, and LLVM's automatic vectorisation of loops as short as a node's class
was measured four to thirty times slower; so these two loops are written in vectors of 16 int32.
LLVM splits them for processors with narrower registers. Places in the arrays, C-contiguous int32 of
any shape, are counted flat; no views are made, which would cost more than the work.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16

_VECTOR = ir.VectorType(ir.IntType(32), LANES)
_ZEROS = ir.Constant(_VECTOR, [0] * LANES)
_ONES = ir.Constant(_VECTOR, [1] * LANES)


@intrinsic
def count_reached(typing, values, first, n, slack, row, stride, edges, edge, counts, count):
    """Count, for 16 edges, the values that do not get past them even with their slack.

    ``counts[count + l] = sum over k < n of
    values[first + k] + slack[row + k * stride + l] <= edges[edge + l]``, for the lanes l = 0..15.
    Returns the sum of the counts.
    """
    arrays = {1: values, 4: slack, 7: edges, 9: counts}
    signature = types.int32(*(arrays.get(k, types.int64) for k in range(1, 11)))
    return signature, _count_reached


def _count_reached(context, builder, signature, arguments):
    values, first, n, slack, row, stride, edges, edge, counts, count = _with_pointers(
        context, builder, signature, arguments
    )
    one = ir.Constant(n.type, 1)
    bar = builder.load(_vector_at(builder, edges, edge), align=4)
    total = cgutils.alloca_once_value(builder, _ZEROS)
    with cgutils.for_range_slice(builder, one.type(0), n, one, inc=True) as (k, _):
        value = builder.load(builder.gep(values, [builder.add(first, k)]))
        place = builder.add(row, builder.mul(k, stride))
        room = builder.load(_vector_at(builder, slack, place), align=4)
        reached = builder.icmp_signed("<=", builder.add(_spread(builder, value), room), bar)
        step = builder.select(reached, _ONES, _ZEROS)
        builder.store(builder.add(builder.load(total), step), total)
    lanes = builder.load(total)
    builder.store(lanes, _vector_at(builder, counts, count), align=4)
    add = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(_VECTOR.element, [_VECTOR]),
        f"llvm.vector.reduce.add.v{LANES}i32",
    )
    return builder.call(add, [lanes])


@intrinsic
def add_scaled(typing, scores, source, target, Z, z, weight, n):
    """``scores[target + k] = scores[source + k] + weight * Z[z + k]``, n (whole groups of 16)."""
    signature = types.void(
        scores, types.int64, types.int64, Z, types.int64, types.int32, types.int64
    )
    return signature, _add_scaled


def _add_scaled(context, builder, signature, arguments):
    scores, source, target, Z, z, weight, n = _with_pointers(context, builder, signature, arguments)
    factor = _spread(builder, weight)
    with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), inc=True) as (k, _):
        before = builder.load(_vector_at(builder, scores, builder.add(source, k)), align=4)
        values = builder.load(_vector_at(builder, Z, builder.add(z, k)), align=4)
        after = builder.add(before, builder.mul(factor, values))
        builder.store(after, _vector_at(builder, scores, builder.add(target, k)), align=4)
    return context.get_dummy_value()


def _with_pointers(context, builder, signature, arguments):
    """Arguments with each array replaced by the pointer to its first number."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def _vector_at(builder, pointer, index):
    return builder.bitcast(builder.gep(pointer, [index]), _VECTOR.as_pointer())


def _spread(builder, value):
    """Put one number into every lane."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_VECTOR.element, 0))
    return builder.shuffle_vector(first, undefined, _ZEROS)
