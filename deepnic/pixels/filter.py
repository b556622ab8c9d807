"""The three stages over all images, fitted on training items."""

import json
from collections.abc import Hashable
from numbers import Integral, Real

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.errors import InputError
from deepnic.nic.families import family, structure
from deepnic.nic.observations import votes_of
from deepnic.pixels.blocks import screen_images
from deepnic.pixels.stages import REASONS, Limits, Screened, benjamini_hochberg, fill_undefined
from deepnic.rop.origin import ORIGIN, carried
from deepnic.variables import MOST_CLASSES, describe, expect

IMAGES = ("gene images", "observation images")


def filter_pixels(
    items: xr.Dataset,
    y: ArrayLike | None = None,
    *,
    max_undefined: float = 0.5,
    min_sd: float = 0.01,
    resolution: float = 0.01,
    fdr: float | None = 0.05,
    k: int = 1024,
    at_least: int = 64,
    redundancy: bool = False,
    supervised: bool = True,
) -> xr.Dataset:
    """Keep the pixels that tell something.

    1. Structural, families "all" and "distinct": one representative of each distinct function
       that carries information, exactly, whatever the data.
    2. Data, on training items: pixels undefined too often, near-constant, or (nearly) equal to an
       earlier pixel of the same gene and condition.
    3. Relevance, on training items: F-test with Benjamini-Hochberg control, then the k best
       distinct ones.

    Parameters
    ----------
    items : Dataset
        From `observation_images` or `rop_images`, lazy.
    y : array of int, shape (item,), optional
        Class of each item, -1 where it is to be predicted: such items are filtered along but
        nothing is fitted on them. Observations bring their ``state``; genes without ``y`` are
        ranked by standard deviation.
    max_undefined : float
        Share of training items in which a pixel may be undefined.
    min_sd : float
        Standard deviation below which a pixel is near-constant.
    resolution : float
        Pixels equal after rounding to multiples of this are near-duplicates.
    fdr : float or None
        False discovery rate; None takes the k best without a test, as without classes.
    k : int
        Pixels kept at most.
    at_least : int
        Best pixels kept even where fewer pass the test, so that a canvas is never empty.
    redundancy : bool
        Choose the k from the 4 k best one by one, by relevance over mean absolute correlation with
        those already chosen (mRMR, the quotient form of Ding and Peng 2005).
    supervised : bool
        False ranks by standard deviation over the training items, whatever their classes: the
        structural and data stages, and the k pixels that vary most.

    Returns
    -------
    Dataset
        ``value(item, pixel)`` float32 and ``relevance(pixel)``, best first, with ``gene``,
        ``combination``, ``tree_size``, ``weight_range`` of each pixel, ``state(item)``, and in the
        attribute ``account`` (JSON) how many pixels each stage kept and why the others went.

    Raises
    ------
    InputError
        Training items of one class only or one of each, ``k`` below 1, or no pixel left.

    Notes
    -----
    Structural and data stages: ours. Relevance: scikit-learn's ``f_classif``.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    >>> table = filter_pixels(deepnic.observation_images(forest), k=10)
    >>> table.value.shape, [stage["stage"] for stage in account(table)]
    ((60, 10), ['structural', 'data', 'relevance'])
    """
    if not isinstance(k, Integral) or k < 1:
        raise InputError(f"k is {k!r}; keep a whole number of pixels, at least 1")
    if fdr is not None and not (isinstance(fdr, Real) and 0 < fdr <= 1):
        raise InputError(f"fdr is {fdr!r}; it lies above 0 and up to 1, or is None for no test")
    expect(items, *IMAGES)
    image, item = _lazy_image(items)
    classes = _classes(items, item, y)
    train = np.ones(image.sizes[item], bool) if classes is None else classes >= 0
    before = image.sizes["combination"]
    members, structural = _structural(image, items.attrs["family"], item)
    image = image.transpose(item, ...).isel(combination=members)
    pool = 4 * k if redundancy else k
    limits = Limits(max_undefined, min_sd, resolution, max(pool, at_least))
    ranked_by = classes if supervised else None
    screened = screen_images(image, votes_of(items, members), ranked_by, train, limits)
    removed = dict(zip(REASONS, screened.removed.tolist(), strict=True))
    if not screened.pixel.size:
        reasons = ", ".join(f"{n} {reason}" for reason, n in removed.items())
        raise InputError(
            f"no pixel of {before} combinations is left after the data stage ({reasons}); grow "
            "more trees, or raise max_undefined"
        )
    chosen = _passing(screened, None if ranked_by is None else fdr, at_least)
    if redundancy:
        filled = fill_undefined(screened.value, train)[train]
        chosen = chosen[_least_redundant(filled[:, chosen], screened.relevance[chosen], k)]
    chosen = chosen[:k]
    left = int(screened.p_counts.sum())
    beaten = {"less relevant or repeated": left - chosen.size}
    accounts = [
        structural,
        {"stage": "data", "kept": left, "removed": removed},
        {"stage": "relevance", "kept": chosen.size, "removed": beaten},
    ]
    return _table(items, image, item, classes, screened, chosen, accounts)


