"""A network of a study's own: the small one, and beside it a linear layer on every cell.

`[arms] networks = ["studies.experiments.linear_skip:linear_skip"]`; ours. A linear model on the
same pixels is as good as any network on patients: what a convolution adds would show beside it.
"""

import torch
from torch import nn

from deepnic.learn.network import SmallNetwork

CELLS = 16  # rows and columns of a canvas of 256 pixels; larger ones are averaged to so many


class LinearSkip(nn.Module):
    """Scores of the small network, and of a linear layer on the cells, added.

    Examples
    --------
    >>> LinearSkip(channels=5, classes=2)(torch.zeros(7, 5, 16, 16)).shape
    torch.Size([7, 2])
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.small = SmallNetwork(channels, classes)
        self.linear = nn.Linear(channels * CELLS**2, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of images (item, channel, row, column): (item, class)."""
        cells = nn.functional.adaptive_avg_pool2d(image, CELLS)
        return self.small(image) + self.linear(cells.flatten(1))


def linear_skip(channels: int, classes: int) -> nn.Module:
    """Make one, as `[arms] networks` takes it by its name."""
    return LinearSkip(channels, classes)
