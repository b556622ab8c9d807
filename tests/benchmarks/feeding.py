"""Feeding: training is never short of data.

The default network trains on the same canvases of genes, brought to it in several ways, one
process and torch as the loop runs it; Zarr may decode on threads of its own. Stores and files are
read from the memory where the operating system keeps what was just written: a disk would be slower.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
import xarray as xr
import zarr
from numpy.typing import NDArray
from PIL import Image

from deepnic.assembly import assemble_counts
from deepnic.host.provenance import processor
from deepnic.learn.channels import _channels, canvas_arrays, make_images
from deepnic.learn.loop import Learner, _reproducible
from deepnic.learn.network import build_network
from deepnic.learn.settings import Settings
from deepnic.nic import family
from deepnic.nic.families import COLOURS
from deepnic.nic.genes import expand
from deepnic.report.figures.colours import render
from deepnic.rop.signatures import N_SIGNATURES
from deepnic.store.sealed import COMPRESSORS
from tests.benchmarks.table import Section

CHIP = 54_675  # genes
TREES = 100  # of a gene and condition
NOT_PERFECT = 0.4  # share of the trees, as of Golub's genes over all conditions
SETTINGS = Settings(batch_size=64)
RESIDENT = "one resident tensor"


@dataclass(frozen=True)
class Way:
    """How canvases come to the network.

    Attributes
    ----------
    channels : callable
        Items to their channels, on the device of the network.
    place : device
        Where it wants the numbers of the items.
    bytes_of_gene : float
        Kept for each gene, in memory or on disk.
    in_order : bool
        Whether batches are of neighbours; else they are drawn.
    """

    channels: Callable[[torch.Tensor], torch.Tensor]
    place: torch.device
    bytes_of_gene: float
    in_order: bool = False


def made_canvas(
    n_genes: int,
    *,
    tree_sizes: Sequence[int] = range(3, 9),
    weight_ranges: Sequence[int] = (3, 4, 5),
) -> xr.Dataset:
    """Canvas of genes whose trees have signatures at random, few of them often, as in a store."""
    frequency = 1 / np.arange(1, N_SIGNATURES) ** 2
    frequency = [NOT_PERFECT, *(1 - NOT_PERFECT) * frequency / frequency.sum()]
    shape = n_genes, len(tree_sizes), len(weight_ranges)
    count = np.random.default_rng(0).multinomial(TREES, frequency, shape).astype(np.uint16)
    counts = xr.Dataset(
        {"count": (("gene", "tree_size", "weight_range", "signature"), count)},
        coords={"tree_size": list(tree_sizes), "weight_range": list(weight_ranges)},
    )
    return assemble_counts(counts)


def values_of(canvas: xr.Dataset) -> NDArray[np.float32]:
    """Images of the genes, (item, row, column): what others would store."""
    pixels = expand(canvas["count"].values, family(canvas.attrs["family"]))
    index = canvas["index"].values
    return np.where(index < 0, np.float32(np.nan), pixels.reshape(len(pixels), -1)[:, index])


def ways(canvas: xr.Dataset, folder: Path, device: torch.device, batch: int) -> dict[str, Way]:
    """Bring the same canvases in every way; stores and files are written to the folder."""
    values, host = values_of(canvas), torch.device("cpu")
    images = make_images(canvas_arrays(canvas)).to(device)
    resident = torch.cat([images(items) for items in torch.arange(len(values)).split(batch)])
    together, alone, files = (folder / name for name in ("together", "alone", "files"))
    read = in_zarr(values, together, batch, images.paint)
    draw = in_zarr(values, alone, 1, images.paint)
    decode = in_files(values, canvas["colour"].values, files, images.paint)
    return {
        "made on the device": Way(images, device, images.count.nbytes / len(values)),
        RESIDENT: Way(lambda items: resident[items], device, resident[0].nbytes),
        f"Zarr, {batch} items a chunk, in order": Way(read, host, _size(together, values), True),
        "Zarr, an item a chunk, shuffled": Way(draw, host, _size(alone, values)),
        "PNG files, as the peers do it": Way(decode, host, _size(files, values)),
    }


def in_zarr(
    values: NDArray[np.float32], path: Path, chunk: int, paint: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Write images to a store, and return what reads and paints some of them.

    A batch in order is one chunk of 64 items. A shuffled one would touch 64 such chunks for an item
    each, and decode 64 times what it needs: it is read from chunks of one item, 64 of them too.
    """
    array = zarr.create_array(
        path,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(chunk, *values.shape[1:]),
        compressors=COMPRESSORS,
    )
    array[:] = values

    def channels(items: torch.Tensor) -> torch.Tensor:
        first, last = int(items[0]), int(items[-1])
        value = array[first : last + 1] if chunk > 1 else array.oindex[items.numpy()]
        return _channels(torch.from_numpy(value).to(paint.device), paint)

    return channels


