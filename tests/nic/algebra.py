"""The 3^10 combinations as sets of criteria, apart from the package: bit masks over signatures."""

from functools import cache, reduce
from itertools import product

from tests.rop.oracle import events_of_signature

ALL = (1 << 37) - 1
HOLDS = {
    k: sum(1 << s for s in range(37) if k in events_of_signature(s)) for k in range(1, 11)
}  # fmt: skip


def parse(label: str) -> tuple[frozenset[int], frozenset[int]]:
    """Sets A and B of "2+7|1"."""
    above, below = label.split("|")
    return frozenset(map(int, filter(None, above.split("+")))), frozenset(
        map(int, filter(None, below.split("+")))
    )


def mask(criteria: frozenset[int]) -> int:
    """Signatures that satisfy all of some criteria."""
    return reduce(int.__and__, (HOLDS[k] for k in criteria), ALL)


@cache
def combinations() -> dict[tuple[frozenset[int], frozenset[int]], tuple[int, int]]:
    """Numerator and denominator masks of every pair (A | B) of disjoint sets."""
    found = {}
    for roles in product("-AB", repeat=10):
        A, B = (frozenset(k for k, r in enumerate(roles, 1) if r == role) for role in "AB")
        found[A, B] = mask(A | B), mask(B)
    return found


def kind(numerator: int, denominator: int) -> str:
    """What the signatures alone say of a combination."""
    if not denominator:
        return "always undefined"
    if not numerator:
        return "always 0"
    return "always 1" if numerator == denominator else "informative"
