"""A cohort whose classes are easy to tell, and the settings of a study of seconds."""

import numpy as np
import pytest

from deepnic.cohort import make_cohort
from deepnic.study import StudySettings, run_study

SMALL = {
    "folds": 3,
    "n_genes": 12,
    "n_trees": 6,
    "weight_ranges": (3,),
    "tree_sizes": (3, 4),
    "subsample": 0.2,  # few enough observations that trees of noise are perfect too
    "k": 64,
    "fdr": None,
    "epochs": 8,
}
TINY = SMALL | {"folds": 2, "paths": ("linear",), "n_trees": 3, "k": 16, "epochs": 2}


@pytest.fixture(scope="session")
def cohort():
    """100 observations x 16 genes, half of which differ between the classes."""
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    expression = rng.normal(size=(100, 16))
    expression[:, :8] += 1.5 * y[:, None]
    return make_cohort(
        expression,
        np.where(y, "sick", "healthy"),
        [f"g{k}" for k in range(16)],
        [f"p{k}" for k in range(100)],
    )


@pytest.fixture(scope="session")
def folder(cohort, tmp_path_factory):
    """Folder of a study of every path and baseline; a test that changes it copies it first."""
    output = tmp_path_factory.mktemp("study") / "new" / "folder"
    run_study(cohort, output, StudySettings(**SMALL))
    return output
