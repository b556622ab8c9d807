import sys

import pytest
import torch
from torch import nn

from deepnic.errors import InputError
from deepnic.learn import NETWORKS, ResidualNetwork, SmallNetwork, build_network
from deepnic.learn.network import check_network


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", [8, 9, 33, 128])
def test_network__takes_any_canvas(name, side):
    assert build_network(name, 5, 3)(torch.zeros(2, 5, side, side)).shape == (2, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_network__takes_no_item_at_all(name):
    # a rank gets nothing of a last batch that is shorter than the number of ranks
    out = build_network(name, 2, 2)(torch.zeros(0, 2, 8, 8))
    assert out.shape == (0, 2)
    out.sum().backward()


def test_network__sizes_are_as_said():
    small, residual = (
        sum(w.numel() for w in network(5, 2).parameters())
        for network in (SmallNetwork, ResidualNetwork)
    )
    assert 23_000 < small < 25_000
    assert 170_000 < residual < 190_000


@pytest.mark.parametrize("name", NETWORKS)
def test_network__an_item_does_not_see_the_others(name):
    network = build_network(name, 2, 2).eval()
    image = torch.randn(6, 2, 16, 16)
    torch.testing.assert_close(network(image)[2:3], network(image[2:3]))


@pytest.fixture
def own_networks(tmp_path, monkeypatch):
    """A module of the user's in the current folder."""
    (tmp_path / "own_networks.py").write_text(
        "from torch import nn\n"
        "def flat(channels, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))\n"
        "def pooled(channels, classes):\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(),\n"
        "                         nn.Linear(channels, classes))\n"
        "def number(channels, classes):\n"
        "    return 3\n"
        "def narrow(channels, classes):\n"
        "    return pooled(channels, 1)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("own_networks", None)


def test_build_network__imports_the_users_own(own_networks):
    network = build_network("own_networks:pooled", 5, 3)
    assert isinstance(network, nn.Sequential)
    assert network(torch.zeros(2, 5, 4, 4)).shape == (2, 3)
    check_network("own_networks:pooled", (5, 4, 4), 3)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("huge", "unknown network 'huge'; choose small or residual"),
        ("own_networks:absent", "own_networks:absent cannot be imported"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        (":f", "cannot be imported"),
        ("own_networks:number", "returns a int; return a torch.nn.Module"),
        ("own_networks:narrow", r"an array of shape \(2, 1\) for 2 images and 3 classes"),
    ],
)
def test_check_network__refuses_in_a_sentence(own_networks, name, sentence):
    with pytest.raises(InputError, match=sentence):
        check_network(name, (5, 4, 4), 3)
