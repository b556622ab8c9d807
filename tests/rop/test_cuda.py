"""The node search for GPUs, in Numba's simulator; `tests.benchmarks.cuda` has it run on one."""

import subprocess
import sys

import numpy as np
import pytest

from deepnic.errors import EngineError
from deepnic.rop.cuda import MOST_OBSERVED, search_nodes


def test_search_nodes__same_bits_as_on_a_core():
    """In a process of its own: Numba simulates from its import on, or never."""
    words = [sys.executable, "-m", "tests.benchmarks.cuda", "--simulate", "150", "--seed", "7"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("150 nodes, 0 differ")


def test_search_nodes__refuses_more_observations_than_fit():
    nodes = [np.zeros((2, MOST_OBSERVED + 1), np.int32)]
    with pytest.raises(EngineError, match="8,193 observations does not fit"):
        search_nodes(nodes, np.array([5]), np.array([1], np.uint64), np.array([-1, 0, 1]))
