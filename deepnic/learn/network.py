"""The convolutional networks that read a canvas."""

from collections.abc import Callable

import torch
import xarray as xr
from torch import nn

from deepnic.errors import InputError
from deepnic.learn.imported import imported


class SmallNetwork(nn.Module):
    """Three strided convolutions, global pooling and one linear layer (ours): about 24,000 weights.

    Cohorts have tens to hundreds of items, so the network is small. GroupNorm sees one item at a
    time: what it computes depends neither on the batch nor on how a batch is cut between workers.
    Average and maximum over the canvas make the number of weights independent of its size. Every
    operation has a deterministic gradient on CPU and CUDA.

    Parameters
    ----------
    channels : int
        Of the images: colour families, and the mask.
    classes : int
    dropout : float
        Share of the pooled features silenced at random while training.

    Examples
    --------
    >>> SmallNetwork(channels=5)(torch.zeros(7, 5, 8, 8)).shape
    torch.Size([7, 2])
    """

    def __init__(self, channels: int = 2, classes: int = 2, dropout: float = 0.2):
        super().__init__()
        self.features = nn.Sequential(
            _block(channels, 16, groups=4),
            _block(16, 32, groups=4),
            _block(32, 64, groups=8),
        )
        self.head = _Head(64, classes, dropout)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of images (item, channel, row, column): (item, class)."""
        return self.head(self.features(image))


class ResidualNetwork(nn.Module):
    """A stem and three stages of two residual blocks (ours): about 180,000 weights.

    The blocks are those of He et al. (CVPR 2016) with GroupNorm, for the reasons that the small
    network gives.

    Parameters
    ----------
    channels, classes, dropout
        As of `SmallNetwork`.

    Examples
    --------
    >>> ResidualNetwork(channels=5, classes=3)(torch.zeros(7, 5, 8, 8)).shape
    torch.Size([7, 3])
    """

    def __init__(self, channels: int = 2, classes: int = 2, dropout: float = 0.2):
        super().__init__()
        self.stem = _block(channels, 16, groups=4)
        self.stages = nn.Sequential(
            *(_Residual(16, 16, stride=1) for _ in range(2)),
            _Residual(16, 32, stride=2),
            _Residual(32, 32, stride=1),
            _Residual(32, 64, stride=2),
            _Residual(64, 64, stride=1),
        )
        self.head = _Head(64, classes, dropout)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (logits) of images (item, channel, row, column): (item, class)."""
        return self.head(self.stages(self.stem(image)))


NETWORKS: dict[str, Callable[[int, int, float], nn.Module]] = {
    "small": SmallNetwork,
    "residual": ResidualNetwork,
}


def build_network(name: str, channels: int, classes: int, dropout: float = 0.0) -> nn.Module:
    """Make a network by name.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`, or "module:function" of your own: it is imported, from the current
        folder too, and called with the numbers of channels and of classes. Prefer GroupNorm to
        BatchNorm, whose statistics would depend on how a batch is cut between workers. What it
        makes may have a function ``check_canvas``, which refuses a Dataset that it cannot read.
    channels, classes : int
    dropout : float
        Of deepnic's own networks.

    Raises
    ------
    InputError
        No such network, module or function, or one that returns something else than class scores.

    Examples
    --------
    >>> build_network("small", 2, 2).head.linear.out_features
    2
    >>> build_network("large", 2, 2)
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: unknown network 'large'; choose small or residual, or name ...
    """
    if name in NETWORKS:
        return NETWORKS[name](channels, classes, dropout)
    if ":" not in name:
        raise InputError(
            f"unknown network {name!r}; choose {' or '.join(NETWORKS)}, or name your own as "
            "module:function"
        )
    network = imported(name, "network")(channels, classes)
    if not isinstance(network, nn.Module):
        raise InputError(f"{name} returns a {type(network).__name__}; return a torch.nn.Module")
    return network


def check_network(
    name: str, shape: tuple[int, int, int], classes: int, canvas: xr.Dataset | None = None
) -> None:
    """Try a network on two empty images (channel, row, column) before a training starts.

    It is asked about the canvas first, if it says what it needs of one.

    Raises
    ------
    InputError
        See `build_network`.
    """
    with torch.random.fork_rng([]), torch.no_grad():
        network = build_network(name, shape[0], classes)
        check_canvas = getattr(network, "check_canvas", None)
        if canvas is not None and check_canvas is not None:
            check_canvas(canvas)
        scores = network(torch.zeros(2, *shape))
    if tuple(scores.shape) != (2, classes):
        raise InputError(
            f"the network {name} returns an array of shape {tuple(scores.shape)} for 2 images and "
            f"{classes} classes; return one score an image and class, (2, {classes})"
        )


class _Head(nn.Module):
    """Average and maximum over the canvas, dropout, and one linear layer."""

    def __init__(self, features: int, classes: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * features, classes)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        # amax rather than AdaptiveMaxPool2d, whose gradient on CUDA depends on the order of threads
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return self.linear(self.dropout(pooled))


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, *, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.GroupNorm(n_out // 8, n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, kernel_size=3, padding=1, bias=False),
            nn.GroupNorm(n_out // 8, n_out),
        )
        same = stride == 1 and n_in == n_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(n_in, n_out, 1, stride=stride)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(maps) + self.shortcut(maps))


def _block(n_in: int, n_out: int, *, groups: int) -> nn.Sequential:
    """Halve the canvas: strided 3 x 3 convolution, normalisation within the item, ReLU."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1),
        nn.GroupNorm(groups, n_out),
        nn.ReLU(),
    )
