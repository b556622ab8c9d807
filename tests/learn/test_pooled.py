"""The network that reads cells one by one: what it may see, and what not."""

import numpy as np
import pytest
import torch
import xarray as xr
from sklearn.metrics import roc_auc_score

from deepnic.errors import InputError
from deepnic.learn.fit import train
from deepnic.learn.pooled import PooledNetwork, pooled_network
from deepnic.learn.settings import POOLED


@pytest.fixture
def network():
    torch.manual_seed(0)
    return PooledNetwork(channels=5).eval()


@pytest.fixture
def images():
    """Six images whose cells are each of one colour; some are undefined."""
    random = torch.Generator().manual_seed(1)
    value = torch.rand(6, 1, 8, 8, generator=random) * 2 - 1
    colour = torch.randint(4, (8, 8), generator=random)
    mask = (torch.rand(6, 1, 8, 8, generator=random) > 0.2).float()
    paint = torch.nn.functional.one_hot(colour, 4).permute(2, 0, 1).float()
    return torch.cat([value * mask * paint, mask], dim=1)


def test_pooled__no_place_matters(network, images):
    places = torch.randperm(64, generator=torch.Generator().manual_seed(2))
    moved = images.flatten(2)[:, :, places].reshape(images.shape)
    torch.testing.assert_close(network(moved), network(images), atol=1e-5, rtol=0)


def test_pooled__other_signs_are_the_other_class(network, images):
    turned = torch.cat([-images[:, :-1], images[:, -1:]], dim=1)
    torch.testing.assert_close(network(turned), network(images).flip(1), atol=1e-5, rtol=0)
    assert (network(images)[:, 1] != network(images)[:, 0]).all()


def test_pooled__empty_cells_are_nothing(network, images):
    more = torch.cat([images, torch.zeros(6, 5, 8, 3)], dim=3)
    torch.testing.assert_close(network(more), network(images), atol=1e-5, rtol=0)
    assert (network(torch.zeros(2, 5, 4, 4)) == 0).all()


def test_pooled__has_few_weights_whatever_the_canvas(network):
    assert 4000 < sum(weights.numel() for weights in network.parameters()) < 6000


def test_pooled__is_of_two_classes():
    with pytest.raises(InputError, match="tells 2 classes apart, not 3"):
        pooled_network(5, 3)


def test_train__pooled_learns_which_pixels_tell():
    """The vote of all pixels says nothing: half of them say the one class, half the other."""
    random = np.random.default_rng(0)
    state = np.arange(80) % 2
    sign = np.repeat([1, -1], 32)  # by colour
    value = random.normal(size=(80, 64)) + 0.6 * (2 * state - 1)[:, None] * sign
    canvas = xr.Dataset(
        {
            "image": (("item", "row", "column"), np.tanh(value).reshape(80, 8, 8).astype("f4")),
            "colour": (("row", "column"), np.repeat([0, 1], 32).reshape(8, 8).astype("i1")),
            "index": (("row", "column"), np.arange(64, dtype="i4").reshape(8, 8)),
        },
        coords={
            "item": np.arange(80),
            "state": ("item", np.where(np.arange(80) < 60, state, -1).astype("i1")),
        },
    )
    result = train(canvas, network=POOLED, epochs=40)
    said = result.predictions["probability"][60:]
    assert roc_auc_score(state[60:], said) > 0.9
    assert 0.2 < roc_auc_score(state[60:], np.tanh(value).mean(axis=1)[60:]) < 0.8
