"""What a network looks at: an answer taken apart to pixels, genes, combinations, conditions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError
from deepnic.extras import needs
from deepnic.learn.channels import Images, canvas_arrays, make_images
from deepnic.learn.loop import class_scores, mean_over_pipelines, told
from deepnic.learn.one_vs_rest import OneVsRest
from deepnic.learn.predictor import Predictor
from deepnic.nic.families import family
from deepnic.variables import kind_of

STEPS = 256
"""Points of the way from the baseline to an image, at which gradients are taken."""

PARTS = ("gene", "combination", "condition")
"""What pixels are put together by, where a network's canvas names it."""

AT_ONCE = 64  # images that the network reads together
MOST = 2**27  # pixels of all items, each of which is some bytes


@dataclass(frozen=True)
class Attribution:
    """What the pixels of some items add to a network's margin of a class.

    Attributes
    ----------
    label : str
        The class. Its margin is its score (logit) less the mean of the others'.
    items : DataFrame
        A row an item: ``item``, ``predicted``, ``margin``, and ``of_baseline``, the margin of its
        baseline. Of an item that several pipelines show they are means over these.
    pixels : DataFrame
        A row a pixel of the network's canvas: ``pipeline``, ``row``, ``column``, and as far as it
        has such names ``gene``, ``combination`` and ``condition``, such as "V3 R4".
    gradients : ndarray of float64, shape (item, pixel)
        Integrated gradients; those of an item add up to its margin less that of its baseline.
    occlusion : mapping of str to ndarray of float64, shape (item, part)
        By how much the margin falls if a part alone is 0, votes that are even or trees that are
        never perfect, for "pixel" in the order of `pixels`, and for those of `PARTS` that pixels
        have, in the order of `names`.
    image : ndarray of float32, shape (item, pixel)
        Values of the pixels; NaN where undefined, or where no canvas of the item has the pixel.
    """

    label: str
    items: pd.DataFrame = field(repr=False)
    pixels: pd.DataFrame = field(repr=False)
    gradients: NDArray[np.float64] = field(repr=False)
    occlusion: Mapping[str, NDArray[np.float64]] = field(repr=False)
    image: NDArray[np.float32] = field(repr=False)

    def names(self, part: str) -> list[str]:
        """Names of the genes, combinations or conditions of the pixels, as they are met."""
        return self.pixels[part].unique().tolist()

    def of(self, part: str) -> NDArray[np.float64]:
        """Integrated gradients of each part, (item, part): sums over its pixels."""
        if part == "pixel":
            return self.gradients
        number, names = pd.factorize(self.pixels[part])
        return _sums(self.gradients, number, len(names))


def attribute(network: Predictor | OneVsRest, items: Any) -> list[Attribution]:
    """Take a network's answers apart: what each pixel, gene, combination and condition adds.

    Parameters
    ----------
    network : Predictor or OneVsRest
        As of `load_network`.
    items : Dataset, sequence or mapping of Dataset
        As of their ``predict``.

    Returns
    -------
    list of Attribution
        One a class; of two classes the second alone, as the other's is its negative.

    Raises
    ------
    InputError
        As of ``predict``, and too many items for the memory.
    EngineError
        Captum is not installed (extra ``explain``).

    Notes
    -----
    Integrated gradients: Sundararajan, Taly and Yan (ICML 2017), by Captum, the middle Riemann sum
    of 256 steps. The baseline is ours: of a patient the image with all signs turned, what the same
    trees would have said had each voted the other way; of other images 0 for every value. What is
    undefined stays so. An image of zeros is none of a patient: networks with GroupNorm took it for
    a sick one, with margins of 5 to 6, so that nothing was left to say of the sick. The way is
    bent where GroupNorm meets zeros: sums are right to a hundredth.
    Occlusion: Zeiler and Fergus (ECCV 2014), by Captum, of a pixel, or all pixels of a part at
    once, which are set to 0: of pixels that say the same, none is missed alone.

    It is about the network, not about the patients: networks that learnt the same labels agree on
    what they look at even if labels were permuted. What differs then is cohorts, or parts of one.

    Examples
    --------
    >>> import deepnic
    >>> y = np.arange(40) % 2
    >>> image = np.random.default_rng(0).normal(size=(40, 4, 4))
    >>> image[:, 1, 2] += 4 * y
    >>> images = xr.Dataset({"image": (("item", "row", "column"), image)},
    ...                     coords={"state": ("item", y)})
    >>> network = deepnic.train(images, epochs=20).predictor
    >>> [of_1] = attribute(network, images)
    >>> of_1.label, of_1.pixels.loc[np.abs(of_1.gradients).mean(axis=0).argmax()].to_dict()
    ('1', {'pipeline': 0, 'row': 1, 'column': 2})
    """
    needs("explain")
    if isinstance(network, OneVsRest):
        pairs = zip(network.networks, network.items_of(items).values(), strict=True)
        return [one for each, its in pairs for one in attribute(each, its)]
    canvas, _ = network.canvas_of(items)
    pixels = _pixels(network.layout, network.kind)
    if canvas.sizes["item"] * len(pixels) > MOST:
        raise InputError(
            f"{canvas.sizes['item']} images of {len(pixels)} pixels do not fit the memory; "
            f"give up to {MOST // len(pixels)} items, those that you want explained"
        )
    images = make_images(canvas_arrays(canvas))
    scores = class_scores(network.network, images, torch.arange(len(images)))
    numbers = range(len(network.classes))
    return [
        _of_class(network, canvas, images, pixels, scores, k)
        for k in (numbers if len(numbers) > 2 else numbers[1:])
    ]


