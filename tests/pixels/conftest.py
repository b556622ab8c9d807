"""Images of a real forest whose signatures are made up, so that all 37 are met."""

import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import make_cohort
from deepnic.rop import grow_forest


@pytest.fixture(scope="session")
def forest() -> xr.Dataset:
    """Fourteen observations (two hidden) x 6 genes, V in 2, 3 and R = 3; in memory."""
    expression = np.random.default_rng(5).normal(size=(14, 6))
    label = [*"nynnyynynyny", "", ""]
    cohort = make_cohort(
        expression, label, [f"g{k}" for k in range(6)], [f"o{k}" for k in range(14)]
    )
    grown = grow_forest(
        cohort, n_trees=30, weight_ranges=[3], tree_sizes=[2, 3], subsample=0.5, seed=3
    ).compute()
    signature = np.random.default_rng(6).integers(0, 37, grown.signature.shape, np.uint8)
    return grown.assign(signature=grown.signature.copy(data=signature))
