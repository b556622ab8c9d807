"""A trained network with all that is needed to read new items: checks, prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from deepnic.assembly import Assembly, lay
from deepnic.assembly.cross_fitted import join_canvases, read_parts, split_layout
from deepnic.errors import InputError
from deepnic.learn.calibration import Calibration, meaning
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.loop import class_scores, mean_over_pipelines, told
from deepnic.learn.network import build_network
from deepnic.learn.saved import About, check_weights
from deepnic.learn.trees import TRAINED_ON, Trees
from deepnic.nic import count_signatures, observation_images, rop_images
from deepnic.pixels import select_pixels
from deepnic.rop.origin import ORIGIN, ORIGINS, carried, sha256_of
from deepnic.variables import KINDS, kind_of

BATCH = 64  # items that are predicted together
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
        Of its canvas: "canvas", "cross-fitted canvas" or "count canvas".
    layout : Dataset
        Its canvas without the items: `index(row, column)`, `colour(row, column)` where there was
        one, and the coordinates of its pixels, or the family and conditions of its counts. Of
        several pipelines `(pipeline, row, column)`.
    origins : tuple of str
        What the trees behind its images of observations were grown on, one a pipeline: it reads no
        others. Empty of genes.
    trees : tuple of Trees
        These trees, as far as its pixels need them, where `train` was given their cohort.
    calibration : Calibration or None
        What makes its margin a probability; None: its probabilities are its own.
    """

    network: nn.Module = field(repr=False)
    name: str
    classes: tuple[str, ...]
    kind: str
    layout: xr.Dataset = field(repr=False)
    origins: tuple[str, ...] = ()
    trees: tuple[Trees, ...] = field(default=(), repr=False)
    calibration: Calibration | None = None

    @property
    def genes(self) -> list[str]:
        """Names of the genes that patients are read by; see `own_trees`."""
        return [*dict.fromkeys(gene for trees in self.own_trees() for gene in trees.genes)]

    @property
    def meaning(self) -> str:
        """What its probabilities mean."""
        return meaning(self.calibration)

    def predict(self, items: xr.Dataset | Sequence[xr.Dataset]) -> pd.DataFrame:
        """Predict items that this network may never have seen.

        Parameters
        ----------
        items : Dataset, or sequence of Dataset
            Patients, as of `read_patients` or a cohort, whose states are not looked at; or a
            forest, a pixel table with this network's pixels, or a canvas of its assembly, of the
            trees that the network was trained with: of cross-fitted images the forest or table of
            each pipeline, as `deepnic.store.open_classes` opens them.

        Returns
        -------
        DataFrame
            One row an item: `item`, `probability of CLASS` for each class, and `predicted`; of
            observations also `remark`, "trained on" where the network knows the state. A number
            does not depend on the other items. The attribute ``notes`` lists what was assumed.

        Raises
        ------
        InputError
            Items of another assembly or of other trees, that lack some of the pixels or too many
            genes, or whose values are on another scale.
        """
        canvas, notes = self.canvas_of(items)
        images = make_images(canvas_arrays(canvas))
        n = len(images)
        # batches of one size: a number is the same to the last bit, whoever else is asked for
        places = torch.arange(-(-n // BATCH) * BATCH).clamp(max=n - 1)
        of_images = class_scores(self.network, images, places, BATCH)[:n]
        first, means = mean_over_pipelines(canvas, of_images.numpy())
        probability, predicted = told(means, self.calibration)
        table = pd.DataFrame(probability, columns=[f"probability of {c}" for c in self.classes])
        table.insert(0, "item", canvas["item"].to_index()[first])
        table["predicted"] = np.array(self.classes, object)[predicted]
        if self.origins:
            table["remark"] = _remarks(canvas)[first]
        table.attrs["notes"] = notes
        return table

    def canvas_of(self, items: xr.Dataset | Sequence[xr.Dataset]) -> tuple[xr.Dataset, list[str]]:
        """Lay items on this network's canvas, and say what was assumed of them; see `predict`."""
        given, notes = [items] if isinstance(items, xr.Dataset) else [*items], list[str]()
        if kind_of(given[0]) == "cohort":
            canvas, notes = self._read_patients(given[0])
            given = [canvas]
        notes += self._check_origin(given)
        canvas = self._assemble(given)
        self._check_same(canvas)
        return canvas, notes

    def own_trees(self) -> tuple[Trees, ...]:
        """Return the trees that patients are read by; an `InputError` where there are none."""
        if not self.trees:
            raise InputError(
                "the network has no trees of its own, to read patients by: it is of an earlier "
                "version, of genes, or its training found no cohort; train it again and name that "
                "(cohort=), or predict a store that was grown from the same "
                "cohort with these patients added without labels"
            )
        return self.trees

    def _read_patients(self, patients: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
        """Canvases of patients, one a pipeline, and notes of what was assumed."""
        canvases, notes, remarks = [], [], []
        for trees, layout in zip(self.own_trees(), split_layout(self.layout), strict=True):
            table, said = trees.read(patients, layout)
            canvases.append(_lay(table, layout))
            remarks.append(table["remark"].values)
            notes += said
        if len(canvases) == 1:
            return canvases[0], notes
        # A patient of the training is known to all pipelines but the one that shows them. Of values
        # that were rounded only some know them: one of these does, with the votes out of bag.
        each = np.array(remarks, object)
        known = each == TRAINED_ON
        times = known.sum(axis=0)
        trained_on = times > 0
        shown_by = np.where(times == len(known) - 1, known.argmin(axis=0), known.argmax(axis=0))
        part = np.where(trained_on, shown_by, -1).astype(np.int8)
        joined = join_canvases(canvases, part, np.full(part.shape, -1, np.int8))
        remark = np.where(trained_on, TRAINED_ON, each.max(axis=0)).astype(object)
        place = canvases[0]["item"].to_index().get_indexer(joined["item"].to_index())
        return joined.assign_coords(remark=("item", remark[place])), [*dict.fromkeys(notes)]

    def _check_origin(self, items: Sequence[xr.Dataset]) -> list[str]:
        """Refuse images of observations from other trees: they may hold these patients' labels."""
        if "gene" not in self.layout.coords:
            return []
        theirs = items[0].attrs.get(ORIGINS, [one.attrs.get(ORIGIN) for one in items])
        mine = [*map(sha256_of, self.origins or [None])]
        if mine != [*map(sha256_of, theirs)]:
            raise InputError(
                "the trees of what is to be predicted were not grown on the labelled patients, "
                "genes and parameters that the network was trained with, so that they may tell "
                "these patients' own labels; predict the patients' table itself (`deepnic predict "
                "CHECKPOINT FILE`), or grow the training cohort again with these patients added "
                "without labels"
            )
        if mine == [None]:
            return ["of version 0.1.0: nothing tells whether network and trees belong together"]
        return []

    def _assemble(self, items: Sequence[xr.Dataset]) -> xr.Dataset:
        """Items on this network's canvas."""
        if len(items) == 1 and kind_of(items[0]).endswith("canvas"):
            return items[0]
        layouts = split_layout(self.layout)
        if len(items) != len(layouts):
            raise InputError(
                f"the network reads the images of {len(layouts)} pipelines, and {len(items)} are "
                "given; give all stores, or all tables, of one group"
            )
        canvases = [self._lay(one, its) for one, its in zip(items, layouts, strict=True)]
        return canvases[0] if len(canvases) == 1 else join_canvases(canvases, *read_parts(canvases))

    def _lay(self, items: xr.Dataset, layout: xr.Dataset) -> xr.Dataset:
        """Items on the canvas of one pipeline."""
        if kind_of(items) == "forest":
            items = self._read(items, layout)
        match kind_of(items), self.kind:
            case "counts", "count canvas":
                cells = {name: layout[name] for name in ("index", "colour")}
                return items.rename(gene="item").assign(cells).assign_attrs(layout.attrs)
            case "table", "canvas" | "cross-fitted canvas":
                return _lay(items, layout)
        raise InputError(
            "the items are pixels and the network reads counts of signatures, or the other way "
            f"round: they are of another assembly ({self._words()}); give a forest"
        )

    def _read(self, forest: xr.Dataset, layout: xr.Dataset) -> xr.Dataset:
        """Counts or pixels of a forest, as this network reads them."""
        if self.kind == "count canvas":
            return count_signatures(forest)
        if "pixel" not in layout.dims:
            raise InputError(
                f"the network reads images that are not of a forest ({self._words()}); give such"
            )
        if "gene" in layout.coords:  # pixels of several genes are of observations
            genes = sorted(set(layout["gene"].values))
            images = observation_images(forest, genes=genes)
        else:
            images = rop_images(forest, family="distinct")
        none = np.zeros((0, layout.sizes["pixel"]), np.float32)  # a table without items
        pixels = layout.drop_dims(["row", "column"]).assign(value=(("item", "pixel"), none))
        return select_pixels(images, pixels.assign(relevance=pixels["value"].sum("item")))

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
        rows, columns = self.layout["index"].shape[-2:]
        facts = [f"{k} {v}" for k, v in self.layout.attrs.items()]
        return ", ".join([f"{rows} x {columns} cells", *facts])


def _lay(table: xr.Dataset, layout: xr.Dataset) -> xr.Dataset:
    """Pixels of a table on the canvas of a layout."""
    facts = {name: layout.attrs.get(name, "") for name in ("path", "order", "unit")}
    return lay(table, Assembly(layout["index"].values, np.nan, **facts, seed=0))


def _remarks(canvas: xr.Dataset) -> NDArray[np.object_]:
    """What is to be known of each prediction."""
    if "remark" in canvas.coords:
        return canvas["remark"].values.astype(object)
    known = canvas["state"].values >= 0 if "state" in canvas else np.zeros(canvas.sizes["item"])
    return np.where(known, TRAINED_ON, "").astype(object)


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
    about: About = {
        "network": name,
        "classes": list(classes),
        "layout": {"variables": variables, "attrs": dict(layout.attrs)},
        "kind": kind_of(canvas),
        "channels": channels,
    }
    if "gene" in layout.coords:  # pixels of several genes are of observations
        if ORIGINS in canvas.attrs:
            about["origins"] = [*canvas.attrs[ORIGINS]]
        about |= carried(canvas.attrs)  # type: ignore[typeddict-item]
    return about


def rebuild(
    about: About,
    weights: Mapping[str, torch.Tensor],
    trees: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    calibration: Calibration | None = None,
) -> Predictor:
    """Make a network again from what a checkpoint holds."""
    name, classes, channels = about["network"], about["classes"], about["channels"]
    variables = {
        key: (dims, np.array(values, object) if isinstance(values, list) else values.numpy())
        for key, (dims, values) in about["layout"]["variables"].items()
    }
    layout = xr.Dataset(variables, attrs=about["layout"]["attrs"])
    layout = layout.set_coords([key for key in PIXEL if key in layout])
    if layout["index"].dims[-2:] != ("row", "column") or about["kind"] not in KINDS:
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
    origins = tuple(about.get("origins", [about["origin"]] if "origin" in about else []))
    saved = [trees] if isinstance(trees, Mapping) else trees or []
    layouts = split_layout(layout)
    own = tuple(Trees.unpack(one, its) for one, its in zip(saved, layouts, strict=bool(saved)))
    if own and tuple(one.origin for one in own) != origins:
        raise ValueError("trees of another network")
    if calibration is not None and len(classes) != 2:
        raise ValueError("a calibration is of two classes")
    return Predictor(
        network.eval(), name, tuple(classes), about["kind"], layout, origins, own, calibration
    )


def _tensor(values: NDArray) -> torch.Tensor:
    return torch.tensor(values.astype(np.int32) if values.dtype.kind in "iu" else values)
