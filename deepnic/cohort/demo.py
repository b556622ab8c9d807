"""The bundled demonstration cohort."""

import numpy as np
import xarray as xr

from deepnic.cohort.check import make_cohort


def demo_cohort() -> xr.Dataset:
    """Wisconsin Diagnostic Breast Cancer: 569 observations x 30 variables, malignant = 1.

    Returns
    -------
    Dataset
        As `read_cohort`; the table ships with scikit-learn.

    Examples
    --------
    >>> cohort = demo_cohort()
    >>> dict(cohort.sizes), int((cohort.state == 1).sum())
    ({'observation': 569, 'gene': 30}, 212)
    """
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    label = np.where(table.target == 0, "malignant", "benign")
    observation = [f"wdbc_{k:03d}" for k in range(1, len(label) + 1)]
    cohort = make_cohort(table.data, label, table.feature_names, observation, positive="malignant")
    return cohort.assign_attrs(source="Wisconsin Diagnostic Breast Cancer")


DEMO = "wisconsin"
BUNDLED = {DEMO: demo_cohort}
"""Cohorts that come with deepnic, by the name that stands for a file in settings."""
