"""Missing values, filled from the observations whose state is known, and from them alone."""

import numpy as np
import xarray as xr

from deepnic.errors import InputError

METHODS = ("median", "knn")


def filled(cohort: xr.Dataset) -> xr.Dataset:
    """Fill the missing values of a cohort as it was asked to when it was read.

    What fills them is fitted on the observations of known state: what is to be predicted, a fold's
    test observations among it, is filled by it and has no part in it.

    Parameters
    ----------
    cohort : Dataset
        With missing values and the attribute ``impute``, or without missing values.

    Returns
    -------
    Dataset
        The same where nothing is missing. A gene without any value among the observations of known
        state is 0 in all of them: it tells nothing.

    Raises
    ------
    InputError
        Values are missing, and nothing says how to fill them.

    Notes
    -----
    scikit-learn's imputers: "median" is `SimpleImputer`; "knn" is `KNNImputer`, the mean of the 5
    nearest of those observations, by the genes that both have.

    Examples
    --------
    >>> from deepnic.cohort import hide_labels, make_cohort
    >>> cohort = make_cohort([[1, 2], [3, 4], [9, 8], [np.nan, 0], [7, 7]], list("nnttt"),
    ...                      ["g1", "g2"], list("abcde"), impute="median")
    >>> filled(hide_labels(cohort, [False, False, False, False, True])).expression.values[3, 0]
    np.float32(3.0)
    """
    values = cohort["expression"].values
    missing = np.isnan(values)
    if not missing.any():
        return cohort
    method = cohort.attrs.get("impute")
    if method not in METHODS:
        raise InputError(
            f"{missing.sum()} expression values are missing; read the cohort with impute='median' "
            "or impute='knn'"
        )
    from sklearn.impute import KNNImputer, SimpleImputer  # a second, which reading a file spares

    known = cohort["state"].values >= 0
    there = ~missing[known].all(axis=0)
    imputer = SimpleImputer(strategy="median") if method == "median" else KNNImputer()
    complete = np.zeros_like(values)
    complete[:, there] = imputer.fit(values[known][:, there]).transform(values[:, there])
    return cohort.assign(expression=cohort["expression"].copy(data=complete))
