"""The network of tiles: what it may see, and what not."""

import pytest
import torch

from deepnic.learn.network import build_network
from deepnic.learn.tiles import TileNetwork


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return TileNetwork(channels=3, classes=2).eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 12, 9, generator=torch.Generator().manual_seed(1))


def tiles(images):
    """Tiles in reading order, (item, channel, tile, 6, 3)."""
    cut = images.unfold(2, 6, 6).unfold(3, 3, 3)
    return cut.reshape(4, 3, -1, 6, 3)


def laid(tiles):
    """Tiles in reading order on 2 x 3 places."""
    return tiles.reshape(4, 3, 2, 3, 6, 3).permute(0, 1, 2, 4, 3, 5).reshape(4, 3, 12, 9)


def test_tile_network__does_not_see_where_a_tile_lies(network, images):
    assert torch.equal(laid(tiles(images)), images)
    before = network(images)
    moved = network(laid(tiles(images)[:, :, [3, 1, 5, 0, 4, 2]]))
    torch.testing.assert_close(moved, before)


def test_tile_network__sees_where_a_pixel_lies_in_its_tile(network, images):
    turned = laid(tiles(images).flip(3))
    assert not torch.allclose(network(turned), network(images), atol=1e-4)


def test_tile_network__is_small_and_made_by_its_name():
    network = build_network("deepnic.learn.tiles:tile_network", 5, 2)
    assert isinstance(network, TileNetwork)
    assert sum(weight.numel() for weight in network.parameters()) < 5000
    assert network(torch.zeros(2, 5, 96, 96)).shape == (2, 2)
