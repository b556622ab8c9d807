"""What `doctor` says of devices, for machines unlike this one."""

from types import SimpleNamespace

import pytest
import torch

from deepnic.host import devices

CUDA_13 = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]


@pytest.mark.parametrize(
    ("capability", "supported"),
    [((7, 5), True), ((8, 9), True), ((9, 0), True), ((12, 1), True), ((13, 0), True),
     ((7, 0), False), ((6, 1), False)],
)  # fmt: skip
def test_supports__by_machine_code_and_portable_code(capability, supported):
    assert devices.supports(CUDA_13, capability) is supported


def test_supports__needs_the_same_major_number_of_machine_code():
    assert not devices.supports(["sm_75"], (8, 0))
    assert not devices.supports(["sm_86"], (8, 0))


def on_a_machine_with(monkeypatch, *cards):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cards))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cards))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: CUDA_13)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: cards[number])


def card(name, major, minor):
    return SimpleNamespace(name=name, major=major, minor=minor, total_memory=48 * 10**9)


def test_check_devices__two_cards(monkeypatch):
    on_a_machine_with(monkeypatch, card("Quadro RTX 8000", 7, 5), card("Quadro GV100", 7, 0))
    torch_build, new, old = devices.check_devices()
    assert torch_build.result.endswith("CUDA 13.0")
    assert new.result == "Quadro RTX 8000, sm_75, 48.0 GB"
    assert new.remedy == ""
    assert "too old for this build: install torch's cu126 variant" in old.remedy


def test_check_devices__a_driver_that_does_not_answer(monkeypatch):
    on_a_machine_with(monkeypatch)
    assert "nvidia-smi" in devices.check_devices()[1].remedy


@pytest.mark.skipif(torch.version.cuda is not None, reason="torch was built with CUDA")
def test_check_devices__a_build_for_the_cpu():
    build, none = devices.check_devices()
    assert build.result == f"{torch.__version__}, CPU only"
    assert "install torch from PyPI" in none.remedy
