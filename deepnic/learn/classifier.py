"""ROP-images and a head on them as one classifier of scikit-learn."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from deepnic.assembly.cross_fitted import stack_pixels
from deepnic.assembly.transformer import ROPImageTransformer
from deepnic.errors import choose
from deepnic.learn.baselines import learner_of
from deepnic.learn.calibration import KNOWN, calibrate, cross_fitted_margins

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
    head_ : callable, or torch module
        Margins of columns (observation, pixel), or class scores of images.
    calibration_ : Calibration
        What makes margins probabilities and classes.

    Notes
    -----
    Images are cross-fitted, see `ROPImageTransformer`: the head learns from each training patient's
    image by the pipeline that had not seen the patient, and a new patient is what it says of the
    images of all pipelines, in the mean. Its probabilities are calibrated, by Platt's curve through
    what heads that had not seen a part say of it.

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

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Make the images of X (observation, gene) and train the head on y, of two classes.

        Observations of one of the `groups` stay together; see `ROPImageTransformer`.
        """
        choose("head", self.head, HEADS)
        validate_data(self, X, y, dtype=np.float32)
        images = ROPImageTransformer() if self.transformer is None else clone(self.transformer)
        self.transformer_ = images.fit(X, y, groups)
        self.classes_ = images.classes_
        if self.head == "network":
            from deepnic.learn.cross_fitting import train_cross_fitted  # loads torch

            canvas = images.canvas(images.tables_, training=True)
            trained = train_cross_fitted(canvas, epochs=self.epochs, seed=images.seed_)
            self.head_: Any = trained.result.predictor.network
            self.calibration_ = trained.calibration
        else:
            columns, part = stack_pixels(images.tables_), images.part_
            fit = learner_of("logistic regression", images.seed_)
            margin = cross_fitted_margins(fit, columns, part, images.y_)
            self.calibration_ = calibrate(margin, images.y_, KNOWN.format(len(part)))
            self.head_ = fit(columns[part, np.arange(len(part))], images.y_)
        return self

    def _margin(self, X: ArrayLike) -> NDArray[np.float64]:
        """Of the second class, the mean over the pipelines, (observation,)."""
        tables = self.transformer_.tables(X)
        if self.head == "network":
            import torch

            from deepnic.learn.channels import canvas_arrays, make_images
            from deepnic.learn.loop import class_scores, mean_over_pipelines

            canvas = self.transformer_.canvas(tables, training=False)
            images = make_images(canvas_arrays(canvas))
            of_images = class_scores(self.head_, images, torch.arange(len(images))).numpy()
            _, scores = mean_over_pipelines(canvas, of_images)
            margin: NDArray[np.float64] = np.diff(scores.astype(np.float64))[:, 0]
            return margin
        return np.mean([self.head_(shown) for shown in stack_pixels(tables)], axis=0)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, (observation, 2); see the notes on what it means."""
        check_is_fitted(self)
        validate_data(self, X, dtype=np.float32, reset=False)
        second = self.calibration_.probability(self._margin(X))
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the more probable class of each observation."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
