"""How large a batch the memory holds, told before a training starts rather than by its end."""

import os

import psutil
import torch
from torch import nn

from deepnic.learn.channels import Images

SPARE = 3.0
"""Memory a step takes beside what its gradient has to remember, as a factor: gradients, work space.

A test compares it with the memory of real steps.
"""


def most_items(network: nn.Module, images: Images) -> int:
    """Items of a batch that fit the free memory of this worker's device, about.

    What the gradient has to remember of one image is counted by torch's hooks on saved tensors,
    the same on every device.

    Parameters
    ----------
    network : Module
        On its device.
    images : Images
        With at least one item, on the same device.

    Examples
    --------
    >>> from deepnic.learn.channels import CanvasImages
    >>> from deepnic.learn.network import SmallNetwork
    >>> most_items(SmallNetwork(), CanvasImages(torch.zeros(1, 8, 8))) > 1000
    True
    """
    remembered: dict[int, int] = {}
    weights = {weight.data_ptr() for weight in network.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            remembered[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # kept until all are counted, but not for ever by its own graph

    device = next(network.parameters()).device
    image = images(torch.zeros(1, dtype=torch.long, device=device))
    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with torch.random.fork_rng([device] if device.type == "cuda" else []), hooks:
        network(image)
    return int(_free_bytes(device) / (SPARE * max(sum(remembered.values()), image.nbytes)))


def _free_bytes(device: torch.device) -> float:
    """Free memory for this worker; the workers of one machine share what its processes use."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available / int(os.environ.get("LOCAL_WORLD_SIZE", 1))
