"""`deepnic doctor`: what this machine can do."""

from tests.cli.made import succeed


def test_doctor__tells_the_devices():
    output = succeed("doctor")
    assert "torch" in output
    assert "CUDA" in output
