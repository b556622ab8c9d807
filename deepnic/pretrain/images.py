"""What a network is pretrained on: images of the hidden observations of many cohorts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.assembly import assemble
from deepnic.compute import in_own_thread
from deepnic.files import whole
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels
from deepnic.pretrain.settings import PretrainSettings
from deepnic.pretrain.simulate import draw_cohort
from deepnic.study.fold import lazy_forest
from deepnic.study.settings import StudySettings
from deepnic.variables import describe


class Shown(NamedTuple):
    """Images of the observations of one cohort by a pipeline that had not seen their states."""

    image: NDArray[np.float32]  # (item, row, column), pixels by relevance
    colour: NDArray[np.int8]  # (row, column), -1 where there is none
    state: NDArray[np.int8]  # (item,)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        with np.load(path) as arrays:
            return cls(*(arrays[name] for name in cls._fields))

    def write(self, path: Path) -> None:
        """Write a file, whole or not at all."""
        with whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **self._asdict())


def show(source: xr.Dataset, settings: PretrainSettings, number: int) -> Shown:
    """Draw a cohort of a source, and show those of its observations whose state is hidden.

    Parameters
    ----------
    source : Dataset
        A cohort without missing values.
    settings : PretrainSettings
    number : int
        Of the cohort, from 0; with the seed it decides all that is drawn.
    """
    cohort, state = draw_cohort(source, settings, np.random.default_rng([settings.seed, number]))
    pipeline = StudySettings(forest=settings.forest, seed=settings.seed)
    with in_own_thread():  # cohorts are what is done at once
        forest = lazy_forest(cohort, pipeline).load(scheduler="sync")
        table = filter_pixels(observation_images(forest), k=settings.pixels)
    canvas = assemble(table, path="linear")
    hidden = cohort["state"].values < 0
    return Shown(canvas["image"].values[hidden], canvas["colour"].values, state[hidden])


def join_shown(shown: Sequence[Shown]) -> xr.Dataset:
    """Put what several pipelines show side by side, each cohort with the colours of its own.

    Examples
    --------
    >>> one = Shown(np.ones((2, 1, 1), "f4"), np.int8([[0]]), np.int8([0, 1]))
    >>> two = Shown(np.zeros((1, 2, 2), "f4"), np.int8([[0, 1], [2, 2]]), np.int8([1]))
    >>> joined = join_shown([one, two])
    >>> joined.image.values[:, 0].tolist(), joined.shown_by.values.tolist()
    ([[1.0, nan], [1.0, nan], [0.0, 0.0]], [0, 0, 1])
    """
    rows, columns = np.max([one.colour.shape for one in shown], axis=0)
    counts = [len(one.state) for one in shown]
    image = np.full((sum(counts), rows, columns), np.nan, np.float32)
    colour = np.full((len(shown), rows, columns), -1, np.int8)
    last = np.cumsum(counts)
    for k, one in enumerate(shown):
        of_rows, of_columns = map(slice, one.colour.shape)
        image[last[k] - counts[k] : last[k], of_rows, of_columns] = one.image
        colour[k, of_rows, of_columns] = one.colour
    index = np.where(colour < 0, -1, np.arange(colour.size).reshape(colour.shape))
    cells = ("pipeline", "row", "column")
    joined = xr.Dataset(
        {
            "image": (("item", "row", "column"), image),
            "colour": (cells, colour),
            "index": (cells, index.astype(np.int32)),
        },
        coords={
            "item": np.arange(len(image)),
            "state": ("item", np.concatenate([one.state for one in shown])),
            "shown_by": ("item", np.repeat(np.arange(len(shown), dtype=np.int16), counts)),
        },
    )
    return describe(joined, "cross-fitted canvas")