def select_pixels(items: xr.Dataset, table: xr.Dataset) -> xr.Dataset:
    """Apply a fitted filter to other items: the same pixels, in the same order.

    Parameters
    ----------
    items : Dataset
        Images with the genes, combinations and conditions of the table.
    table : Dataset
        From `filter_pixels`.

    Returns
    -------
    Dataset
        A table of the other items; all are to be predicted (state -1) unless they bring a state.

    Raises
    ------
    InputError
        The items lack a gene, a combination or a condition of the table.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    >>> images = deepnic.observation_images(forest)
    >>> table = filter_pixels(images, k=10)
    >>> np.array_equal(select_pixels(images, table).value, table.value, equal_nan=True)
    True
    """
    expect(items, *IMAGES)
    image, item = _lazy_image(items)
    _check_pixels(table, [name for name in image.dims if name != item])
    places = {name: _places(items, table, name) for name in image.dims if name != item}
    value = image.isel(places).transpose(item, "pixel").compute()
    state = items["state"].values if "state" in items else np.full(len(value), -1, np.int8)
    pixels = table.drop_dims("item", errors="ignore")
    selected = pixels.assign(value=(("item", "pixel"), value.values))
    selected = selected.assign_coords(_of_items(items, item) | {"state": ("item", state)})
    selected.attrs.pop(ORIGIN, None)  # of what the filter was fitted on
    selected.attrs |= carried(items.attrs) if item == "observation" else {}
    return describe(selected, "table")


def account(table: xr.Dataset) -> list[dict]:
    """Return the account of a table's filter: stage, kept, removed by reason.

    Examples
    --------
    >>> stage = {"stage": "data", "kept": 4, "removed": {"undefined": 6}}
    >>> account(xr.Dataset(attrs={"account": json.dumps([stage])}))
    [{'stage': 'data', 'kept': 4, 'removed': {'undefined': 6}}]
    """
    return json.loads(table.attrs["account"])


def _check_pixels(table: xr.Dataset, axes: list[Hashable]) -> None:
    """See that it says of each pixel where it is; more of a table is not asked for."""
    is_flat = isinstance(table, xr.Dataset) and "row" not in table.dims
    if is_flat and all(axis in table and table[axis].dims == ("pixel",) for axis in axes):
        return
    expect(table, "table")
    raise InputError(
        f"the table does not say the {', '.join(map(str, axes))} of its pixels, so it is of other "
        "images; make one of these by filter_pixels"
    )


def _lazy_image(items: xr.Dataset) -> tuple[xr.DataArray, str]:
    """Images as a lazy array whose chunks hold all items, and the name of the item dimension."""
    item = "observation" if "observation" in items.dims else "gene"
    return items["image"].chunk({item: -1}), item


def _of_items(items: xr.Dataset, item: str) -> dict:
    """Coordinates of a table's items: their ids, and what else lies along them."""
    along = {name: c for name, c in items.coords.items() if c.dims == (item,) and name != item}
    ids = pd.Index(items[item].values, dtype=object)
    return {"item": ids} | {name: ("item", c.values) for name, c in along.items()}


def _places(items: xr.Dataset, table: xr.Dataset, name: Hashable) -> xr.DataArray:
    """Positions of a table's pixels along a dimension of the images."""
    wanted = pd.Index(table[name].values)
    places = items.indexes[name].get_indexer(wanted)
    if (places < 0).any():
        raise InputError(
            f"the images have no {name} {wanted[places < 0][0]}, which the table was fitted on; "
            "make them from the same forest and family"
        )
    return xr.DataArray(places, dims="pixel")


