"""More than two classes: a network of each against the rest, which predict together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.learn.predictor import Predictor
from deepnic.rop.origin import of_same_patients
from deepnic.variables import kind_of


@dataclass(frozen=True)
class OneVsRest:
    """Networks of the same patients, genes and parameters, each of one class against the rest.

    Attributes
    ----------
    networks : tuple of Predictor
        In each the class is the second of two.
    """

    networks: tuple[Predictor, ...]

    def __post_init__(self) -> None:
        if any(len(network.classes) != 2 for network in self.networks):
            raise InputError("a network is not of one class against the rest; give such of each")
        if len({*self.classes}) < len(self.networks):
            raise InputError("two networks are of the same class; give one of each")
        if not all(
            of_same_patients(origins)
            for origins in zip_longest(*(network.origins or [None] for network in self.networks))
        ):
            raise InputError(
                "the networks were not trained on the same patients, genes and parameters, so that "
                "their probabilities are not to be compared; train all classes together, from one "
                "group of tables"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels, one a network."""
        return tuple(network.classes[1] for network in self.networks)

    @property
    def genes(self) -> list[str]:
        """Names of the genes that patients are read by, of all networks."""
        return [*dict.fromkeys(gene for network in self.networks for gene in network.genes)]

    @property
    def meaning(self) -> str:
        """What the probabilities mean."""
        return " ".join(
            [
                "Each class has a network of its own, against all others: the probabilities of an "
                "item need not add up to 1, and the class of the highest is predicted.",
                *dict.fromkeys(network.meaning for network in self.networks),
            ]
        )

    def predict(
        self, items: xr.Dataset | Mapping[str, xr.Dataset | Sequence[xr.Dataset]]
    ) -> pd.DataFrame:
        """Predict items that the networks may never have seen.

        Parameters
        ----------
        items : Dataset, or mapping of Dataset or of sequence of Dataset
            Patients, as of `read_patients` or a cohort, whose states are not looked at; or by label
            what `Predictor.predict` takes, as `deepnic.store.open_classes` opens it.

        Returns
        -------
        DataFrame
            As of `Predictor.predict`, with the probabilities that each network gives by itself.
            ``predicted`` is the class of the highest, the first of equal ones, and empty where one
            is not a number; ``remark`` tells of both.

        Raises
        ------
        InputError
            As of `Predictor.predict`; not all classes are there, or not of the same items.
        """
        tables = self._each(items)
        first = next(iter(tables.values()))
        if any(not table["item"].equals(first["item"]) for table in tables.values()):
            raise InputError(
                "the classes have other items, or in another order; give what was made together"
            )
        names = [f"probability of {label}" for label in self.classes]
        chances = np.stack(
            [table[name].to_numpy() for name, table in zip(names, tables.values(), strict=True)],
            axis=1,
        )
        predicted, remarks = _decide(chances, self.classes)
        said = [*(table["remark"] for table in tables.values()), remarks]
        result = pd.DataFrame(chances, columns=names)
        result.insert(0, "item", first["item"])
        result["predicted"] = predicted
        result["remark"] = [
            "; ".join(dict.fromkeys(filter(None, of_item))) for of_item in zip(*said, strict=True)
        ]
        result.attrs["notes"] = [*_joined({k: t.attrs["notes"] for k, t in tables.items()})]
        return result

    def items_of(
        self, items: xr.Dataset | Mapping[str, xr.Dataset | Sequence[xr.Dataset]]
    ) -> dict[str, Any]:
        """Tell what each network reads, by label; see `predict`."""
        if isinstance(items, xr.Dataset | list | tuple):
            if (kind := kind_of(items if isinstance(items, xr.Dataset) else items[0])) != "cohort":
                raise InputError(
                    f"each of {len(self.networks)} networks reads images of its own, and this is a "
                    f"{kind} of one class; give patients, or by label what was made of each class"
                )
            items = dict[str, Any].fromkeys(self.classes, items)
        if {*items} != {*self.classes}:
            raise InputError(
                f"the items are of the classes {', '.join(items)} and the networks of "
                f"{', '.join(self.classes)}; give items of these"
            )
        return {label: items[label] for label in self.classes}

    def _each(
        self, items: xr.Dataset | Mapping[str, xr.Dataset | Sequence[xr.Dataset]]
    ) -> dict[str, pd.DataFrame]:
        """What each network says by itself, by label."""
        pairs = zip(self.networks, self.items_of(items).items(), strict=True)
        return {label: network.predict(its) for network, (label, its) in pairs}


def _decide(
    chances: NDArray[np.floating], labels: Sequence[str]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Class of the highest of the probabilities (item, class) of each item, and what is remarkable.

    Examples
    --------
    >>> _decide(np.array([[0.2, 0.4], [0.3, 0.3], [np.nan, 0.1]]), ["a", "b"])[0].tolist()
    ['b', 'a', '']
    """
    unknown = np.isnan(chances).any(axis=1)
    highest = np.where(np.isnan(chances), -np.inf, chances)
    ties = (highest == highest.max(axis=1, keepdims=True)).sum(axis=1) > 1
    predicted = np.array(labels, object)[highest.argmax(axis=1)]
    remarks = np.where(ties, "the highest of two classes is the same", "").astype(object)
    predicted[unknown], remarks[unknown] = "", "a probability is not a number"
    return predicted, remarks


def _joined(notes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Notes of all classes once, and of one by its label."""
    for note in dict.fromkeys(note for of_class in notes.values() for note in of_class):
        of = [label for label, of_class in notes.items() if note in of_class]
        yield note if len(of) == len(notes) else f"{', '.join(of)}: {note}"
