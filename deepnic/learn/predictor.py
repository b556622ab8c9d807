"""A trained network with all that is needed to read new items: file, checks, prediction."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from deepnic.assembly import Assembly, lay
from deepnic.errors import InputError
from deepnic.files import as_path
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.loop import class_scores
from deepnic.learn.network import NETWORKS, build_network
from deepnic.learn.saved import About, check_about, check_weights, read_checkpoint
from deepnic.nic import count_signatures, observation_images, rop_images
from deepnic.nic.families import COLOURS
from deepnic.pixels import select_pixels
from deepnic.variables import KINDS, kind_of

PIXEL = ("gene", "combination", "tree_size", "weight_range")


@dataclass(frozen=True)
class Predictor:
    """A trained network, on the CPU.

    Attributes
    ----------
    network : Module
        In evaluation mode.
    name : str
        Of its kind: "small", "residual" or "module:function".
    classes : tuple of str
    kind : str
        Of its canvas: "canvas" or "count canvas".
    layout : Dataset
        Its canvas without the items: `index(row, column)`, `colour(row, column)` where there was
        one, and the coordinates of its pixels, or the family and conditions of its counts.
    """

    network: nn.Module
    name: str
    classes: tuple[str, ...]
    kind: str
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
        canvas = self._assemble(items)
        self._check_same(canvas)
        images = make_images(canvas_arrays(canvas))
        scores = class_scores(self.network, images, torch.arange(len(images)))
        probability = scores.softmax(dim=1).numpy()
        table = pd.DataFrame(probability, columns=[f"probability of {c}" for c in self.classes])
        table.insert(0, "item", canvas["item"].to_index())
        table["predicted"] = np.array(self.classes, object)[probability.argmax(axis=1)]
        return table

    def _assemble(self, items: xr.Dataset) -> xr.Dataset:
        """Items on this network's canvas."""
        if kind_of(items) == "forest":
            items = self._read(items)
        layout = self.layout
        match kind_of(items), self.kind:
            case "counts", "count canvas":
                cells = {name: layout[name] for name in ("index", "colour")}
                return items.rename(gene="item").assign(cells).assign_attrs(layout.attrs)
            case "table", "canvas":
                facts = {name: layout.attrs.get(name, "") for name in ("path", "order", "unit")}
                return lay(items, Assembly(layout["index"].values, np.nan, **facts, seed=0))
            case "canvas" | "count canvas", _:
                return items
        raise InputError(
            "the items are pixels and the network reads counts of signatures, or the other way "
            f"round: they are of another assembly ({self._words()}); give a forest"
        )

    def _read(self, forest: xr.Dataset) -> xr.Dataset:
        """Counts or pixels of a forest, as this network reads them."""
        if self.kind == "count canvas":
            return count_signatures(forest)
        if "pixel" not in self.layout.dims:
            raise InputError(
                f"the network reads images that are not of a forest ({self._words()}); give such"
            )
        if "gene" in self.layout.coords:  # pixels of several genes are of observations
            genes = sorted(set(self.layout["gene"].values))
            images = observation_images(forest, genes=genes)
        else:
            images = rop_images(forest, family="distinct")
        zeros = np.zeros(self.layout.sizes["pixel"], np.float32)
        pixels = self.layout.drop_dims(["row", "column"]).assign(relevance=("pixel", zeros))
        return select_pixels(images, pixels)

    def _check_same(self, canvas: xr.Dataset) -> None:
        layout = layout_of(canvas)
        for name in ("index", "colour", *PIXEL):
            if (name in layout) != (name in self.layout) or (
                name in layout and not np.array_equal(layout[name], self.layout[name])
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


def describe_network(name: str, classes: Sequence[str], canvas: xr.Dataset, channels: int) -> About:
    """What a checkpoint says of its network beside the weights."""
    layout = layout_of(canvas)
    variables = {
        str(key): (
            list(map(str, v.dims)),
            v.values.tolist() if v.dtype == object else _tensor(v.values),
        )
        for key, v in layout.variables.items()
    }
    return {
        "network": name,
        "classes": list(classes),
        "layout": {"variables": variables, "attrs": dict(layout.attrs)},
        "kind": kind_of(canvas),
        "channels": channels,
    }


def load_network(checkpoint: str | os.PathLike[str], *, network: str | None = None) -> Predictor:
    """Read a trained network from a checkpoint of `train`, ready to predict on the CPU.

    No code in the file, or named by it, is run.

    Parameters
    ----------
    checkpoint : path
    network : str, optional
        "module:function" of the network, where it is your own: only your word has it imported, and
        the checkpoint must name the same.

    Returns
    -------
    Predictor

    Raises
    ------
    InputError
        No such file, not a checkpoint of deepnic, damaged, of a network that was not named, or
        weights that do not fit the network.

    Examples
    --------
    >>> load_network("no/such/checkpoint.pt")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no checkpoint at no/such/checkpoint.pt; give the checkpoint.pt of ...
    """
    path = as_path(checkpoint)
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the checkpoint.pt of a run's folder")
    saved = read_checkpoint(path)
    try:
        about = check_about(_completed(saved["about"]))
        weights = dict(saved["network"])
    except Exception as error:  # whatever is where something else belongs
        raise InputError(
            f"{path} is not a checkpoint of deepnic, or is damaged; give the checkpoint.pt of a "
            "run's folder"
        ) from error
    named = about["network"]
    if network not in (None, named):
        raise InputError(f"{path} is of the network {named!r}, not of {network!r}; name that")
    if named not in NETWORKS and network is None:
        raise InputError(
            f"{path} is of the network {named!r}, which is code that it cannot bring; name it "
            f"yourself, as network={named!r}, if you trust that code"
        )
    try:
        return rebuild(about, weights)
    except InputError:
        raise
    except Exception as error:  # xarray raises many kinds for a layout that is none
        raise InputError(
            f"the canvas that {path} tells of is none; give the checkpoint.pt of a run's folder"
        ) from error


def rebuild(about: About, weights: Mapping[str, torch.Tensor]) -> Predictor:
    """Make a network again from what a checkpoint holds."""
    name, classes, channels = about["network"], about["classes"], about["channels"]
    variables = {
        key: (dims, np.array(values, object) if isinstance(values, list) else values.numpy())
        for key, (dims, values) in about["layout"]["variables"].items()
    }
    layout = xr.Dataset(variables, attrs=about["layout"]["attrs"])
    layout = layout.set_coords([key for key in PIXEL if key in layout])
    if layout["index"].dims != ("row", "column") or about["kind"] not in KINDS:
        raise ValueError("no canvas")
    with torch.device("meta"):  # no initial weights, which would cost the caller random numbers
        network = build_network(name, channels, len(classes))
    try:
        check_weights(weights, network.state_dict())
        network.load_state_dict(weights, assign=True)
    except (ValueError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"the weights of the checkpoint do not fit the network {name} with {channels} channels "
            f"and {len(classes)} classes ({error}); use the network it was trained with"
        ) from error
    return Predictor(network.eval(), name, tuple(classes), about["kind"], layout)


def _completed(about: dict[str, Any]) -> About:
    """Add what version 0.1.0 left to be told from the layout."""
    layout = about["layout"]
    kind = "count canvas" if "family" in layout["attrs"] else "canvas"
    channels = len(COLOURS) + 1 if "colour" in layout["variables"] else 2
    return {"kind": kind, "channels": channels, **about}  # type: ignore[typeddict-item]


def _tensor(values: NDArray) -> torch.Tensor:
    return torch.tensor(values.astype(np.int32) if values.dtype.kind in "iu" else values)
