"""The whole way from expression to canvases as a scikit-learn transformer."""

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags, Tags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from deepnic.assembly.canvas import UNITS, check_tiles, fit_assembly, lay
from deepnic.assembly.cross_fitted import (
    PARTS,
    cut_parts,
    join_canvases,
    stack_images,
    stack_pixels,
)
from deepnic.assembly.paths import PATHS
from deepnic.cohort import make_cohort
from deepnic.errors import InputError, choose
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels, select_pixels
from deepnic.rop import grow_forest


def _has_columns(transformer: "ROPImageTransformer") -> bool:
    if not transformer.flatten:
        raise AttributeError("canvases have no columns to name; flatten=True gives one a pixel")
    return True


class ROPImageTransformer(TransformerMixin, BaseEstimator):
    """Turn observations into their filtered ROP-images, as canvases or as columns.

    Parameters
    ----------
    n_trees, weight_ranges, tree_sizes, subsample, max_bag
        As in `deepnic.grow_forest`.
    k, fdr
        As in `deepnic.filter_pixels`.
    parts : int
        Parts of the training observations, at most; see the notes.
    path, unit
        As in `deepnic.assemble`.
    flatten : bool
        Give the kept pixels as columns, most relevant first, in the place of canvases: what the
        estimators of scikit-learn take.
    fill : float
        Value of a pixel that is undefined, and of a cell without one; 0 is what as many trees for
        as against give, `numpy.nan` leaves it undefined.
    random_state : int, RandomState or None
        Of the forest and the path; None draws another forest at every `fit`.

    Attributes
    ----------
    classes_ : array, shape (2,)
        The second is state 1.
    n_features_in_, feature_names_in_
        Genes, and their names where X was a DataFrame; these are the genes of the pixels.
    part_ : ndarray, shape (observation,)
        Part of each training observation.
    group_ : ndarray, shape (observation,), or None
        Number of the group of each, where there are any.
    tables_ : list of Dataset
        The pixel tables of the training observations, one of each pipeline.
    assemblies_ : list of Assembly
        Which pixel lies where, in each.
    seed_ : int
        Drawn from `random_state`, or the same.

    Notes
    -----
    **Images are cross-fitted.** The training rows are cut into `parts`, groups together, and a
    pipeline (forest, filter, order, assembly) is fitted without each part: its images show that
    part, as they show new rows. A column, or a cell, is the r-th pixel of its pipeline. New rows
    get the mean of what the pipelines show, which to a linear classifier is the mean of what it
    says of each; `ROPImageClassifier` looks at them one by one.

    **Training rows are those given to `fit_transform`, and no others**, as with scikit-learn's
    `TargetEncoder`. To `transform` all rows are new, also those of training that it meets again,
    which most pipelines know. So ``fit_transform(X, y)`` is not ``fit(X, y).transform(X)``; a
    `Pipeline` calls the first to fit and the second to predict, which is right. A score on the
    rows it was fitted on means nothing.

    **A fitted transformer holds the training data**, expression and states: who has its file has
    the patients'. Forests keep no trees, so `transform` grows them again, at the price of `fit`,
    and has only the new rows vote.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> X, y = cohort.expression.to_pandas(), cohort.label.values
    >>> few = {"n_trees": 5, "weight_ranges": [3], "tree_sizes": [3], "k": 16}
    >>> ROPImageTransformer(**few).fit(X[:50], y[:50]).transform(X[50:]).shape
    (10, 4, 4)

    As columns, for any classifier:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> images = ROPImageTransformer(**few, flatten=True).set_output(transform="pandas")
    >>> model = make_pipeline(images, LogisticRegression()).fit(X[:50], y[:50])
    >>> model.predict(X[50:]).shape, len(model[0].get_feature_names_out())
    ((10,), 16)
    """

    def __init__(
        self,
        *,
        n_trees: int = 20,
        weight_ranges: Iterable[int] = (3, 4, 5),
        tree_sizes: Iterable[int] = (3, 4, 5, 6, 7, 8),
        subsample: float = 0.8,
        max_bag: int | None = None,
        k: int = 1024,
        fdr: float | None = 0.05,
        parts: int = PARTS,
        path: str = "linear",
        unit: str = "pixel",
        flatten: bool = False,
        fill: float = 0.0,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.n_trees = n_trees
        self.weight_ranges = weight_ranges
        self.tree_sizes = tree_sizes
        self.subsample = subsample
        self.max_bag = max_bag
        self.k = k
        self.fdr = fdr
        self.parts = parts
        self.path = path
        self.unit = unit
        self.flatten = flatten
        self.fill = fill
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Grow the forests, filter their pixels and choose their places.

        X (observation, gene) with y (observation,) of two classes; others are refused, as is what
        `grow_forest`, `filter_pixels` and `assemble` refuse, before a tree is grown. Observations
        of one of the `groups` (observation,), such as a patient's, stay in one part, and are in bag
        of a tree together.
        """
        seed = self._check_parameters()
        self.X_, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, classes = np.unique(y, return_inverse=True)
        self.y_ = classes.astype(np.int8)
        if len(self.classes_) != 2:
            raise InputError(
                "Only binary classification is supported. "
                f"y holds {len(self.classes_)} classes; give two, or wrap a classifier in "
                "sklearn.multiclass.OneVsRestClassifier, which takes each against the rest"
            )
        self.seed_ = seed
        self.part_ = cut_parts(self.y_, groups, parts=self.parts, seed=seed)
        self.group_ = None if groups is None else np.unique(groups, return_inverse=True)[1]
        self.tables_ = [
            filter_pixels(self._images(k, self.X_[:0]), k=self.k, fdr=self.fdr)
            for k in range(self.part_.max() + 1)
        ]
        self.assemblies_ = [
            fit_assembly(table, path=self.path, unit=self.unit, seed=seed) for table in self.tables_
        ]
        return self

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Fit, and give the training observations, each by the pipeline without its part."""
        self.fit(X, y, groups)
        return self._shown(self.tables_)[self.part_, np.arange(len(self.part_))]

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Give new observations X (observation, gene), the mean over the pipelines.

        Canvases (observation, row, column) float32, or columns (observation, pixel).
        """
        return self._shown(self.tables(X)).mean(axis=0)

    def tables(self, X: ArrayLike) -> list[xr.Dataset]:
        """Pixel tables of new observations X, one of each pipeline."""
        check_is_fitted(self)
        rows = np.asarray(validate_data(self, X, dtype=np.float32, reset=False))
        new = slice(len(self.X_), None)
        return [
            select_pixels(self._images(k, rows).isel(observation=new), table)
            for k, table in enumerate(self.tables_)
        ]

    def canvas(self, tables: Sequence[xr.Dataset], training: bool) -> xr.Dataset:
        """Lay tables of the pipelines, `tables_` or those of new observations; `join_canvases`."""
        canvases = [lay(*both) for both in zip(tables, self.assemblies_, strict=True)]
        new = np.full(tables[0].sizes["item"], -1, np.int8)
        return join_canvases(canvases, *((self.part_, self.y_) if training else (new, new)))

    @available_if(_has_columns)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Name the columns by the pixel's rank in its pipeline."""
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        most = max(table.sizes["pixel"] for table in self.tables_)
        return np.array([f"pixel {k}" for k in range(most)], object)

    def _shown(self, tables: Sequence[xr.Dataset]) -> NDArray[np.float32]:
        """Columns or canvases (pipeline, observation, ...)."""
        if self.flatten:
            images = stack_pixels(tables)
        else:
            canvases = [lay(*both)["image"] for both in zip(tables, self.assemblies_, strict=True)]
            images = stack_images(canvases)
        return np.where(np.isnan(images), np.float32(self.fill), images)

    def _check_parameters(self) -> int:
        """Refuse what would else be refused once a forest is grown; the seed to grow it with."""
        choose("path", self.path, PATHS)
        choose("unit", self.unit, UNITS)
        if self.unit == "tile":
            check_tiles([*self.tree_sizes], [*self.weight_ranges])
        if not isinstance(self.flatten, bool | np.bool_) or not isinstance(self.fill, Real):
            raise InputError(
                f"flatten is {self.flatten!r} and fill {self.fill!r}; give True or False, and a "
                "number"
            )
        given = self.random_state
        seed = given if isinstance(given, Integral) else check_random_state(given).randint(2**31)
        if not 0 <= seed < 2**31:
            raise InputError(f"random_state is {seed}; give an integer from 0 to 2**31 - 1")
        return int(seed)

    @property
    def _genes(self) -> list[str]:
        return [str(gene) for gene in _check_feature_names_in(self)]

    def _images(self, k: int, more: NDArray[np.float32]) -> xr.Dataset:
        """Images by a pipeline of the training observations and of more, of unknown class."""
        seen = np.where(self.part_ == k, "", self.y_.astype(str))
        cohort = make_cohort(
            np.concatenate([self.X_, more]),
            [*seen, *[""] * len(more)],
            self._genes,
            [f"observation_{k}" for k in range(len(self.X_) + len(more))],
            positive="1",
            # new observations are never in bag, whose ever they are
            group=None if self.group_ is None else [*self.group_, *[-1] * len(more)],
        )
        forest = grow_forest(
            cohort,
            n_trees=self.n_trees,
            weight_ranges=self.weight_ranges,
            tree_sizes=self.tree_sizes,
            subsample=self.subsample,
            max_bag=self.max_bag,
            seed=self.seed_,
        )
        return observation_images(forest)
