"""The network of tiles: what it may see, and what not."""

import numpy as np
import pytest
import torch
import xarray as xr

from deepnic.assembly import assemble, assemble_counts
from deepnic.errors import InputError
from deepnic.learn.fit import train
from deepnic.learn.network import build_network
from deepnic.learn.settings import TILES
from deepnic.learn.tiles import TileNetwork
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels


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
    network = build_network(TILES, 5, 2)
    assert isinstance(network, TileNetwork)
    assert sum(weight.numel() for weight in network.parameters()) < 5000
    assert network(torch.zeros(2, 5, 96, 96)).shape == (2, 2)


@pytest.fixture
def counts():
    """Four genes under all 18 conditions, without a perfect tree."""
    count = np.zeros((4, 6, 3, 37))
    return xr.Dataset(
        {"count": (("gene", "tree_size", "weight_range", "signature"), count.astype(np.uint16))},
        coords={
            "gene": list("abcd"),
            "tree_size": range(3, 9),
            "weight_range": [3, 4, 5],
            "state": ("gene", np.int8([0, 1, 0, 1])),
        },
    )


def test_train__shows_the_network_of_tiles_whole_tiles_alone(counts, forest):
    whole = assemble_counts(counts, family="base", unit="tile")
    assert train(whole, network=TILES, epochs=1).metrics["n_training"] == 4
    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    for canvas in (
        assemble_counts(counts, family="base"),  # no tiles
        assemble_counts(counts.isel(weight_range=[0, 2]), family="base", unit="tile"),
        assemble(table, unit="tile"),
        assemble(table.isel(pixel=[0]), unit="tile"),  # smaller than a tile
    ):
        with pytest.raises(InputError, match=r"reads whole ROP-images.*all 18 conditions"):
            train(canvas, network=TILES, epochs=1)
