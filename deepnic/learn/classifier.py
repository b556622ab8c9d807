"""ROP-images and a head on them as one classifier of scikit-learn."""

from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from deepnic.assembly import lay
from deepnic.assembly.transformer import ROPImageTransformer
from deepnic.errors import choose
from deepnic.learn.baselines import BASELINES

HEADS = ("linear", "network")


class ROPImageClassifier(ClassifierMixin, BaseEstimator):
    """Classify observations by their filtered ROP-images.

    Parameters
    ----------
    transformer : ROPImageTransformer, optional
        How the images are made; one with its defaults if left out. Its parameters are tuned as
        ``transformer__k``; `flatten` and `fill` are the head's.
    head : {"linear", "network"}
        What reads them: logistic regression on the kept pixels, standardised, as among the
        baselines of a study; or the network of `deepnic.train` on the canvas.
    epochs : int
        Of the network.

    Attributes
    ----------
    classes_ : array, shape (2,)
        The second is state 1.
    transformer_ : ROPImageTransformer
    head_ : estimator, or torch module

    Notes
    -----
    The head learns from images through trees that left the patient out, and new patients are seen
    through all trees. **Its probabilities are not calibrated**: on images both heads, the network
    more, are too sure; `sklearn.calibration.CalibratedClassifierCV` around this is the cure, at
    the price of a forest for each of its folds. What is said at `ROPImageTransformer` of training
    rows and training data holds here too.

    It takes two classes; of more, `sklearn.multiclass.OneVsRestClassifier` around it takes each
    against the rest.

    Examples
    --------
    >>> import deepnic
    >>> from sklearn.model_selection import cross_val_score
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> images = deepnic.ROPImageTransformer(n_trees=5, weight_ranges=[3], tree_sizes=[3], k=16)
    >>> model = ROPImageClassifier(images)
    >>> cross_val_score(model, cohort.expression.values, cohort.label.values, cv=3).shape
    (3,)
    """

    def __init__(
        self,
        transformer: ROPImageTransformer | None = None,
        *,
        head: str = "linear",
        epochs: int = 40,
    ):
        self.transformer = transformer
        self.head = head
        self.epochs = epochs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Make the images of X (observation, gene) and train the head on y, of two classes."""
        choose("head", self.head, HEADS)
        validate_data(self, X, y, dtype=np.float32)
        images = ROPImageTransformer() if self.transformer is None else clone(self.transformer)
        self.transformer_ = images.fit(X, y)
        self.classes_ = images.classes_
        table = images.table_
        if self.head == "network":
            from deepnic.learn.fit import train  # loads torch where it is used

            result = train(self._canvas(table), epochs=self.epochs, seed=images.seed_)
            self.head_: Any = result.predictor.network
        else:
            shape = table.sizes["item"], table.sizes["pixel"]
            head = BASELINES["logistic regression"].make(shape, images.seed_)
            self.head_ = head.fit(self._columns(table), images.y_)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, (observation, 2); see the notes on what it means."""
        check_is_fitted(self)
        validate_data(self, X, dtype=np.float32, reset=False)
        table = self.transformer_.table(X)
        if self.head == "network":
            import torch

            from deepnic.learn.channels import canvas_arrays, make_images
            from deepnic.learn.loop import class_scores

            images = make_images(canvas_arrays(self._canvas(table)))
            scores = class_scores(self.head_, images, torch.arange(len(images)))
            return np.asarray(scores.softmax(dim=1), np.float64)
        return self.head_.predict_proba(self._columns(table))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the more probable class of each observation."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likeliest]

    def _canvas(self, table: xr.Dataset) -> xr.Dataset:
        return lay(table, self.transformer_.assembly_)

    def _columns(self, table: xr.Dataset) -> NDArray[np.float64]:
        return np.nan_to_num(table["value"].values.astype(np.float64), nan=0.0)
