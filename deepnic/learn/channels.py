"""Canvases made where the network runs, a batch at a time: values to channels, on any device.

A network sees one channel for each colour family, 0 where a cell is of another one, and the mask
of the cells whose pixel is defined.
"""

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from deepnic.nic.families import COLOURS, Quotients, add_up, evaluate, family
from deepnic.variables import kind_of


class Images(nn.Module):
    """Images of items, made when asked for: `forward(items)` gives their channels.

    Parameters
    ----------
    n : int
        Items.
    paint : Tensor (channel, row, column) or (pipeline, channel, row, column)
        Which channel shows each cell.
    """

    paint: torch.Tensor

    def __init__(self, n: int, paint: torch.Tensor):
        super().__init__()
        self.n = n
        self.register_buffer("paint", paint)

    def __len__(self) -> int:
        return self.n

    @property
    def channels(self) -> int:
        """Colour families, and the mask."""
        return self.paint.shape[-3] + 1


class CanvasImages(Images):
    """Canvases in memory, one value a cell.

    Parameters
    ----------
    image : Tensor (item, row, column) float32
        NaN where a pixel is undefined or there is none.
    colour : Tensor (row, column) or (pipeline, row, column) of int, optional
        Code of each cell's colour family, -1 where there is no pixel; without it all are one.
    shown_by : Tensor (item) of int, optional
        Pipeline of each item, whose colours its cells have.

    Examples
    --------
    >>> images = CanvasImages(torch.tensor([[[0.5, torch.nan]]]), torch.tensor([[1, 0]]))
    >>> images(torch.tensor([0]))[0, :, 0]
    tensor([[0.0000, 0.0000],
            [0.5000, 0.0000],
            [0.0000, 0.0000],
            [0.0000, 0.0000],
            [1.0000, 0.0000]])
    """

    image: torch.Tensor
    shown_by: torch.Tensor | None

    def __init__(
        self,
        image: torch.Tensor,
        colour: torch.Tensor | None = None,
        shown_by: torch.Tensor | None = None,
    ):
        super().__init__(len(image), _paint(image.shape[1:], colour))
        self.register_buffer("image", image)
        self.register_buffer("shown_by", None if colour is None else shown_by)

    @torch.no_grad()
    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Channels of some items, (item, channel, row, column) float32."""
        paint = self.paint if self.shown_by is None else self.paint[self.shown_by[items]]
        return _channels(self.image[items], paint)


class CountImages(Images):
    """Canvases of genes, made from their counts of signatures.

    Pixels are evaluated as for `deepnic.nic.rop_images`. The ratio of nothing to nothing is NaN,
    which serves undefined pixels and empty cells alike.

    Parameters
    ----------
    count : Tensor (item, tree_size, weight_range, 37) of int
    index : array (row, column) of int
        Pixel in each cell, as in `deepnic.assembly.assemble_counts`.
    colour : Tensor (row, column) of int
    name : str
        Family of combinations.

    Notes
    -----
    The same bits as `deepnic.nic.rop_images` followed by the assembly.

    Examples
    --------
    >>> count = torch.zeros(1, 1, 1, 37, dtype=torch.uint8)
    >>> count[..., :2] = 2  # half of the trees are perfect, in several cycles
    >>> index, colour = np.array([[0, 1, -1]]), torch.tensor([[0, 1, -1]])
    >>> CountImages(count, index, colour, "base")(torch.tensor([0]))[0, [0, 1, -1], 0]
    tensor([[0.5000, 0.0000, 0.0000],
            [0.0000, 0.0000, 0.0000],
            [1.0000, 1.0000, 0.0000]])
    """

    count: torch.Tensor
    sets: torch.Tensor
    above: torch.Tensor
    below: torch.Tensor
    cell: torch.Tensor

    def __init__(
        self, count: torch.Tensor, index: np.ndarray, colour: torch.Tensor, name: str = "distinct"
    ):
        super().__init__(len(count), _paint(index.shape, colour))
        members = family(name)
        combination, condition = np.divmod(index.ravel(), count.shape[1] * count.shape[2])
        # empty cells show the last function: nothing, the last set, over nothing
        sets, *functions = members.quotients
        above, below = (np.append(of, len(sets)) for of in functions)
        sets = np.concatenate([sets, np.zeros_like(sets[:1])])
        cell = condition * len(above) + combination % len(above)
        if not members.published:  # the sums of each cell, among those of all conditions
            above, below = (condition * len(sets) + of[combination] for of in (above, below))

        self.published = members.published
        self.shape = index.shape
        self.register_buffer("count", count)
        for tensor, array in (("sets", sets), ("above", above), ("below", below), ("cell", cell)):
            self.register_buffer(tensor, torch.tensor(array))

    @torch.no_grad()
    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Channels of some items, (item, channel, row, column) float32."""
        count = self.count[items]
        with torch.autocast(items.device.type, enabled=False):  # counts are to stay exact
            if self.published:  # criteria 5 and 6 are made of others
                functions = Quotients(self.sets, self.above, self.below)
                pixels = evaluate(count, count, functions, published=True, xp=torch)
                value = pixels.flatten(1).index_select(1, self.cell)
            else:
                sums = add_up(count, self.sets, torch).flatten(1)
                value = sums.index_select(1, self.above)
                value /= sums.index_select(1, self.below)
            return _channels(value.view(len(items), *self.shape), self.paint)


def canvas_arrays(canvas: xr.Dataset) -> dict[str, Any]:
    """What `make_images` needs of a canvas, as arrays that travel to a worker."""
    colour = {"colour": canvas["colour"].values} if "colour" in canvas else {}
    match kind_of(canvas):
        case "canvas":
            return {"image": canvas["image"].values} | colour
        case "cross-fitted canvas":
            shown_by = canvas["shown_by"].values.astype(np.int64)
            return {"image": canvas["image"].values, "shown_by": shown_by} | colour
    count = canvas["count"].values
    small = np.uint8 if count.max(initial=0) < 256 else np.int32  # torch knows little of uint16
    return colour | {
        "count": count.astype(small),
        "index": canvas["index"].values,
        "family": canvas.attrs["family"],
    }


def make_images(arrays: dict[str, Any]) -> Images:
    """Images of a canvas, from the arrays of `canvas_arrays`."""
    colour = torch.tensor(arrays["colour"]) if "colour" in arrays else None
    if "count" in arrays:
        assert colour is not None
        return CountImages(torch.tensor(arrays["count"]), arrays["index"], colour, arrays["family"])
    image = torch.tensor(arrays["image"], dtype=torch.float32)
    shown_by = torch.tensor(arrays["shown_by"]) if "shown_by" in arrays else None
    return CanvasImages(image, colour, shown_by)


def _paint(shape: Any, colour: torch.Tensor | None) -> torch.Tensor:
    """Which channel shows each cell, (..., channel, row, column) of 0 and 1."""
    if colour is None:
        return torch.ones(1, *shape)
    return torch.stack([(colour == code).float() for code in range(len(COLOURS))], dim=-3)


def _channels(value: torch.Tensor, paint: torch.Tensor) -> torch.Tensor:
    """One channel a colour family, and the mask of what is defined."""
    channels = value.new_empty(len(value), paint.shape[-3] + 1, *value.shape[1:])
    torch.mul(value.nan_to_num(nan=0.0)[:, None], paint, out=channels[:, :-1])
    channels[:, -1] = ~value.isnan()
    return channels