def in_files(
    values: NDArray[np.float32], colour: NDArray[np.int8], folder: Path, paint: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Write a picture an item, and return what decodes some of them.

    Blue, green and red go to the channels of these families, so that the network is the same; those
    of the grey family and of the mask stay empty, as a picture has neither.
    """
    folder.mkdir()
    for item, value in enumerate(values):
        Image.fromarray(render(value, colour)).save(folder / f"{item}.png")

    def channels(items: torch.Tensor) -> torch.Tensor:
        pictures = []
        for item in items.tolist():
            with Image.open(folder / f"{item}.png") as picture:
                pictures.append(np.asarray(picture))
        rgb = torch.from_numpy(np.stack(pictures)).to(paint.device)
        made = paint.new_zeros(len(items), len(paint) + 1, *colour.shape)
        # 256 levels are left of each value, as in the peers' pictures
        torch.div(rgb.flip(-1).movedim(-1, 1), 255, out=made[:, 1:4])
        return made

    return channels


def feeding(
    *,
    n_genes: int = 1024,
    batch: int = SETTINGS.batch_size,
    rounds: int = 30,
    steps: int = 4,
    **conditions: Sequence[int],
) -> list[Section]:
    """Train on some batches of one way after the other, in many rounds, on every device."""
    canvas = made_canvas(n_genes, **conditions)
    sections = []
    for device in devices():
        with TemporaryDirectory() as folder, _reproducible(SETTINGS.seed, device):
            fed = ways(canvas, Path(folder), device, batch)
            batches = [_batches(way, n_genes, batch) for way in fed.values()]
            speed = _items_a_second(list(fed.values()), batches, device, rounds, steps)
        side = " x ".join(str(canvas.sizes[name]) for name in ("row", "column"))
        title = f"training on {side} canvases, {name_of(device)}"
        columns = ["items/s", f"of {RESIDENT}", "bytes a gene"]
        sections.append(Section(title, columns, _rows(fed, speed)))
    return sections


def epoch_of_the_chip(*, n_genes: int = CHIP) -> Section:
    """Train one epoch on canvases made of the counts of a whole chip."""
    canvas = made_canvas(n_genes)
    state = torch.arange(n_genes) % 2
    rows = []
    for device in devices():
        images = make_images(canvas_arrays(canvas)).to(device)
        with _reproducible(SETTINGS.seed, device):
            learner = _learner(device)
            start = perf_counter()
            # ends with sums read from the device: nothing is under way there
            label, items = state.to(device), torch.arange(n_genes, device=device)
            learner.train_epoch(images, label, label, items, 0)
            seconds = perf_counter() - start
        sizes = [images.count[0].nbytes, 4 * images.cell.numel()]
        cells = [f"{value:,.0f}" for value in (n_genes / seconds, *sizes)]
        rows.append((name_of(device), [f"{seconds:.1f}", *cells]))
    columns = ["s", "items/s", "bytes of counts", "bytes of a canvas"]
    return Section(f"one epoch over {n_genes:,} genes, made on the device", columns, rows)


def devices() -> list[torch.device]:
    """Return the processor, and a GPU where there is one."""
    names = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    return [torch.device(name) for name in names]


def name_of(device: torch.device) -> str:
    """Name of a device, as its maker gave it."""
    on_gpu = device.type == "cuda"
    return torch.cuda.get_device_name(device) if on_gpu else f"{processor()}, 1 thread"


def _batches(way: Way, n: int, batch: int) -> Iterator[torch.Tensor]:
    """All items, batch by batch, again and again."""
    items = np.arange(n) if way.in_order else np.random.default_rng(0).permutation(n)
    return cycle(torch.from_numpy(items).split(batch))


def _items_a_second(
    fed: Sequence[Way],
    batches: Sequence[Iterator[torch.Tensor]],
    device: torch.device,
    rounds: int,
    steps: int,
) -> NDArray[np.float64]:
    """Speed of every way in every round, (round, way), after a round that is not counted."""
    learner = _learner(device)
    speed = [
        [
            _speed(way, learner, list(islice(items, steps)))
            for way, items in zip(fed, batches, strict=True)
        ]
        for _ in range(1 + rounds)
    ]
    return np.array(speed[1:])


def _speed(way: Way, learner: Learner, batches: Sequence[torch.Tensor]) -> float:
    """Items a second of some steps of the loop."""
    weight = torch.ones(2, device=learner.device)
    n_items = sum(map(len, batches))
    _finish(learner.device)
    start = perf_counter()
    for items in batches:
        image = way.channels(items.to(way.place))
        label = (items % 2).to(learner.device)
        learner._step(image, label, label, weight, len(items), SETTINGS.learning_rate)
    _finish(learner.device)
    return n_items / (perf_counter() - start)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _learner(device: torch.device) -> Learner:
    network = build_network(SETTINGS.network, len(COLOURS) + 1, 2, SETTINGS.dropout).to(device)
    return Learner(network, SETTINGS, 2, rank=0, size=1)


def _rows(fed: Mapping[str, Way], speed: NDArray[np.float64]) -> list[tuple[str, list[str]]]:
    """Medians over the rounds, of the speeds and of their ratios within a round."""
    ratio = np.median(speed / speed[:, [list(fed).index(RESIDENT)]], axis=0)
    cells = zip(fed.items(), np.median(speed, axis=0), ratio, strict=True)
    return [
        (label, [f"{median:,.0f}", f"{share:.2f}", f"{way.bytes_of_gene:,.0f}"])
        for (label, way), median, share in cells
    ]


def _size(path: Path, values: NDArray[np.float32]) -> float:
    """Bytes that a folder takes for each item."""
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / len(values)
