"""Ctrl-C while a command runs: one sentence, exit code 130, and nothing that runs on."""

import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from deepnic.cli import interrupts
from tests.cli.made import FEW

MANY = ["--n-trees", "60000", *FEW[2:]]  # more than a test waits for


@pytest.fixture(autouse=True)
def _heeds_ctrl_c():
    """As at a terminal: what runs in the background of a shell ignores it, and hands that on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


SWALLOWED = """
    import signal, sys, time, weakref
    from deepnic import cli

    class Dropped:
        def __del__(self):
            try:
                signal.raise_signal(signal.SIGINT)  # Python drops what is raised here
            finally:
                pass

    def write(*_, **__):
        Dropped()
        print("dropped", flush=True)
        time.sleep(600)

    import deepnic.report
    deepnic.report.write_report = write
    cli.main(["report", "study"])
"""


def test_interrupt__that_a_destructor_swallows_ends_the_process_all_the_same():
    """As a `deepnic study --workers 2` once went on for ever after Ctrl-C."""
    words = [sys.executable, "-c", textwrap.dedent(SWALLOWED)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 130
    assert "dropped" in done.stdout
    assert done.stderr == f"error: interrupted; {interrupts.KEPT}\n"


@pytest.mark.parametrize("workers", [[], ["--workers", "1"]])
def test_interrupt__of_grow_says_what_is_kept_and_leaves_no_process(place, tmp_path, workers):
    words = ["grow", place / "cohort.csv", "-o", "f.zarr", *MANY, *workers]
    command = [sys.executable, "-m", "deepnic", *map(str, words)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "f.zarr").exists():
            assert process.poll() is None
            time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        error = process.stderr.read()
    assert process.returncode == 130
    kept = "the trees in f.zarr are kept: run the same command again and it goes on"
    assert error.endswith(f"error: interrupted; {kept}\n")
    assert "Traceback" not in error
    assert not psutil.wait_procs(family, timeout=30)[1]


def test_ends_in_time__leaves_the_handler_of_others_alone():
    with interrupts.ends_in_time():
        assert signal.getsignal(signal.SIGINT) is interrupts._interrupt
        with interrupts.ends_in_time():
            assert signal.getsignal(signal.SIGINT) is interrupts._interrupt
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_patiently__gives_time_for_as_long_as_the_block():
    with interrupts.patiently(30):
        assert interrupts._ending.patience == 30
    assert interrupts._ending.patience == interrupts.PATIENCE