def margin_of(scores: torch.Tensor, k: int) -> torch.Tensor:
    """Score of class k less the mean of the others', (item,), of scores (item, class).

    Examples
    --------
    >>> margin_of(torch.tensor([[1.0, 4.0], [2.0, 0.0]]), 1).tolist()
    [3.0, -2.0]
    """
    others = (scores.sum(dim=1) - scores[:, k]) / (scores.shape[1] - 1)
    return scores[:, k] - others


def baseline_of(image: torch.Tensor, *, signed: bool) -> torch.Tensor:
    """Channels (item, channel, row, column) of values turned, or 0, and of the mask as it is."""
    value, mask = image[:, :-1], image[:, -1:]
    return torch.cat([-value if signed else torch.zeros_like(value), mask], dim=1)


def _of_class(
    network: Predictor,
    canvas: xr.Dataset,
    images: Images,
    pixels: pd.DataFrame,
    scores: torch.Tensor,
    k: int,
) -> Attribution:
    """Explain a class image by image, each by itself; an item is the mean over its images."""
    item, n_items = _numbers(canvas)
    share = 1 / np.bincount(item)[item]
    shown_by = canvas["shown_by"].values if "shown_by" in canvas else np.zeros(len(item), int)
    parts = {name: pd.factorize(pixels[name])[0] for name in PARTS if name in pixels}
    parts["pixel"] = np.arange(len(pixels))
    gradients = np.zeros((n_items, len(pixels)))
    values = np.full(gradients.shape, np.nan, np.float32)
    occlusion = {name: np.zeros((n_items, of.max() + 1)) for name, of in parts.items()}
    of_baseline = np.zeros(n_items)
    for i in range(len(item)):
        here = np.flatnonzero(pixels["pipeline"] == shown_by[i])
        look = _Look(network.network, k, images(torch.tensor([i])), pixels.iloc[here])
        gradients[item[i], here] += share[i] * look.gradients()
        values[item[i], here] = look.values()
        of_baseline[item[i]] += share[i] * look.of_baseline()
        for name, of in parts.items():
            number, lost = look.occlusion(of[here])
            occlusion[name][item[i], number] += share[i] * lost
    first, means = mean_over_pipelines(canvas, scores.numpy())
    _, predicted = told(means, network.calibration)
    table = pd.DataFrame({"item": canvas["item"].to_index()[first].astype(object)})
    table["predicted"] = np.array(network.classes, object)[predicted]
    table["margin"] = margin_of(torch.tensor(means), k).numpy().astype(float)
    table["of_baseline"] = of_baseline
    return Attribution(network.classes[k], table, pixels, gradients, occlusion, values)


