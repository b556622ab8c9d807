"""The first look at a cohort: where its observations lie by their first principal components."""

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.cohort import filled
from deepnic.errors import InputError


def components(cohort: xr.Dataset) -> tuple[pd.DataFrame, tuple[float, float]]:
    """First two principal components, of standardised genes, by scikit-learn's `PCA`.

    One row an observation, in the cohort's order, with `label`, `first` and `second`; and the
    shares of the variance that the two explain.
    """
    from sklearn.decomposition import PCA

    values = filled(cohort)["expression"].values.astype(np.float64)
    values = values[:, np.ptp(values, axis=0) > 0]
    if min(values.shape) < 2:
        raise InputError("two components need two genes that vary; take a cohort of more genes")
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    pca = PCA(2, random_state=0)
    first, second = pca.fit_transform(values).T
    table = pd.DataFrame({"label": cohort["label"].values, "first": first, "second": second})
    return table, tuple(pca.explained_variance_ratio_.tolist())


def explained(table: pd.DataFrame) -> tuple[float, float]:
    """Share of each component's variance between the classes: 0 where it tells none apart.

    Where the first components lie far from the classes, something else, such as the batch, moves
    more genes than they do.
    """
    known = table[table["label"] != ""]
    groups = known.groupby("label")[["first", "second"]]
    within = groups.transform("mean")
    shares = within.var(ddof=0) / known[["first", "second"]].var(ddof=0)
    return float(shares["first"]), float(shares["second"])
