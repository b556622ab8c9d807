"""Screening of images block after block: of pixels, or of the votes that pixels are made of.

Images of observations that are as they were made need not be made: few functions differ where
trees are few or alike, and only those that do are divided.
"""

from functools import partial

import dask
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.compute import compute
from deepnic.nic.families import Quotients, add_up
from deepnic.pixels.stages import Limits, Screened, merge, screen

FAN_IN = 8  # blocks merged by one task


def screen_images(
    image: xr.DataArray,
    votes: tuple[da.Array, Quotients] | None,
    classes: NDArray[np.int64] | None,
    train: NDArray[np.bool_],
    limits: Limits,
) -> Screened:
    """Screen images (item, ...) block after block, and merge.

    ``votes`` are those that the images are made of, and how; None where that is not known.
    """
    if votes is None:
        pixels = da.asarray(image.chunk(combination=-1).data)  # duplicates are looked for along it
        chunks, blocks = pixels.chunks[1:], pixels.to_delayed()[0]
        task = partial(dask.delayed(_screen_block, pure=True), image.dims.index("combination") - 1)
    else:
        counted, functions = votes
        chunks, blocks = counted.chunks[2:], counted.to_delayed()[0, 0]
        task = partial(dask.delayed(_screen_votes, pure=True), functions)
    starts = [np.cumsum([0, *sizes[:-1]]).tolist() for sizes in chunks]
    # all blocks at once: asked one by one, each would walk through the whole graph
    tasks = []
    for place, block in np.ndenumerate(blocks):
        start = [along[k] for along, k in zip(starts, place, strict=True)]
        tasks.append(task(block, start, image.shape[1:], classes, train, limits))
    merge_blocks = dask.delayed(merge, pure=True)
    merged = tasks
    while len(merged) > 1:
        groups = range(0, len(merged), FAN_IN)
        merged = [merge_blocks(merged[k : k + FAN_IN], limits.k) for k in groups]
    return compute(merged, "filtering pixels", watch=tasks)[0]


def _screen_block(
    group: int,
    block: NDArray[np.float32],
    start: list[int],
    shape: tuple[int, ...],
    classes: NDArray[np.int64] | None,
    train: NDArray[np.bool_],
    limits: Limits,
) -> Screened:
    """Screen one block (item, ...) that begins at ``start`` of the pixel axes, of that shape."""
    places = np.ix_(*map(np.arange, start, np.add(start, block.shape[1:])))
    pixel = np.ravel_multi_index(places, shape)
    # duplicates are looked for among the combinations of a gene and condition
    tile = np.broadcast_to(pixel.take([0], axis=group), pixel.shape)
    return screen(
        block.reshape(len(block), -1), pixel.ravel(), tile.ravel(), classes, train, limits
    )


def _screen_votes(
    functions: Quotients,
    votes: NDArray[np.float32],
    start: list[int],
    shape: tuple[int, ...],
    classes: NDArray[np.int64] | None,
    train: NDArray[np.bool_],
    limits: Limits,
) -> Screened:
    """As `_screen_block`, of the block that the votes (2, item, gene, 37, 1, 1) would make."""
    from deepnic.pixels.distinct_numba import divide_distinct, find_distinct

    sums, divisors = (add_up(one, functions.sets) for one in votes[..., 0, 0])
    how = functions.above, functions.below
    found = np.empty((2, sums.shape[1] * len(functions.above)), np.int64)
    bits = sums.view(np.uint32), divisors.view(np.uint32)
    pixel, copies = found[:, : find_distinct(*bits, np.flatnonzero(train), *how, *found)].copy()
    value = np.empty((len(sums), pixel.size), np.float32)
    divide_distinct(sums, divisors, *how, pixel, value)
    gene, function = np.divmod(pixel, len(functions.above))
    place = start[0] + gene, function, *start[2:]
    tile = start[0] + gene, 0, *start[2:]
    places, tiles = (np.ravel_multi_index(np.broadcast_arrays(*k), shape) for k in (place, tile))
    return screen(value, places, tiles, classes, train, limits, copies)