class _Look:
    """One image as a network sees it, and what Captum finds in it for a class."""

    def __init__(
        self, network: torch.nn.Module, k: int, image: torch.Tensor, pixels: pd.DataFrame
    ) -> None:
        self.image, self.nothing = image, baseline_of(image, signed=False)
        self.baseline = baseline_of(image, signed="gene" in pixels)
        self.cells = pixels["row"].to_numpy(), pixels["column"].to_numpy()
        self.margin = lambda images: margin_of(network(images), k)

    def of_baseline(self) -> float:
        """Margin of the baseline."""
        with torch.no_grad():
            return float(self.margin(self.baseline))

    def values(self) -> NDArray[np.float32]:
        """Values of the pixels."""
        cells = self.image[0].numpy()[:, *self.cells]
        return np.where(cells[-1] > 0, cells[:-1].sum(axis=0), np.nan)

    def gradients(self) -> NDArray[np.float64]:
        """Integrated gradients of the pixels, in whichever channel they are."""
        from captum.attr import IntegratedGradients

        found = IntegratedGradients(self.margin).attribute(
            self.image, self.baseline, n_steps=STEPS, method="riemann_middle",
            internal_batch_size=AT_ONCE,
        )  # fmt: skip
        return found[0].double().sum(dim=0).numpy()[self.cells]

    def occlusion(self, part: NDArray[np.integer]) -> tuple[NDArray, NDArray[np.float64]]:
        """Numbers of the parts here, and what the margin loses without each; part (pixel,)."""
        from captum.attr import FeatureAblation

        numbers, first, place = np.unique(part, return_index=True, return_inverse=True)
        mask = np.full(self.image.shape[-2:], len(numbers))  # empty cells are a part too
        mask[self.cells] = place
        with torch.no_grad():
            found = FeatureAblation(self.margin).attribute(
                self.image, self.nothing, feature_mask=torch.tensor(mask)[None, None],
                perturbations_per_eval=AT_ONCE,
            )  # fmt: skip
        lost = found[0, 0].double().numpy()[self.cells]
        return numbers, lost[first]


def _numbers(canvas: xr.Dataset) -> tuple[NDArray[np.intp], int]:
    """Number of the item that each image shows, and of items."""
    if kind_of(canvas) != "cross-fitted canvas":
        return np.arange(canvas.sizes["item"]), canvas.sizes["item"]
    number, ids = pd.factorize(canvas["item"].to_index())
    return number, len(ids)


def _pixels(layout: xr.Dataset, kind: str) -> pd.DataFrame:
    """Where each pixel lies on a layout, and what it is; see `Attribution`."""
    index = layout["index"].values
    index = index if index.ndim == 3 else index[None]
    cells = np.nonzero(index >= 0)
    table = pd.DataFrame(dict(zip(("pipeline", "row", "column"), cells, strict=True)))
    order = np.argsort(index[cells], kind="stable")
    table, pixel = table.iloc[order].reset_index(drop=True), index[cells][order]
    return table.assign(**dict(_names(layout, kind, pixel)))


def _names(
    layout: xr.Dataset, kind: str, pixel: NDArray[np.integer]
) -> Iterator[tuple[str, NDArray[np.object_]]]:
    """Names of pixels at these positions of a table, or among the counts of genes."""
    if "tree_size" not in layout.coords:  # images of the user's own
        return
    tree_size, weight_range = (layout[name].values for name in ("tree_size", "weight_range"))
    if kind == "count canvas":
        combination, condition = np.divmod(pixel, tree_size.size * weight_range.size)
        v, r = np.divmod(condition, weight_range.size)
        labels = np.array(family(layout.attrs["family"]).label, object)[combination]
    else:
        v = r = pixel
        labels = layout["combination"].values[pixel].astype(object)
        if "gene" in layout.coords:
            yield "gene", layout["gene"].values[pixel].astype(object)
    yield "combination", labels
    conditions = zip(tree_size[v], weight_range[r], strict=True)
    yield "condition", np.array([f"V{V} R{R}" for V, R in conditions], object)


def _sums(values: NDArray[np.float64], number: NDArray[np.integer], n: int) -> NDArray[np.float64]:
    """Sum the columns (item, pixel) of each of n numbers: (item, n)."""
    total = np.zeros((n, len(values)))
    np.add.at(total, number, values.T)
    return total.T
