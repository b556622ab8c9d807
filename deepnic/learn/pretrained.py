"""Networks that were trained on other cohorts, and which of them has not seen a cohort."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from deepnic.errors import InputError
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.loop import class_scores, mean_over_pipelines
from deepnic.learn.pooled import PooledNetwork
from deepnic.learn.saved import check_weights, read_checkpoint, save_checkpoint
from deepnic.learn.settings import ALL, SHIPPED
from deepnic.nic.families import COLOURS
from deepnic.variables import expect

Weights = dict[str, torch.Tensor]
"""Of a network, by name."""

SHIPPED_FILE = Path(__file__).with_name("pretrained.pt")

HIGHEST = 20  # genes of an observation that make its profile


def profiles(cohort: xr.Dataset) -> frozenset[str]:
    """Digest of each observation's highest genes, by which it is known again (ours).

    Names of genes in the order of their values: the same on any scale that keeps the order, such as
    log2, in whatever table with these genes. An observation whose highest values are equal has its
    genes by name among them.

    Parameters
    ----------
    cohort : Dataset

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort()
    >>> squared = cohort.assign(expression=cohort["expression"] ** 2)
    >>> profiles(squared.isel(observation=slice(5))) <= profiles(cohort)
    True
    """
    genes = cohort["gene"].values.astype(str)
    by_name = np.argsort(genes)
    value = np.nan_to_num(cohort["expression"].values[:, by_name], nan=-np.inf)
    highest = np.argsort(-value, axis=1, kind="stable")[:, :HIGHEST]
    return frozenset(
        hashlib.sha256("\n".join(genes[by_name[row]]).encode()).hexdigest()[:16] for row in highest
    )


@dataclass(frozen=True)
class Pretrained:
    """Networks of many cohorts, one of all and one without each (ours).

    Attributes
    ----------
    networks : dict of str to dict
        Weights: `ALL`, and the name of the source that a network has not seen.
    known : dict of str to frozenset
        Profiles of each source, see `profiles`.
    """

    networks: dict[str, Weights]
    known: dict[str, frozenset[str]]

    @classmethod
    def read(cls, path: str | Path = SHIPPED) -> Self:
        """Read a file of `deepnic pretrain`, or the one that comes with deepnic.

        Raises
        ------
        InputError
            It is something else, or damaged.
        """
        path = SHIPPED_FILE if str(path) == SHIPPED else Path(path)
        saved = read_checkpoint(path)
        wanted = _network().state_dict()
        try:
            for weights in saved["networks"].values():
                check_weights(weights, wanted)
            known = {name: frozenset(digests) for name, digests in saved["known"].items()}
            if {*saved["networks"]} != {ALL, *known}:
                raise ValueError("networks and sources differ")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"{path} holds no pretrained networks; give the file that `deepnic pretrain` wrote"
            ) from error
        return cls(saved["networks"], known)

    def save(self, path: Path) -> None:
        """Write the file that `read` reads."""
        known = {name: sorted(digests) for name, digests in self.known.items()}
        save_checkpoint(path, networks=self.networks, known=known)

    def unseen_by(self, cohort: xr.Dataset) -> str:
        """Name the network that has seen no observation of a cohort.

        Raises
        ------
        InputError
            The cohort has observations of several sources, and no network is without all of them.
        """
        seen = profiles(cohort)
        sources = [name for name, one in self.known.items() if not one.isdisjoint(seen)]
        without = [
            name
            for name in sources
            # what shares an observation with a source was left out with it
            if all(not self.known[name].isdisjoint(self.known[other]) for other in sources)
        ]
        if sources and not without:
            raise InputError(
                "the cohort has observations of several of those that the networks were "
                f"pretrained on ({', '.join(sources)}), and none is without all of them; pretrain "
                "one without them (`deepnic pretrain`)"
            )
        return without[0] if without else ALL

    def margin(self, canvas: xr.Dataset, name: str = ALL) -> NDArray[np.float64]:
        """Score of class 1 less that of class 0 of each item, of several images their mean.

        Parameters
        ----------
        canvas : Dataset
            Kind "cross-fitted canvas", or "canvas" of observations.
        name : str
            Of the network.
        """
        expect(canvas, "cross-fitted canvas", "canvas")
        network = _network()
        network.load_state_dict(self.networks[name])
        images = make_images(canvas_arrays(canvas))
        scores = class_scores(network, images, torch.arange(len(images)))
        _, means = mean_over_pipelines(canvas, scores.numpy())
        margin: NDArray[np.float64] = np.diff(means.astype(np.float64))[:, 0]
        return margin


def _network() -> nn.Module:
    return PooledNetwork(len(COLOURS) + 1)
