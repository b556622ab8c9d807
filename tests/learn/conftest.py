"""Small sets of canvases with a known answer, and a small forest."""

import numpy as np
import pytest
import xarray as xr

import deepnic


@pytest.fixture
def make_images():
    return _make_images


@pytest.fixture(scope="module")
def make_images_once():
    return _make_images


@pytest.fixture(scope="session")
def forest():
    """60 observations of Wisconsin, two weight ranges and tree sizes, the last 12 held out."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    hidden = deepnic.hide_labels(cohort, np.arange(60) >= 48)
    return deepnic.grow_forest(
        hidden, n_trees=12, weight_ranges=[3, 5], tree_sizes=[3, 6], subsample=0.5
    ).compute()


def _make_images(n_training=32, n_test=20, *, side=8, shift=1.0, seed=0, classes=2):
    """Noise, shifted by the class; a share of undefined pixels; the true states beside it."""
    rng = np.random.default_rng(seed)
    n = n_training + n_test
    y = rng.permutation(np.arange(n) % classes)
    image = rng.normal(size=(n, side, side)) + shift * y[:, None, None]
    image[rng.random(image.shape) < 0.1] = np.nan
    state = np.where(np.arange(n) < n_training, y, -1)
    images = xr.Dataset(
        {"image": (("item", "row", "column"), image.astype(np.float32))},
        coords={
            "item": [f"patient {i}" for i in range(n)],
            "state": ("item", state.astype(np.int8)),
        },
    )
    return images, y
