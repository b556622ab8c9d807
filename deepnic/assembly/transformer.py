"""The whole way from expression to canvases as a scikit-learn transformer."""

from collections.abc import Iterable
from numbers import Integral
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags, Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from deepnic.assembly import fit_assembly
from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels, select_pixels
from deepnic.rop import grow_forest


class ROPImageTransformer(TransformerMixin, BaseEstimator):
    """Turn observations into canvases of their filtered ROP-images.

    Parameters
    ----------
    n_trees, weight_ranges, tree_sizes, subsample
        As in `deepnic.grow_forest`.
    k, fdr
        As in `deepnic.filter_pixels`.
    path, unit
        As in `deepnic.assemble`.
    random_state : int, RandomState or None
        Of the forest and the path; None draws another forest at every `fit`.

    Attributes
    ----------
    classes_ : array, shape (2,)
        The second is state 1.
    table_ : Dataset
        The pixel table of the training observations.
    assembly_ : Assembly
        Which pixel lies where.
    seed_ : int
        Drawn from `random_state`, or the same.

    Notes
    -----
    Training observations are seen through the trees they were out of bag in, also when `transform`
    meets their rows again: an image from trees that know its label would be that label. Forests
    keep no trees, so `transform` of new rows grows them again, at the price of `fit`, and has only
    the new rows vote.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> X, y = cohort.expression.values, cohort.label.values
    >>> images = ROPImageTransformer(n_trees=5, weight_ranges=[3], tree_sizes=[3], k=16)
    >>> images.fit(X[:50], y[:50]).transform(X[50:]).shape
    (10, 4, 4)
    """

    def __init__(
        self,
        *,
        n_trees: int = 20,
        weight_ranges: Iterable[int] = (3, 4, 5),
        tree_sizes: Iterable[int] = (3, 4, 5, 6, 7, 8),
        subsample: float = 0.8,
        k: int = 1024,
        fdr: float | None = 0.05,
        path: str = "linear",
        unit: str = "pixel",
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.n_trees = n_trees
        self.weight_ranges = weight_ranges
        self.tree_sizes = tree_sizes
        self.subsample = subsample
        self.k = k
        self.fdr = fdr
        self.path = path
        self.unit = unit
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grow the forest, filter its pixels and choose their places.

        X (observation, gene) with y (observation,) of two classes; others are refused, as is what
        `grow_forest` and `filter_pixels` refuse.
        """
        self.X_, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, self.y_ = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise InputError(f"y holds {len(self.classes_)} classes; give two, or one against rest")
        given = self.random_state
        drawn = given if isinstance(given, Integral) else check_random_state(given).randint(2**31)
        self.seed_ = int(drawn)
        self.table_ = filter_pixels(self._images(self.X_[:0]), k=self.k, fdr=self.fdr)
        self.assembly_ = fit_assembly(self.table_, path=self.path, unit=self.unit, seed=self.seed_)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Canvases (observation, row, column) float32 of observations X (observation, gene).

        NaN where a pixel is undefined or there is none.
        """
        check_is_fitted(self)
        rows = np.asarray(validate_data(self, X, dtype=np.float32, reset=False))
        seen = {row.tobytes(): k for k, row in enumerate(self.X_)}
        place = np.array([seen.get(row.tobytes(), -1) for row in rows])
        value = self.table_["value"].values[place]
        new = place < 0
        if new.any():
            images = self._images(rows[new]).isel(observation=slice(len(self.X_), None))
            value[new] = select_pixels(images, self.table_)["value"].values
        return self.assembly_.apply(value)

    def _images(self, more: NDArray[np.float32]) -> xr.Dataset:
        """Images of the training observations and of more, whose class nobody knows."""
        cohort = make_cohort(
            np.concatenate([self.X_, more]),
            [*self.y_.astype(str), *[""] * len(more)],
            [f"gene_{k}" for k in range(self.X_.shape[1])],
            [f"observation_{k}" for k in range(len(self.X_) + len(more))],
            positive="1",
        )
        forest = grow_forest(
            cohort,
            n_trees=self.n_trees,
            weight_ranges=self.weight_ranges,
            tree_sizes=self.tree_sizes,
            subsample=self.subsample,
            seed=self.seed_,
        )
        return observation_images(forest)
