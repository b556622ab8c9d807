import pytest
import torch

from deepnic.learn import SmallNetwork


@pytest.mark.parametrize("side", [8, 9, 33, 128])
def test_network__takes_any_canvas(side):
    assert SmallNetwork()(torch.zeros(2, side, side)).shape == (2, 2)


def test_network__takes_no_item_at_all():
    # a rank gets nothing of a last batch that is shorter than the number of ranks
    out = SmallNetwork()(torch.zeros(0, 8, 8))
    assert out.shape == (0, 2)
    out.sum().backward()


def test_network__is_small():
    assert 10_000 < sum(w.numel() for w in SmallNetwork().parameters()) < 40_000


def test_network__tells_undefined_from_zero():
    network = SmallNetwork().eval()
    zero, undefined = torch.zeros(1, 8, 8), torch.full((1, 8, 8), torch.nan)
    assert torch.isfinite(network(undefined)).all()
    assert not torch.allclose(network(zero), network(undefined))


def test_network__gradient_is_finite_where_pixels_are_undefined():
    network = SmallNetwork()
    image = torch.randn(4, 8, 8)
    image[:, ::2] = torch.nan
    network(image).sum().backward()
    assert all(torch.isfinite(w.grad).all() for w in network.parameters())


def test_network__an_item_does_not_see_the_others():
    network = SmallNetwork().eval()
    image = torch.randn(6, 16, 16)
    torch.testing.assert_close(network(image)[2:3], network(image[2:3]))
