"""The convolutional network that reads a canvas."""

import torch
from torch import nn


class SmallNetwork(nn.Module):
    """Three strided convolutions, global pooling and one linear layer (ours): about 24,000 weights.

    Cohorts have tens to hundreds of items, so the network is small. GroupNorm sees one item at a
    time: what it computes depends neither on the batch nor on how a batch is cut between workers.
    Average and maximum over the canvas make the number of weights independent of its size; any
    canvas from 8 x 8 on will do. Every operation has a deterministic gradient on CPU and CUDA.

    Parameters
    ----------
    dropout : float
        Share of the pooled features silenced at random while training.

    Examples
    --------
    >>> network = SmallNetwork()
    >>> network(torch.full((5, 8, 8), torch.nan)).shape
    torch.Size([5, 2])
    """

    def __init__(self, dropout: float = 0.2):
        super().__init__()
        self.features = nn.Sequential(
            _block(2, 16, groups=4),
            _block(16, 32, groups=4),
            _block(32, 64, groups=8),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * 64, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of some images.

        Parameters
        ----------
        image : Tensor (item, row, column) float32
            NaN where a pixel is undefined or no pixel lies.

        Returns
        -------
        Tensor (item, class) float32
        """
        defined = ~torch.isnan(image)
        maps = self.features(torch.stack([image.nan_to_num(nan=0.0), defined.float()], dim=1))
        # amax rather than AdaptiveMaxPool2d, whose gradient on CUDA depends on the order of threads
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return self.head(self.dropout(pooled))


def _block(n_in: int, n_out: int, *, groups: int) -> nn.Sequential:
    """Halve the canvas: strided 3 x 3 convolution, normalisation within the item, ReLU."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1),
        nn.GroupNorm(groups, n_out),
        nn.ReLU(),
    )
