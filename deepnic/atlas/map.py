"""Places of all genes in the plane: those whose trees are of the same signatures lie together."""

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 30  # that t-SNE reads
MOST_EMBEDDED = 10_000  # genes; t-SNE takes a minute a few thousand, and grows as n log n


def place_genes(counts: NDArray[np.uint16]) -> tuple[NDArray[np.float32], str]:
    """Give each gene a place in the plane.

    Parameters
    ----------
    counts : ndarray of uint16, shape (gene, ...)

    Returns
    -------
    places : ndarray of float32, shape (gene, 2)
        From 0 to 1 along the longer side, in the middle of the shorter one.
    method : str
        How they were found: the first two principal components of the counts, and of up to 10,000
        genes t-SNE of the first 30.

    Notes
    -----
    PCA and t-SNE: scikit-learn's. What they are made of: ours.

    Examples
    --------
    >>> places, method = place_genes(np.eye(3, 4, dtype=np.uint16))
    >>> places.shape, float(places.max()), method
    ((3, 2), 1.0, 'principal components')
    """
    # imported here: they take a second, and only the map has use for them
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    rows = counts.reshape(len(counts), -1).astype(np.float32)
    places, method = np.zeros((len(rows), 2), np.float32), "principal components"
    if not np.ptp(rows, axis=0).any():  # nothing tells them apart
        return places, method
    with threadpool_limits(1):  # sums over threads would round by their number
        found = PCA(min(COMPONENTS, *rows.shape), svd_solver="covariance_eigh").fit_transform(rows)
        if 50 <= len(rows) <= MOST_EMBEDDED:
            found = TSNE(init="pca", random_state=0).fit_transform(found)
            method = "t-SNE of 30 principal components"
    places[:, : found.shape[1]] = found[:, :2]
    places -= places.min(axis=0)
    places /= places.max()
    return places + (1 - places.max(axis=0)) / 2, method
