"""What a result was computed on."""

import os
import platform
import subprocess
import sys
from unittest import mock

import pytest

import deepnic.host.provenance
from deepnic.host.provenance import command, machine, processor

SAY = "from deepnic.host.provenance import machine; print(machine()['linear algebra'])"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="kernels of another processor")
def test_machine__names_the_kernels_in_use():
    """OpenBLAS takes those it is told to take, where the processor has them."""
    for kernels in ("Nehalem", "Sandybridge"):
        chosen = os.environ | {"OPENBLAS_CORETYPE": kernels}
        said = subprocess.run(
            [sys.executable, "-c", SAY], env=chosen, capture_output=True, text=True
        )
        assert said.stdout.strip() == f"openblas {kernels}"


def test_machine__says_what_results_name():
    assert list(machine()) == ["processor", "cores", "linear algebra", "python", "deepnic"]


def test_processor__is_named_without_linux_too():
    with mock.patch.object(
        deepnic.host.provenance.Path, "read_text", side_effect=FileNotFoundError
    ):
        assert processor() == (platform.processor() or platform.machine())


@pytest.mark.parametrize(
    ("argv", "original", "typed"),
    [
        (["/env/bin/deepnic", "study", "my study.toml"],
         ["/env/bin/python", "/env/bin/deepnic", "study", "my study.toml"],
         "deepnic study 'my study.toml'"),
        (["/env/lib/deepnic/__main__.py", "train", "t.zarr"],
         ["/env/bin/python", "-m", "deepnic", "train", "t.zarr"], "python -m deepnic train t.zarr"),
        (["-c"], ["python", "-c", "pass"], "-c"),
    ],
)  # fmt: skip
def test_command__is_what_one_would_type(monkeypatch, argv, original, typed):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", original)
    assert command() == typed
