"""What made a store, and what its trees were grown on: marks that go with it, to the network."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic import __version__
from deepnic.cohort import filled
from deepnic.errors import InputError
from deepnic.rop.bags import grouped
from deepnic.rop.draws import Parameters
from deepnic.variables import FORMAT, RULES

ORIGIN = "origin"
"""Attribute of forests, and of images, tables and canvases of observations: JSON."""

ORIGINS = "origins"
"""Attribute of cross-fitted canvases: the marks of the pipelines' forests, in order."""

PATIENTS = "patients_sha256"

AT_ONCE = 1 << 24  # bytes


def stamp() -> dict[str, str | int]:
    """Attributes of a store: the version that wrote it, its layout and the rules it follows.

    Half-done work goes on under the same `FORMAT` and `RULES`; the version may differ.
    """
    return {"deepnic_version": __version__, "deepnic_format": FORMAT, "deepnic_rules": RULES}


def origin_of(cohort: xr.Dataset, parameters: Parameters) -> str:
    """Parameters of a forest, and the digest of all that decides what its trees say.

    That are the observations of known state, their order, classes and groups where bags are of
    these, the genes, the parameters and the rules. Observations to be predicted change nothing of
    it, nor do ids and files' names. A second digest is of the same without the classes.
    """
    grown, group = cohort["state"].values >= 0, grouped(cohort, parameters)
    groups = [] if group is None else [group]
    state, expression = (cohort[name].values for name in ("state", "expression"))
    genes = json.dumps([str(name) for name in cohort["gene"].values]).encode()
    positive = str(cohort.attrs.get("positive", "1"))

    def digest(stated: list[Any], *parts: NDArray[np.generic]) -> str:
        sums = hashlib.sha256(json.dumps(stated, sort_keys=True).encode())
        for part in parts:
            update(sums, part, grown)
        sums.update(genes)
        return sums.hexdigest()

    digests = {
        "sha256": digest([RULES, parameters, positive], state, expression, *groups),
        PATIENTS: digest([RULES, parameters], expression, *groups),
    }
    return json.dumps(digests | parameters)


def update(
    digest: "hashlib._Hash",
    values: NDArray[np.generic],
    rows: NDArray[np.bool_] | slice = slice(None),
) -> None:
    """Add the bytes of some rows to a digest, a few at a time: copies of all would take as much."""
    chosen = np.arange(len(values))[rows]
    few = max(AT_ONCE * len(values) // max(values.nbytes, 1), 1)
    for first in range(0, len(chosen), few):
        digest.update(np.ascontiguousarray(values[chosen[first : first + few]]).data)


def carried(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """The mark among attributes, for the attributes of what is made of it; none if there is none.

    Examples
    --------
    >>> carried({"origin": "{}", "positive": "t"})
    {'origin': '{}'}
    """
    return {ORIGIN: attrs[ORIGIN]} if ORIGIN in attrs else {}


def parameters_of(origin: str) -> Parameters:
    """Parameters of the forest that a mark is of."""
    stated = json.loads(origin)
    some = Parameters.__optional_keys__ & stated.keys()
    return {name: stated[name] for name in Parameters.__required_keys__ | some}  # type: ignore[return-value]


def asked_of(origin: str) -> dict[str, Any]:
    """Options by which `grow_forest` makes the forest of a mark again, from the same cohort.

    The cohort says how many genes there are, and whether bags are of groups.
    """
    stated = parameters_of(origin)
    return {name: value for name, value in stated.items() if name not in ("n_genes", "bags")}


def sha256_of(origin: str | None) -> str | None:
    """Digest in a mark; None of none. Two forests of one digest say the same of an observation."""
    return None if origin is None else str(json.loads(origin)["sha256"])


def of_same_patients(origins: Sequence[str | None]) -> bool:
    """Tell whether forests have the same patients of known state, genes and parameters.

    Their classes may differ. It is not so of what says nothing of it.
    """
    digests = {None if origin is None else json.loads(origin).get(PATIENTS) for origin in origins}
    return len(digests) == 1 and None not in digests


def check_cohort(cohort: xr.Dataset, origin: str) -> None:
    """Refuse a cohort that differs from what trees were grown on."""
    if sha256_of(origin_of(filled(cohort), parameters_of(origin))) != sha256_of(origin):
        raise InputError(
            "the cohort is not what the trees were grown on; give the same file, read in the same "
            "way (log2, state, positive, groups), with the same labels hidden"
        )
