"""A cohort small enough to grow every tree again."""

import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import make_cohort


@pytest.fixture(scope="session")
def cohort() -> xr.Dataset:
    """26 observations (three of them hidden) x 11 genes: separable, coarse, constant ones."""
    random = np.random.default_rng(11)
    state = np.resize([0, 1, 0, 1, 1, 0, 0], 26)
    expression = random.normal(0, 1, (26, 11)) + state[:, None] * np.linspace(0, 3, 11)
    expression[:, 3] = np.rint(expression[:, 3])
    expression[:, 4] = 5
    label = [str(s) for s in state]
    for hidden in (2, 9, 20):
        label[hidden] = ""
    return make_cohort(
        expression, label, [f"g{k}" for k in range(11)], [f"o{k}" for k in range(26)]
    )
