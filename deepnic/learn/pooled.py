"""A network that reads the cells of a patient's canvas one by one: no place matters."""

import torch
from torch import nn

from deepnic.errors import InputError

WIDTH = 64  # features of a cell


class PooledNetwork(nn.Module):
    """An encoder that all cells share, attention over them, and the vote beside it (ours).

    Pixels of patients are signed: the score of one class is what the score of the other would be,
    were all signs turned. Some 4,700 weights for 5 channels; the same whatever the number of cells,
    and the same answer in whatever order they lie.

    Parameters
    ----------
    channels : int
        Of the images: colour families, and the mask.

    Examples
    --------
    >>> image = torch.rand(7, 5, 12, 9)
    >>> turned = torch.cat([-image[:, :-1], image[:, -1:]], dim=1)
    >>> network = PooledNetwork(channels=5)
    >>> torch.allclose(network(image), network(turned).flip(1), atol=1e-6)
    True
    """

    def __init__(self, channels: int = 2):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, WIDTH, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, kernel_size=1),
            nn.ReLU(),
        )
        self.attention = nn.Conv2d(WIDTH, 1, kernel_size=1)
        self.linear = nn.Linear(WIDTH, 1, bias=False)
        self.of_vote = nn.Parameter(torch.ones(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of images (item, channel, row, column): (item, class)."""
        value, mask = image[:, :-1], image[:, -1:]
        turned = self.encoder(torch.cat([-value, mask], dim=1))
        plain = self.encoder(image)
        odd, even = (plain - turned) / 2, (plain + turned) / 2
        defined = mask.flatten(1)
        # an image without a defined cell says nothing: all its features are 0 then
        share = defined * torch.exp(self.attention(even).flatten(1).clamp(-BOUND, BOUND))
        share = share / share.sum(dim=1, keepdim=True).clamp(min=1e-6)
        pooled = (odd.flatten(2) * share[:, None]).sum(dim=2)
        vote = value.sum(dim=(1, 2, 3)) / defined.sum(dim=1).clamp(min=1)
        half = (self.linear(pooled)[:, 0] + self.of_vote * vote) / 2
        return torch.stack([-half, half], dim=1)


BOUND = 10  # of attention, so that no exponential overflows


def pooled_network(channels: int, classes: int) -> nn.Module:
    """Make one, as `build_network` takes it by its name; an `InputError` of more than 2 classes."""
    if classes != 2:
        raise InputError(f"the pooled network tells 2 classes apart, not {classes}; take another")
    return PooledNetwork(channels)
