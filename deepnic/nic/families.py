"""Families of combinations: data, not code.

A combination (A | B) of disjoint sets of criteria is a pixel function N(A and B) / N(B). Over the
37 signatures it is two sets: those that satisfy all of A and B, and those that satisfy all of B.
Few of these sets differ, so that the counts are added up over each set once; `evaluate` divides
the sums, for NumPy and torch alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepnic.errors import InputError, choose
from deepnic.rop.signatures import N_EVENTS, N_SIGNATURES, event_table

FAMILIES = ("base", "combinations", "all", "distinct")

_SINGLE = ["1|", *(f"{k}|1" for k in range(2, N_EVENTS + 1))]
_JOINT = [
    "2+7|1", "2+8|1", "2+9|1", "2+10|1", "5+7|1", "5+8|1", "5+9|1", "5+10|1",
    "7+9|1", "7+10|1", "8+9|1", "8+10|1", "2+7+9|1", "2+7+10|1", "2+8+9|1", "2+8+10|1",
    "5+7+9|1", "5+7+10|1", "5+8+9|1", "5+8+10|1",
]  # fmt: skip
COLOURS = ("grey", "blue", "green", "red")
"""Colour families as published, by code: NIC1, base single, base joint, conditional."""

BASE = (*_SINGLE, *_JOINT)
"""The 30 images of the published pipeline: ten single criteria and twenty joint ones, given 1."""


class Quotients(NamedTuple):
    """Pixel functions as quotients of sums over few sets: 510 functions have 55.

    Arrays of NumPy, or tensors of torch where they are to be evaluated there.
    """

    sets: Any  # (set, 37) float32, 1 for the signatures in it
    above: Any  # (function,) int64: number of the set counted above the line
    below: Any

    @classmethod
    def of(cls, numerator: NDArray[np.bool_], denominator: NDArray[np.bool_]) -> "Quotients":
        """Find the sets of functions (function, 37), each once."""
        both = np.concatenate([numerator, denominator])
        sets, place = np.unique(both, axis=0, return_inverse=True)
        return cls(sets.astype(np.float32), *place.reshape(2, -1))


@dataclass(frozen=True)
class Family:
    """An ordered list of combinations.

    Attributes
    ----------
    name : str
    label : tuple of str
        "A|B" of each combination, criteria joined by "+".
    numerator, denominator : arrays of bool, shape (combination, 37)
        Signatures counted above and below the line.
    colour : tuple of str
        Colour family: "grey" (NIC1), "blue" (base single), "green" (base joint), "red"
        (conditional), as published.
    published : bool
        Show criteria 5 and 6 by the published formulas: NIC5 = (NIC3 x NIC4)^(1/4) and
        NIC6 = 1 - N6/N1.
    """

    name: str
    label: tuple[str, ...]
    numerator: NDArray[np.bool_]
    denominator: NDArray[np.bool_]
    colour: tuple[str, ...]
    published: bool = False

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def quotients(self) -> Quotients:
        """Its functions, for `evaluate`."""
        return Quotients.of(self.numerator, self.denominator)


@cache
def family(name: str = "all", *, of: str = "gene") -> Family:
    """Return a family by name.

    Parameters
    ----------
    name : {"base", "combinations", "all", "distinct"}
        The 30 published images; the 59,019 other combinations; all 59,049; or one representative
        (a base image, else the one of fewest criteria) of each distinct function that carries
        information.
    of : {"gene", "observation"}
        Changes "distinct" only: a combination that is constantly 1 for a gene is the plain vote of
        some trees for an observation, so 510 functions become 565.

    Returns
    -------
    Family

    Raises
    ------
    InputError
        Unknown name.

    Notes
    -----
    ``base``: published pipeline. That the 59,019 combinations of the internship text are 3**10
    roles of ten criteria less the 30 base images is our reading.

    Examples
    --------
    >>> [len(family(name)) for name in FAMILIES], len(family("distinct", of="observation"))
    ([30, 59019, 59049, 510], 565)
    >>> family("distinct").label[:4]
    ('1|', '2|1', '3|1', '4|1')
    """
    choose("family", name, FAMILIES)
    if of not in ("gene", "observation"):
        raise InputError(f"images are of a 'gene' or an 'observation', not of {of!r}")
    if name == "all":
        return _all()
    everything = _all()
    if name == "base":
        places = {label: k for k, label in enumerate(everything.label)}
        return _pick(everything, name, [places[label] for label in BASE], published=True)
    if name == "combinations":
        rows = [k for k, label in enumerate(everything.label) if label not in set(BASE)]
        return _pick(everything, name, rows)
    kinds = _kind(everything)
    informative = (kinds == "informative") | ((kinds == "always 1") & (of == "observation"))
    return _pick(everything, name, _first_of_each(everything, informative))


def evaluate(
    above: Any, below: Any, functions: Quotients, *, published: bool = False, xp: Any = np
) -> Any:
    """Pixels of counts of signatures: N(A and B) of `above` over N(B) of `below`.

    Counts (..., 37) give float32 (..., function), NaN where there is nothing to divide by. Counts
    below 2**24 are exact in float32: a pixel is one rounded division, the same bits from NumPy and
    torch, the ``xp`` that the arrays are of. ``published`` shows criteria 5 and 6 of the base
    family by the published formulas.
    """
    sums = add_up(above, functions.sets, xp)
    divisors = sums if below is above else add_up(below, functions.sets, xp)
    if xp is np:
        pixels = _divide(sums, divisors, functions)
    else:
        pixels = sums[..., functions.above] / divisors[..., functions.below]
    if published:
        nic3, nic4, nic5, nic6 = (BASE.index(f"{k}|1") for k in (3, 4, 5, 6))
        pixels[..., nic5] = _root(_root(pixels[..., nic3] * pixels[..., nic4], xp), xp)
        pixels[..., nic6] = 1 - pixels[..., nic6]
    return pixels


def of_labels(labels: Iterable[str]) -> Family:
    """Return combinations by their labels alone; a `ValueError` tells of one that is none.

    Examples
    --------
    >>> both, distinct = of_labels(["2|1"]), family("distinct")
    >>> bool((both.numerator[0] == distinct.numerator[1]).all()), both.colour
    (True, ('blue',))
    """
    labels, table = tuple(labels), event_table().astype(bool)
    sets = []
    for label in labels:
        event, given = ([int(k) - 1 for k in part.split("+") if k] for part in label.split("|"))
        if not {*event, *given} <= {*range(N_EVENTS)}:
            raise ValueError(f"{label!r} is no combination")
        sets.append((table[:, event + given].all(axis=1), table[:, given].all(axis=1)))
    numerator, denominator = np.array(sets).swapaxes(0, 1)
    return Family("labels", labels, numerator, denominator, tuple(map(_colour, labels)))


def structure() -> dict[str, int]:
    """What the 37 signatures alone say of the 59,049 combinations, whatever the data.

    Returns
    -------
    dict
        How many are always 0, always undefined, always 1 and informative, and how many distinct
        functions these leave for a gene and for an observation.

    Examples
    --------
    >>> structure()["always 0"], structure()["distinct"]
    (29403, 510)
    """
    kinds, counts = np.unique(_kind(_all()), return_counts=True)
    return {
        **dict(zip(kinds.tolist(), counts.tolist(), strict=True)),
        "distinct": len(family("distinct")),
        "distinct of observations": len(family("distinct", of="observation")),
    }


def colour_codes(labels: Iterable[str]) -> NDArray[np.int8]:
    """Colour family of combinations by label, as codes in `COLOURS`."""
    return np.array([COLOURS.index(_colour(label)) for label in labels], np.int8)


def add_up(counts: Any, sets: Any, xp: Any = np) -> Any:
    """Sum counts (..., 37) over each set (set, 37), as one matrix product."""
    rows = xp.reshape(xp.asarray(counts, dtype=xp.float32), (-1, N_SIGNATURES))
    return xp.reshape(rows @ sets.T, (*counts.shape[:-1], len(sets)))


def _divide(
    sums: NDArray[np.float32], divisors: NDArray[np.float32], functions: Quotients
) -> NDArray[np.float32]:
    """Quotients (..., function) of sums (..., set), in one pass."""
    from deepnic.nic.quotients_numba import divide  # compiled where it runs

    n_sets, n = len(functions.sets), len(functions.above)
    pixels = np.empty((*sums.shape[:-1], n), np.float32)
    rows, by = sums.reshape(-1, n_sets), divisors.reshape(-1, n_sets)
    divide(rows, by, functions.above, functions.below, pixels.reshape(-1, n))
    return pixels


def _root(value: Any, xp: Any) -> Any:
    """Square root, rounded as IEEE asks; torch's own of float32 may be one unit off."""
    return xp.asarray(xp.sqrt(xp.asarray(value, dtype=xp.float64)), dtype=xp.float32)


