import torch

from studies.experiments.linear_skip import linear_skip


def test_linear_skip__is_the_small_network_and_a_linear_layer():
    network, image = linear_skip(2, 2).eval(), torch.rand(3, 2, 16, 16)
    with torch.no_grad():
        told = network(image) - network.small(image)
    by_cell = network.linear.weight.reshape(2, 2, 16, 16)
    expected = torch.einsum("icrk,ncrk->in", image, by_cell) + network.linear.bias
    torch.testing.assert_close(told, expected)
