"""Vectors of integers in LLVM's own terms, for what batch.py and pairs.py write (compiled)."""

from llvmlite import ir
from numba.core import cgutils

INT32 = ir.IntType(32)
LARGEST, SMALLEST = 2**31 - 1, -(2**31)


class Vectors:
    """Instructions on vectors of integers, int32 unless told otherwise, of so many lanes."""

    def __init__(self, builder, lanes, element=INT32):
        self.builder = builder
        self.kind = ir.VectorType(element, lanes)

    def full(self, number):
        return ir.Constant(self.kind, [number] * self.kind.count)

    def spread(self, value):
        undefined = ir.Constant(self.kind, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(INT32, 0))
        everywhere = ir.Constant(ir.VectorType(INT32, self.kind.count), [0] * self.kind.count)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def number(self, value):
        """A wider number, in every lane."""
        return self.spread(self.builder.trunc(value, self.kind.element))

    def load(self, pointer, *parts):
        return self.builder.load(self._at(pointer, parts), align=self.kind.element.width // 8)

    def store(self, value, pointer, *parts):
        self.builder.store(value, self._at(pointer, parts), align=self.kind.element.width // 8)

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
        name = f"llvm.{which}.v{self.kind.count}i{self.kind.element.width}"
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b]
        )

    def increase(self, slot, value):
        self.builder.store(self.builder.add(self.builder.load(slot), value), slot)

    def update(self, slot, which, value):
        self.builder.store(self.extreme(which, self.builder.load(slot), value), slot)

    def count(self, slot, relation, a, b):
        """Add 1 to the lanes of the slot in which a stands so to b."""
        holds = self.builder.sext(self.builder.icmp_signed(relation, a, b), self.kind)
        self.builder.store(self.builder.sub(self.builder.load(slot), holds), slot)

    def add_where(self, slot, relation, a, b, amount):
        """Add an amount to the lanes of the slot in which a stands so to b."""
        holds = self.builder.icmp_signed(relation, a, b)
        more = self.builder.select(holds, amount, self.full(0))
        self.builder.store(self.builder.add(self.builder.load(slot), more), slot)

    def bits(self, relation, a, b):
        """The lanes in which a stands so to b, as the bits of an integer."""
        holds = self.builder.icmp_signed(relation, a, b)
        return self.builder.bitcast(holds, ir.IntType(self.kind.count))

    def reduce(self, which, vector):
        """The sum (add), the smallest (smin) or all bits (or) of the lanes."""
        kind = ir.FunctionType(self.kind.element, [self.kind])
        name = f"llvm.vector.reduce.{which}.v{self.kind.count}i{self.kind.element.width}"
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
