"""What a weight vector costs: `pytest tests/benchmarks --benchmark-only`.

The default run skips these. `ns_per_vector` in the extra information is the time of one node over
the vectors of its box, on one core, prunings included. At n = 64, R = 5, V = 8 it must be no worse
than 500 ns; the authors' executable needs about 55 ns per vector and observation, 3,500 ns there.
"""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from deepnic.rop import search_node
from tests.rop.oracle import fixed

V = 8


def wisconsin(n):
    """Some standardised observations and variables of the Wisconsin table: a real overlap."""
    table = load_breast_cancer()
    random = np.random.default_rng(n)
    rows, columns = random.choice(569, n, replace=False), random.choice(30, V, replace=False)
    return fixed(table.data[rows][:, columns]) / 2**16, 1 - table.target[rows]


def noise(n):
    """Variables that know nothing of the state: the least that can be pruned."""
    random = np.random.default_rng(n)
    return fixed(random.standard_normal((n, V))) / 2**16, np.arange(n) % 2


@pytest.mark.parametrize("data", [wisconsin, noise])
@pytest.mark.parametrize(
    ("n", "R"), [(18, 5), (64, 5), (128, 5), (455, 5), (64, 4), (64, 3)]
)  # fmt: skip
def test_search_node__cost_of_a_vector(benchmark, data, n, R):
    X, y = data(n)
    low = -(R // 2)
    box = {"weight_min": low, "weight_max": low + R - 1}
    search_node(X, y, weight_min=0, weight_max=1)  # compile before the clock runs
    benchmark.extra_info["n"], benchmark.extra_info["R"] = n, R
    benchmark.pedantic(search_node, (X, y), box, rounds=3)
    if benchmark.stats:
        seconds = benchmark.stats.stats.min
        benchmark.extra_info["ns_per_vector"] = round(seconds / R**V * 1e9, 1)
