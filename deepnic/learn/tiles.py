"""A network that reads ROP-images one by one and pools over them: no place on a canvas matters."""

import torch
from torch import nn

from deepnic.assembly.canvas import TREE_SIZES, WEIGHT_RANGES


class TileNetwork(nn.Module):
    """An encoder that all tiles share, mean and attention over them, one layer (ours).

    Its canvas is of whole tiles, 6 rows by 3 columns (``unit="tile"``). Some 4,000 weights for 5
    channels; the same whatever the number of tiles, and the same answer in whatever order they lie.
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
        tile = (len(TREE_SIZES), len(WEIGHT_RANGES))
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, WIDTH, kernel_size=tile, stride=tile),
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


WIDTH = 32  # features of a tile


def tile_network(channels: int, classes: int) -> nn.Module:
    """Make one, as `build_network` takes it by its name."""
    return TileNetwork(channels, classes)
