"""The trees that a network reads, and what tells of the patients they were grown on.

They travel in its checkpoint, so that it predicts new patients anywhere. There is no row of a
patient among them and no id: genes, weights, thresholds, and means over many patients.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from deepnic.cohort import filled
from deepnic.learn.patients import Profile, fill_missing, recognise
from deepnic.nic.families import of_labels
from deepnic.nic.observations import images_of_trees
from deepnic.rop.bags import grouped
from deepnic.rop.kept import Kept, Wanted, keep_trees
from deepnic.rop.origin import check_cohort, parameters_of, sha256_of
from deepnic.variables import describe

TRAINED_ON = "trained on"
BLOCK = 64  # patients whose images are in memory together


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees of the pixels of a network.

    Attributes
    ----------
    origin : str
        What they were grown on; see `deepnic.rop.origin`.
    transform : str
        Of the training values, as `deepnic.read_cohort` tells it.
    profile : Profile
        Of the training patients.
    kept : list of Kept
        One a condition; genes are numbered as in the profile.
    """

    origin: str
    transform: str
    profile: Profile
    kept: list[Kept]

    @property
    def genes(self) -> list[str]:
        """Names of all genes that the trees read."""
        return self.profile.genes

    @property
    def n_trees(self) -> int:
        """Trees of all conditions."""
        return sum(len(one.members) for one in self.kept)

    @classmethod
    def grown(cls, cohort: xr.Dataset, layout: xr.Dataset, origin: str) -> "Trees":
        """Grow again the trees of the pixels of a layout, from the cohort that they were grown on.

        Raises
        ------
        InputError
            It is another cohort, or read or hidden in another way.
        """
        check_cohort(cohort, origin)
        cohort = filled(cohort)
        parameters = parameters_of(origin)
        known = cohort["state"].values >= 0
        expression = np.ascontiguousarray(cohort["expression"].values[known].T)
        position = cohort.indexes["gene"].get_indexer(pd.Index(layout["gene"].values))
        genes: dict[tuple[int, int], set[int]] = {}
        for gene, V, R in zip(
            position, layout["tree_size"].values, layout["weight_range"].values, strict=True
        ):
            genes.setdefault((int(V), int(R)), set()).add(int(gene))
        wanted = [Wanted(*key, tuple(sorted(genes[key]))) for key in sorted(genes)]
        state = np.ascontiguousarray(cohort["state"].values[known])
        group = grouped(cohort, parameters)
        group = None if group is None else group[known]
        kept = keep_trees(expression, state, group, wanted, parameters)
        used = np.unique(np.concatenate([one.members.ravel() for one in kept]))
        kept = [
            one._replace(
                members=np.searchsorted(used, one.members).astype(np.int32),
                gene=np.searchsorted(used, one.gene).astype(np.int32),
            )
            for one in kept
        ]
        names = cohort["gene"].values[used].astype(str).tolist()
        profile = Profile.of(expression[used].T, names, sha256_of(origin))
        # in the order of their digests, which tells nothing of the patients
        order = sorted(range(known.sum()), key=lambda k: profile.digests[k].tobytes())
        kept = [one.reordered(order) for one in kept]
        profile = profile._replace(digests=profile.digests[order])
        return cls(origin, str(cohort.attrs.get("transform", "none")), profile, kept)

    def read(self, patients: xr.Dataset, layout: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
        """Pixels of patients on a network's layout, and notes of what was assumed of them.

        Parameters
        ----------
        patients : Dataset
            ``expression(observation, gene)``; NaN, or a gene that is not there, is missing.
        layout : Dataset
            Coordinates of the pixels.

        Returns
        -------
        Dataset
            A pixel table with the coordinate ``remark(item)``.
        list of str

        Raises
        ------
        InputError
            Genes are missing, or the values are on another scale.
        """
        own = {gene for one in self.kept for gene in one.gene.tolist()}
        expression, missing, notes = fill_missing(patients, self.profile, own)
        unlike, more = self.profile.check_scale(expression, self.transform)
        # which training patients each patient is, if any
        same = recognise(expression, missing, self.profile, sha256_of(self.origin))
        value = np.full((len(expression), layout.sizes["pixel"]), np.nan, np.float32)
        rows = np.ascontiguousarray(expression.T)
        for one in self.kept:
            votes = one.votes(rows)
            for patient in np.flatnonzero(same.any(axis=1)):
                votes[one.in_bag(same[patient]), patient] = 0
            self._lay(one, votes, layout, value)
        seen = same.any(axis=1)
        remark = np.where(seen, TRAINED_ON, np.where(unlike, "unlike the training patients", ""))
        table = xr.Dataset(
            {
                "value": (("item", "pixel"), value),
                "relevance": ("pixel", np.zeros(value.shape[1], np.float32)),
            },
            coords={
                "item": patients["observation"].values.astype(object),
                "remark": ("item", remark.astype(object)),
                "state": ("item", np.full(len(value), -1, np.int8)),
                **{name: c for name, c in layout.coords.items() if c.dims == ("pixel",)},
            },
            attrs={"origin": self.origin},
        )
        return describe(table, "table"), [*notes, *more]

    def _lay(
        self, one: Kept, votes: NDArray[np.int8], layout: xr.Dataset, value: NDArray[np.float32]
    ) -> None:
        """Fill the pixels of a condition."""
        here = np.flatnonzero(
            (layout["tree_size"].values == one.tree_size)
            & (layout["weight_range"].values == one.weight_range)
        )
        labels = layout["combination"].values[here].astype(str)
        members = of_labels(dict.fromkeys(labels))
        places = {self.genes[gene]: k for k, gene in enumerate(one.gene)}
        gene = [places[str(name)] for name in layout["gene"].values[here]]
        combination = [members.label.index(label) for label in labels]
        for first in range(0, len(value), BLOCK):  # an image has many more pixels than are read
            some = slice(first, first + BLOCK)
            images = images_of_trees(one, np.ascontiguousarray(votes[:, some]), members)
            value[some, here] = images[:, gene, combination]

    def pack(self) -> dict[str, Any]:
        """Plain types and tensors, for a checkpoint."""
        return {
            "origin": self.origin,
            "transform": self.transform,
            "profile": _packed(self.profile),
            "kept": [_packed(one) for one in self.kept],
        }

    @classmethod
    def unpack(cls, saved: Mapping[str, Any], layout: xr.Dataset) -> "Trees":
        """Make trees of what `pack` gave, which a file may say anything of: it may raise any error.

        ``layout`` is of the network; a `ValueError` tells of pixels whose trees are not there.
        """
        profile = Profile(**_unpacked(saved["profile"]))
        profile.check()
        kept = [Kept(**_unpacked(one)) for one in saved["kept"]]
        for one in kept:
            one.check(len(profile.genes), len(profile.digests))
        held = {
            (profile.genes[gene], one.tree_size, one.weight_range)
            for one in kept
            for gene in one.gene
        }
        names = (layout[name].values for name in ("gene", "tree_size", "weight_range"))
        if {(str(g), int(V), int(R)) for g, V, R in zip(*names, strict=True)} - held:
            raise ValueError("some pixels have no trees")
        of_labels(layout["combination"].values.astype(str))
        parameters_of(saved["origin"])
        return cls(str(saved["origin"]), str(saved["transform"]), profile, kept)


def _packed(fields: Any) -> dict[str, Any]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(value))
        if isinstance(value, np.ndarray)
        else value
        for name, value in fields._asdict().items()
    }


def _unpacked(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: np.ascontiguousarray(value.numpy()) if isinstance(value, torch.Tensor) else value
        for name, value in saved.items()
    }
