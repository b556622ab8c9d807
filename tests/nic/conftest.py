"""A forest whose signatures are made up, so that all 37 are met, with the votes of real draws."""

import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import make_cohort
from deepnic.rop import grow_forest


@pytest.fixture(scope="session")
def cohort() -> xr.Dataset:
    """Nine observations (one hidden) x 7 genes."""
    expression = np.random.default_rng(5).normal(size=(9, 7))
    label = [*"nynnyyny", ""]
    return make_cohort(expression, label, [f"g{k}" for k in range(7)], [f"o{k}" for k in range(9)])


@pytest.fixture(scope="session")
def forest(cohort) -> xr.Dataset:
    """V in 2, 3 and R in 3, 4; 40 draws; in memory."""
    grown = grow_forest(
        cohort, n_trees=40, weight_ranges=[3, 4], tree_sizes=[2, 3], subsample=0.5, seed=3
    ).compute()
    signature = np.random.default_rng(6).integers(0, 37, grown.signature.shape, np.uint8)
    signature[..., 0] = 0  # a gene without a perfect tree
    signature[..., 1] %= 2  # and one of two signatures
    return grown.assign(signature=grown.signature.copy(data=signature))