@cache
def _all() -> Family:
    """All 3**10 combinations, fewest criteria first."""
    roles = np.array(list(product((0, 1, 2), repeat=N_EVENTS)), np.int8)  # unused, in A, in B
    order = np.lexsort((*(roles[:, ::-1].T * -1), np.count_nonzero(roles, axis=1)))
    roles = roles[order]
    absent = ~event_table().T.astype(bool)  # (criterion, signature)
    denominator = (roles == 2).astype(np.uint8) @ absent.astype(np.uint8) == 0
    numerator = (roles > 0).astype(np.uint8) @ absent.astype(np.uint8) == 0
    label = tuple(f"{_join(row == 1)}|{_join(row == 2)}" for row in roles)
    return Family("all", label, numerator, denominator, tuple(map(_colour, label)))


def _join(used: NDArray[np.bool_]) -> str:
    return "+".join(str(k + 1) for k in np.flatnonzero(used))


def _colour(label: str) -> str:
    if label == BASE[0]:
        return "grey"
    return "blue" if label in _SINGLE else ("green" if label in _JOINT else "red")


def _pick(source: Family, name: str, rows: list[int], *, published: bool = False) -> Family:
    return Family(
        name,
        tuple(source.label[k] for k in rows),
        source.numerator[rows],
        source.denominator[rows],
        tuple(source.colour[k] for k in rows),
        published,
    )


def _kind(source: Family) -> NDArray[np.str_]:
    """Always 0, always undefined, always 1, or informative."""
    return np.select(
        [
            ~source.denominator.any(axis=1),
            ~source.numerator.any(axis=1),
            (source.numerator == source.denominator).all(axis=1),
        ],
        ["always undefined", "always 0", "always 1"],
        "informative",
    )


def _first_of_each(source: Family, among: NDArray[np.bool_]) -> list[int]:
    """Rows of the representatives, base images before others, then the fewest criteria."""
    functions = np.packbits(np.hstack([source.numerator, source.denominator]), axis=1)
    rows = np.flatnonzero(among)
    rows = rows[np.argsort([source.label[k] not in BASE for k in rows], kind="stable")]
    _, first = np.unique(functions[rows], axis=0, return_index=True)
    return rows[np.sort(first)].tolist()
