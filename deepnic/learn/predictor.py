"""A trained network with all that is needed to read new items: file, checks, prediction."""

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from deepnic.assembly import Assembly, lay
from deepnic.errors import InputError
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.loop import class_scores
from deepnic.learn.network import build_network
from deepnic.nic import count_signatures, observation_images, rop_images
from deepnic.pixels import select_pixels

PIXEL = ("gene", "combination", "tree_size", "weight_range")


@dataclass(frozen=True)
class Trained:
    """A trained network, on the CPU.

    Attributes
    ----------
    network : Module
        In evaluation mode.
    name : str
        Of its kind: "small", "residual" or "module:function".
    classes : tuple of str
    layout : Dataset
        Its canvas without the items: `index(row, column)`, `colour(row, column)` where there was
        one, and the coordinates of its pixels, or the family and conditions of its counts.
    """

    network: nn.Module
    name: str
    classes: tuple[str, ...]
    layout: xr.Dataset

    def predict(self, items: xr.Dataset) -> pd.DataFrame:
        """Predict items that this network may never have seen.

        Parameters
        ----------
        items : Dataset
            A forest, a pixel table with this network's pixels, or a canvas of its assembly.

        Returns
        -------
        DataFrame
            One row an item: `item`, `probability of CLASS` for each class, and `predicted`.

        Raises
        ------
        InputError
            Items of another assembly, or that lack some of the pixels.
        """
        canvas = self._laid(items)
        self._check_same(canvas)
        images = make_images(canvas_arrays(canvas))
        scores = class_scores(self.network, images, torch.arange(len(images)))
        probability = scores.softmax(dim=1).numpy()
        table = pd.DataFrame(probability, columns=[f"probability of {c}" for c in self.classes])
        table.insert(0, "item", canvas["item"].to_index())
        table["predicted"] = np.array(self.classes, object)[probability.argmax(axis=1)]
        return table

    def _laid(self, items: xr.Dataset) -> xr.Dataset:
        """Items on this network's canvas."""
        counted = "family" in self.layout.attrs
        if "signature" in items:
            if counted:
                items = count_signatures(items)
            elif "gene" in self.layout.coords:
                genes = sorted(set(self.layout["gene"].values))
                items = select_pixels(observation_images(items, genes=genes), self._pixels())
            else:
                items = select_pixels(rop_images(items, family="distinct"), self._pixels())
        if "count" in items and "index" not in items and counted:
            kept = [name for name in ("index", "colour") if name in self.layout]
            return items.rename(gene="item").assign({n: self.layout[n] for n in kept}).assign_attrs(
                self.layout.attrs
            )  # fmt: skip
        if "value" in items and not counted:
            index = self.layout["index"].values
            facts = {name: self.layout.attrs.get(name, "") for name in ("path", "order", "unit")}
            return lay(items, Assembly(index, np.nan, **facts, seed=0))
        if "image" not in items and "index" not in items:
            raise InputError(
                "the items are pixels and the network reads counts of signatures, or the other way "
                f"round: they are of another assembly ({self._words()}); give a forest"
            )
        return items

    def _pixels(self) -> xr.Dataset:
        """What `select_pixels` reads of a table."""
        zeros = np.zeros(self.layout.sizes["pixel"], np.float32)
        return self.layout.drop_dims(["row", "column"]).assign(relevance=("pixel", zeros))

    def _check_same(self, canvas: xr.Dataset) -> None:
        found = layout_of(canvas)
        for name in ("index", "colour", *PIXEL):
            if (name in found) != (name in self.layout) or (
                name in found and not np.array_equal(found[name], self.layout[name])
            ):
                raise InputError(
                    f"the items differ in {name} from the assembly that the network was trained "
                    f"on ({self._words()}); give a forest, or items assembled the same way"
                )
        if "state" in canvas and int(canvas["state"].max()) >= len(self.classes):
            raise InputError(
                f"the items have {int(canvas['state'].max()) + 1} classes and the network "
                f"{len(self.classes)}; give it items of the classes it was trained on"
            )

    def _words(self) -> str:
        rows, columns = self.layout["index"].shape
        facts = [f"{k} {v}" for k, v in self.layout.attrs.items()]
        return ", ".join([f"{rows} x {columns} cells", *facts])


