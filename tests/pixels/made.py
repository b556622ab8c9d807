"""Made-up images in which every reason to drop a pixel is met."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

AXES = ("gene", "combination", "tree_size", "weight_range")


def made_values(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Values (item, combination, ...) of few levels; columns repeated, exactly and nearly."""
    random = np.random.default_rng(seed)
    value = random.integers(-3, 4, shape).astype(np.float32) / np.float32(3)
    value[random.random(shape) < random.choice([0.05, 0.3, 0.6, 1.0], shape[1:])] = np.nan
    constant = random.random(shape[1:]) < 0.1
    value[:, constant] = np.where(np.isnan(value[:, constant]), np.nan, np.float32(1 / 3))
    for k in range(1, shape[1]):  # copies of combinations before, some of them not exact
        copied = random.random((shape[1], *shape[2:]))[k] < 0.3
        source = value[:, random.integers(k)]
        noise = random.choice([0, 0.001]) * random.random(source.shape)
        value[:, k] = np.where(copied, source + noise.astype(np.float32), value[:, k])
    return value


def observation_items(seed: int = 0, sizes: tuple[int, ...] = (17, 3, 6, 2, 2)) -> xr.Dataset:
    """Images of observations; every fourth is hidden."""
    n = sizes[0]
    values = np.stack([made_values((n, *sizes[2:]), seed + 100 * g) for g in range(sizes[1])], 1)
    values[:, -1] = values[:, 0]  # a gene that repeats another
    state = np.random.default_rng(seed).integers(0, 2, n).astype(np.int8)
    state[:3] = 0, 1, 1
    state[3::4] = -1
    return xr.Dataset(
        {"image": (("observation", *AXES), values)},
        coords=_coordinates(sizes[1:])
        | {
            "observation": [f"o{i}" for i in range(n)],
            "state": ("observation", state),
            "label": ("observation", np.array(["healthy", "sick", ""], object)[state]),
        },
        attrs={"family": "base", "positive": "sick"},
    ).chunk()


def gene_items(seed: int = 0, sizes: tuple[int, ...] = (17, 6, 2, 2)) -> xr.Dataset:
    """Images of genes."""
    return xr.Dataset(
        {"image": (AXES, made_values(sizes, seed))},
        coords=_coordinates(sizes),
        attrs={"family": "base"},
    ).chunk()


def _coordinates(sizes: tuple[int, ...]) -> dict:
    genes, combinations, tree_sizes, weight_ranges = sizes
    return {
        "gene": [f"g{g}" for g in range(genes)],
        "combination": [f"{k}|1" for k in range(combinations)],
        "tree_size": np.arange(3, 3 + tree_sizes, dtype=np.int8),
        "weight_range": np.arange(3, 3 + weight_ranges, dtype=np.int8),
    }