def _classes(items: xr.Dataset, item: str, y: ArrayLike | None) -> NDArray[np.int64] | None:
    if y is None:
        if "state" not in items:
            return None
        y = items["state"].values
    classes = np.asarray(y)
    if classes.shape != (items.sizes[item],) or classes.dtype.kind not in "iu":
        raise InputError(
            f"y has shape {classes.shape} and dtype {classes.dtype}; give one integer for each of "
            f"the {items.sizes[item]} {item}s"
        )
    known = classes[classes >= 0]
    if classes.size and not -1 <= classes.min() <= classes.max() < MOST_CLASSES:
        raise InputError(
            f"y holds {classes.min()} to {classes.max()}; number the classes from 0 to "
            f"{MOST_CLASSES - 1} at most, and give -1 to items that are to be predicted"
        )
    n_classes = np.unique(known).size
    if n_classes < 2:
        raise InputError(
            "training items of fewer than two classes; a filter needs two, or y=None for genes"
        )
    if known.size == n_classes:
        raise InputError("one training item of each class; an F-test needs two of some class")
    return classes.astype(np.int64)


def _structural(image: xr.DataArray, name: str, item: str) -> tuple[NDArray[np.intp], dict]:
    """Positions of one representative of each distinct function."""
    conditions = image.sizes["tree_size"] * image.sizes["weight_range"]
    per_function = conditions * (image.sizes["gene"] if item == "observation" else 1)
    members, removed = np.arange(image.sizes["combination"]), dict[str, int]()
    if name in ("all", "distinct"):
        kept = family("distinct", of=item)
        counts = structure()
        removed = {reason: counts[reason] for reason in ("always 0", "always undefined")}
        if item == "gene":
            removed["always 1"] = counts["always 1"]
        removed["repeated function"] = len(family("all")) - sum(removed.values()) - len(kept)
        members = image.indexes["combination"].get_indexer(list(kept.label))
    stage = {
        "stage": "structural",
        "kept": members.size * per_function,
        "removed": {reason: count * per_function for reason, count in removed.items()},
    }
    return members, stage


def _passing(screened: Screened, fdr: float | None, at_least: int) -> NDArray[np.intp]:
    """Positions of the pixels that pass the test, and of the best in any case."""
    passing = screened.p <= (1.0 if fdr is None else benjamini_hochberg(screened.p_counts, fdr))
    passing[:at_least] = True
    if not passing.any():
        raise InputError(f"no pixel passes the test at fdr={fdr}; raise it, or at_least")
    return np.flatnonzero(passing)


def _least_redundant(value: NDArray, relevance: NDArray, k: int) -> NDArray[np.int64]:
    """Greedy mRMR order of the columns (item, pixel), k at most."""
    scale = np.maximum(value.std(axis=0), 1e-12)
    scaled = (value - value.mean(axis=0)) / scale / np.sqrt(len(value))
    score = np.minimum(relevance, np.finfo(np.float64).max)
    chosen = [0]
    total = np.zeros(score.size)
    while len(chosen) < min(k, score.size):
        total += np.abs(scaled.T @ scaled[:, chosen[-1]])
        merit = score / (total / len(chosen) + 1e-3)
        merit[chosen] = -1
        chosen.append(int(merit.argmax()))
    return np.array(chosen)


def _table(
    items: xr.Dataset,
    image: xr.DataArray,
    item: str,
    classes: NDArray[np.int64] | None,
    screened: Screened,
    chosen: NDArray[np.int64],
    accounts: list[dict],
) -> xr.Dataset:
    axes = {name: size for name, size in image.sizes.items() if name != item}
    unravelled = np.unravel_index(screened.pixel[chosen], tuple(axes.values()))
    places = dict(zip(axes, unravelled, strict=True))
    named = {"symbol": "gene"} if "symbol" in image.coords and "gene" in places else {}
    table = xr.Dataset(
        {
            "value": (("item", "pixel"), screened.value[:, chosen]),
            "relevance": ("pixel", screened.relevance[chosen].astype(np.float32)),
        },
        coords={
            **_of_items(items, item),
            "pixel": np.arange(chosen.size),
            **{name: ("pixel", image[name].values[k]) for name, k in places.items()},
            **{name: ("pixel", image[name].values[places[of]]) for name, of in named.items()},
        },
        attrs={"account": json.dumps(accounts)},
    )
    table.attrs |= {name: items.attrs[name] for name in ("positive",) if name in items.attrs}
    table.attrs |= carried(items.attrs) if item == "observation" else {}
    if classes is not None:
        table = table.assign_coords(state=("item", classes.astype(np.int8)))
    return describe(table, "table")
