"""Small sets of canvases with a known answer."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def make_images():
    return _make_images


@pytest.fixture(scope="module")
def make_images_once():
    return _make_images


def _make_images(n_training=32, n_test=20, *, side=8, shift=1.0, seed=0):
    """Noise, shifted in class 1; a share of undefined pixels; the true states beside it."""
    rng = np.random.default_rng(seed)
    n = n_training + n_test
    y = rng.permutation(np.arange(n) % 2)
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
