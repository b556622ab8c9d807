"""Vectors of int32 in LLVM's own terms, for what batch.py writes (compiled)."""

from llvmlite import ir
from numba.core import cgutils

INT32 = ir.IntType(32)
LARGEST, SMALLEST = 2**31 - 1, -(2**31)


class Vectors:
    """Instructions on vectors of int32 of so many lanes."""

    def __init__(self, builder, lanes):
        self.builder = builder
        self.kind = ir.VectorType(INT32, lanes)

    def full(self, number):
        return ir.Constant(self.kind, [number] * self.kind.count)

    def spread(self, value):
        undefined = ir.Constant(self.kind, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(INT32, 0))
        return self.builder.shuffle_vector(first, undefined, self.full(0))

    def load(self, pointer, *parts):
        return self.builder.load(self._at(pointer, parts), align=4)

    def store(self, value, pointer, *parts):
        self.builder.store(value, self._at(pointer, parts), align=4)

    def _at(self, pointer, parts):
        place = self.builder.gep(pointer, [_sum(self.builder, parts)])
        return self.builder.bitcast(place, self.kind.as_pointer())

    def one(self, pointer, *parts):
        """A single number, in every lane."""
        return self.spread(
            self.builder.load(self.builder.gep(pointer, [_sum(self.builder, parts)]))
        )

    def variable(self, number):
        slot = cgutils.alloca_once(self.builder, self.kind)
        self.builder.store(self.full(number), slot)
        return slot

    def extreme(self, which, a, b):
        """The smaller (smin) or larger (smax) of each two lanes."""
        kind = ir.FunctionType(self.kind, [self.kind, self.kind])
        name = f"llvm.{which}.v{self.kind.count}i32"
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b]
        )

    def update(self, slot, which, value):
        self.builder.store(self.extreme(which, self.builder.load(slot), value), slot)

    def count(self, slot, relation, a, b):
        """Add 1 to the lanes of the slot in which a stands so to b."""
        holds = self.builder.sext(self.builder.icmp_signed(relation, a, b), self.kind)
        self.builder.store(self.builder.sub(self.builder.load(slot), holds), slot)

    def bits(self, relation, a, b):
        """The lanes in which a stands so to b, as the bits of an integer."""
        holds = self.builder.icmp_signed(relation, a, b)
        return self.builder.bitcast(holds, ir.IntType(self.kind.count))

    def reduce(self, which, vector):
        """The sum (add) or the smallest (smin) of the lanes."""
        kind = ir.FunctionType(INT32, [self.kind])
        name = f"llvm.vector.reduce.{which}.v{self.kind.count}i32"
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), [vector]
        )


def _sum(builder, parts):
    total = parts[0]
    for part in parts[1:]:
        total = builder.add(total, part)
    return total


def loop(builder, start, stop):
    return cgutils.for_range_slice(builder, start, stop, start.type(1), inc=True)


def times(builder, index, number):
    return builder.mul(index, index.type(number))
