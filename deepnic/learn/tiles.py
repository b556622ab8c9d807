"""A network that reads ROP-images one by one and pools over them: no place on a canvas matters."""

import numpy as np
import torch
import xarray as xr
from torch import nn

from deepnic.assembly.canvas import TREE_SIZES, WEIGHT_RANGES
from deepnic.errors import InputError

TILE = (len(TREE_SIZES), len(WEIGHT_RANGES))


class TileNetwork(nn.Module):
    """An encoder that all tiles share, mean and attention over them, one layer (ours).

    Its canvas is of whole tiles, 6 rows by 3 columns, a cell for each condition (``unit="tile"``
    where all 18 are there). Some 4,000 weights for 5 channels; the same whatever the number of
    tiles, and the same answer in whatever order they lie.
    Pixels of genes have no sign that could be kept by it.

    Parameters
    ----------
    channels : int
        Of the images: colour families, and the mask.
    classes : int

    Examples
    --------
    >>> TileNetwork(channels=5)(torch.zeros(7, 5, 12, 9)).shape
    torch.Size([7, 2])
    """

    def __init__(self, channels: int = 2, classes: int = 2):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, WIDTH, kernel_size=TILE, stride=TILE),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, kernel_size=1),
            nn.ReLU(),
        )
        self.attention = nn.Conv2d(WIDTH, 1, kernel_size=1)
        self.linear = nn.Linear(2 * WIDTH, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of images (item, channel, row, column): (item, class)."""
        of_tile = self.encoder(image)
        share = torch.softmax(self.attention(of_tile).flatten(1), dim=1)
        features = of_tile.flatten(2)
        pooled = [features.mean(dim=2), (features * share[:, None]).sum(dim=2)]
        return self.linear(torch.cat(pooled, dim=1))

    @staticmethod
    def check_canvas(canvas: xr.Dataset) -> None:
        """Refuse a canvas on which a condition has another cell than in whole tiles.

        Of images that do not say what lies where, nothing is known.
        """
        if "index" in canvas and not (canvas.attrs.get("unit") == "tile" and _is_whole(canvas)):
            raise InputError(
                "the network of tiles reads whole ROP-images, of tree sizes 3 to 8 and weight "
                "ranges 3 to 5, and this canvas has none: take another network, or "
                'unit="tile" with the pixels of all 18 conditions'
            )


WIDTH = 32  # features of a tile


def _is_whole(canvas: xr.Dataset) -> bool:
    row, column = np.nonzero(canvas["index"].values >= 0)
    pixel = canvas["index"].values[row, column]
    tree_size, weight_range = canvas["tree_size"].values, canvas["weight_range"].values
    if "count" in canvas:  # pixels are of each combination under each condition
        pixel %= len(tree_size) * len(weight_range)
        tree_size, weight_range = map(np.ravel, np.meshgrid(tree_size, weight_range, indexing="ij"))
    return bool(
        np.all(row % TILE[0] == max(TREE_SIZES) - tree_size[pixel])
        and np.all(column % TILE[1] == weight_range[pixel] - min(WEIGHT_RANGES))
    )


def tile_network(channels: int, classes: int) -> nn.Module:
    """Make one, as `build_network` takes it by its name."""
    return TileNetwork(channels, classes)
