"""Which devices training can use on this machine, and what to mend."""

import re
from importlib.util import find_spec

from rich.filesize import decimal

from deepnic.host.doctor import Check

TURING = (7, 5)  # Quadro RTX 8000; the oldest that torch built for CUDA 13 runs on


def check_devices() -> list[Check]:
    """Tell torch, and every CUDA device with its compute capability and memory."""
    if find_spec("torch") is None:
        remedy = "to train networks: pip install 'deepnic[train]'"
        return [Check("torch", "not installed", remedy)]
    import torch

    cuda = torch.version.cuda
    checks = [Check("torch", f"{torch.__version__}, {f'CUDA {cuda}' if cuda else 'CPU only'}")]
    if not torch.cuda.is_available():
        remedy = (
            "to use an NVIDIA GPU of this machine, install torch from PyPI, which has CUDA"
            if cuda is None
            else "if this machine has an NVIDIA GPU, look at its driver with nvidia-smi"
        )
        return [*checks, Check("CUDA devices", "none: training runs on the CPU", remedy)]
    kinds = torch.cuda.get_arch_list()
    for number in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(number)
        capability = (device.major, device.minor)
        words = f"{device.name}, sm_{device.major}{device.minor}, {decimal(device.total_memory)}"
        remedy = "" if supports(kinds, capability) else _other_build(capability)
        checks.append(Check(f"CUDA device {number}", words, remedy))
    return checks


def supports(kinds: list[str], capability: tuple[int, int]) -> bool:
    """Tell whether a build of torch runs on devices of a compute capability.

    Machine code (``sm_``) runs on devices of the same major number and the same or a higher minor
    one; portable code (``compute_``) on all newer ones.
    """
    for kind in kinds:
        name, major, minor = re.match(r"(sm|compute)_(\d+)(\d)", kind).groups()  # type: ignore[union-attr]
        built = int(major), int(minor)
        if built <= capability and (name == "compute" or built[0] == capability[0]):
            return True
    return False


def _other_build(capability: tuple[int, int]) -> str:
    if capability < TURING:
        return "too old for this build: install torch's cu126 variant from PyTorch's wheel index"
    return "too new for this build: install a newer torch"
