"""Small pixel tables."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def make_table():
    """Pixel table of random values: the last of every three items is hidden."""

    def make(items: int = 12, pixels: int = 9, seed: int = 0) -> xr.Dataset:
        value = np.random.default_rng(seed).random((items, pixels), dtype=np.float32)
        return xr.Dataset(
            {
                "value": (("item", "pixel"), value),
                "relevance": ("pixel", np.linspace(1, 0, pixels, dtype=np.float32)),
            },
            coords={
                "item": [f"i{i}" for i in range(items)],
                "pixel": np.arange(pixels),
                "state": ("item", np.resize(np.int8([1, 0, -1]), items)),
            },
        )

    return make
