"""Small cohorts to learn from."""

import numpy as np
import pytest

from deepnic.cohort import make_cohort


def make_source(seed, n=30, genes=24, shift=1.0):
    """A cohort whose genes go together; a quarter of them differ between the states."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 3)) @ rng.standard_normal((3, genes))
    value = 8 + common + rng.standard_normal((n, genes))
    state = np.arange(n) % 2
    value[:, : genes // 4] += shift * state[:, None]
    names = [f"g{k}" for k in range(genes)], [f"p{k}" for k in range(n)]
    return make_cohort(value.astype(np.float32), state, *names)


@pytest.fixture(scope="session")
def sources():
    return {name: make_source(k) for k, name in enumerate(["first", "second", "third"])}