def layout_of(canvas: xr.Dataset) -> xr.Dataset:
    """Return a canvas without its items.

    Examples
    --------
    >>> canvas = xr.Dataset({"image": (("item", "row", "column"), np.zeros((3, 1, 2)))})
    >>> layout_of(canvas).index.values
    array([[0, 1]], dtype=int32)
    """
    if "index" not in canvas:  # images of the user's own
        shape = canvas.sizes["row"], canvas.sizes["column"]
        cells = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        canvas = canvas.assign(index=(("row", "column"), cells))
    names = ("index", "colour", *PIXEL)
    attrs = ("family", "path", "order", "unit", "seed")
    variables = {}
    for name in names:
        if name in canvas.variables:
            values = canvas[name].values
            # Zarr gives strings a type of their own, which torch does not keep
            plain = values if values.dtype.kind in "iu" else values.astype(object)
            variables[name] = (canvas[name].dims, plain)
    return xr.Dataset(
        variables,
        attrs={name: canvas.attrs[name] for name in attrs if name in canvas.attrs},
    ).set_coords([name for name in PIXEL if name in canvas.variables])


def describe_network(name: str, classes: Sequence[str], canvas: xr.Dataset) -> dict[str, Any]:
    """What a checkpoint says of its network beside the weights: plain types and tensors only."""
    layout = layout_of(canvas)
    variables = {
        key: (list(map(str, v.dims)), v.values.tolist() if v.dtype == object else _tensor(v.values))
        for key, v in layout.variables.items()
    }
    return {
        "network": name,
        "classes": list(classes),
        "layout": {"variables": variables, "attrs": dict(layout.attrs)},
    }


def load_network(checkpoint: str | os.PathLike[str]) -> Trained:
    """Read a trained network from a checkpoint of `train`, ready to predict on the CPU.

    The file is read without running any code from it (`weights_only=True`).

    Raises
    ------
    InputError
        No such file, not a checkpoint of deepnic, or weights that do not fit the network.

    Examples
    --------
    >>> load_network("no/such/checkpoint.pt")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no checkpoint at no/such/checkpoint.pt; give the checkpoint.pt of ...
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the checkpoint.pt of a run's folder")
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        about, weights = saved["about"], saved["network"]
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"{path} is not a checkpoint of deepnic, or is damaged; give the checkpoint.pt of a "
            "run's folder"
        ) from error
    return rebuild(about, weights)


def rebuild(about: dict[str, Any], weights: dict[str, torch.Tensor]) -> Trained:
    """Make a network again from what a checkpoint holds."""
    variables = {
        name: (dims, np.array(values, object) if isinstance(values, list) else values.numpy())
        for name, (dims, values) in about["layout"]["variables"].items()
    }
    layout = xr.Dataset(variables, attrs=about["layout"]["attrs"])
    layout = layout.set_coords([name for name in PIXEL if name in layout])
    channels = 5 if "colour" in layout else 2
    with torch.device("meta"):  # no initial weights, which would cost the caller random numbers
        network = build_network(about["network"], channels, len(about["classes"]))
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise InputError(
            f"the weights of the checkpoint do not fit the network {about['network']} with "
            f"{channels} channels and {len(about['classes'])} classes; use the network it was "
            "trained with"
        ) from error
    return Trained(network.eval(), about["network"], tuple(about["classes"]), layout)


def _tensor(values: NDArray) -> torch.Tensor:
    return torch.tensor(values.astype(np.int32) if values.dtype.kind in "iu" else values)
