"""The filter over whole Datasets: chunking, accounts, leaks, errors."""

from collections import Counter

import dask
import numpy as np
import pytest
import xarray as xr
from dask.array.optimization import optimize
from distributed import Client, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.errors import InputError
from deepnic.nic import observation_images, observations, rop_images
from deepnic.nic.observations import votes_of
from deepnic.pixels import account, blocks, filter_pixels, select_pixels
from deepnic.pixels.stages import P_EDGES, benjamini_hochberg
from tests.pixels import oracle
from tests.pixels.made import AXES, gene_items, observation_items

SEEDS = st.integers(0, 2**32 - 1)
GENE_CLASSES = np.resize([0, 2, 1, -1, 0, 2], 17)


def flat(images):
    """Values (item, pixel), and for each pixel its place and its gene and condition."""
    item = "observation" if "observation" in images.dims else "gene"
    axes = [name for name in AXES if name != item]
    stacked = images.image.compute().stack(pixel=axes).transpose(item, "pixel")
    places = stacked.indexes["pixel"].to_frame(index=False)
    tiles = list(places.drop(columns="combination").itertuples(index=False, name=None))
    return stacked.values, places, tiles


def expected(images, y, *, fdr=0.05, k=1024, at_least=64, redundancy=False):
    """Positions of the pixels to keep, by the oracle, and what each stage kept and removed."""
    value, _, tiles = flat(images)
    train = np.ones(len(value), bool) if y is None else y >= 0
    reasons = oracle.data_stage(value[train], tiles)
    kept = np.flatnonzero([reason is None for reason in reasons])
    score, p = oracle.relevance(value[train][:, kept], None if y is None else y[train])
    order = np.array(oracle.best_distinct(value[train][:, kept], score))
    order = order[: max(4 * k if redundancy else k, at_least)]
    bins = [np.count_nonzero(one <= P_EDGES) - 1 for one in p]
    limit = benjamini_hochberg(np.bincount(bins, minlength=4000), fdr or 1)
    passing = p[order] <= (limit if fdr and y is not None else 1)
    passing[:at_least] = True
    chosen = order[passing]
    if redundancy:
        full = oracle.filled(value[train][:, kept[chosen]]).astype(np.float64)
        chosen = chosen[oracle.least_redundant(full, score[chosen], k)]
    chosen = chosen[:k]
    return kept[chosen], score[chosen], Counter(reasons)


def assert_as_expected(table, images, y, **options):
    value, places, _ = flat(images)
    pixels, score, reasons = expected(images, y, **options)
    np.testing.assert_array_equal(table.value, value[:, pixels])
    np.testing.assert_array_equal(table.relevance, score.astype(np.float32))
    for name in places:
        assert table[name].values.tolist() == places[name].values[pixels].tolist()
    _, data, relevance = account(table)
    assert data["kept"] == reasons.pop(None)
    assert data["removed"] == {reason: reasons[reason] for reason in oracle.REASONS}
    assert relevance["kept"] == len(pixels) == table.sizes["pixel"]


def assert_accounts_add_up(table, pixels):
    for stage in account(table):
        assert stage["kept"] + sum(stage["removed"].values()) == pixels
        pixels = stage["kept"]
    assert pixels == table.sizes["pixel"]


@settings(max_examples=12, deadline=None)
@given(
    seed=SEEDS,
    fdr=st.sampled_from([None, 0.05, 0.5]),
    k=st.integers(1, 60),
    at_least=st.sampled_from([1, 20, 100]),
    of=st.sampled_from(["observation", "gene", "gene without classes"]),
)
def test_filter_pixels__is_that_of_the_oracle(seed, fdr, k, at_least, of):
    options = {"fdr": fdr, "k": k, "at_least": at_least}
    if of == "observation":
        images, y = observation_items(seed), None
        table = filter_pixels(images, **options)
        y = images.state.values
        np.testing.assert_array_equal(table.state, y)
        assert table.label.values.tolist() == images.label.values.tolist()
        assert table.attrs["positive"] == "sick"
    else:
        images, y = gene_items(seed), None if "without" in of else GENE_CLASSES
        table = filter_pixels(images, y, **options)
        assert ("state" in table.coords) == (y is not None)
    assert_as_expected(table, images, y, **options)
    assert_accounts_add_up(table, images.image[0].size if of != "observation" else 3 * 6 * 4)


@pytest.mark.parametrize("seed", range(4))
def test_filter_pixels__least_redundant(seed):
    images = observation_items(seed, (40, 3, 8, 2, 2))
    options = {"fdr": None, "k": 12, "redundancy": True}
    table = filter_pixels(images, **options)
    assert_as_expected(table, images, images.state.values, **options)
    assert table.combination.values.tolist() != filter_pixels(
        images, fdr=None, k=12
    ).combination.values.tolist()  # fmt: skip


def test_filter_pixels__without_classes_keeps_k():
    """A test there is none, so none may fail: a rate does not cut the table to `at_least`."""
    table = filter_pixels(gene_items(3, (17, 40, 3, 3)), k=100)
    assert table.sizes["pixel"] == 100
    assert (np.diff(table.relevance) <= 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_filter_pixels__unsupervised_is_that_of_training_items_without_classes(seed):
    images = observation_items(seed)
    trained = np.flatnonzero(images.state >= 0)
    options = {"k": 12, "at_least": 3}
    table = filter_pixels(images, fdr=0.05, supervised=False, **options)
    without = images.isel(observation=trained).drop_vars("state")
    assert_as_expected(table.isel(item=trained), without, None, **options)
    np.testing.assert_array_equal(table.state, images.state)


def test_filter_pixels__unsupervised_looks_at_no_class():
    images = observation_items(5).compute()
    other = np.where(images.state < 0, -1, np.arange(images.state.size) % 2).astype(np.int8)
    moved = images.assign_coords(state=("observation", other))
    one, two = (filter_pixels(ds.chunk(), k=12, supervised=False) for ds in (images, moved))
    xr.testing.assert_identical(one.drop_vars("state"), two.drop_vars("state"))


def test_filter_pixels__perfect_pixel_comes_first():
    images = observation_items(4).compute()
    images.image[:, 1, 4, 0, 1] = np.where(images.state == 1, np.float32(0.7), np.float32(-0.1))
    table = filter_pixels(images.chunk(), k=5)
    best = table.isel(pixel=0)
    found = (best.gene, best.combination, best.tree_size, best.weight_range, best.relevance)
    assert [one.item() for one in found] == ["g1", "4|1", 3, 4, np.inf]


@pytest.fixture(scope="module")
def whole():
    """Tables of images of one chunk."""
    return {
        redundancy: filter_pixels(observation_items(8), fdr=0.5, k=20, redundancy=redundancy)
        for redundancy in (False, True)
    }


@settings(max_examples=15, deadline=None)
@given(
    chunks=st.tuples(*(st.integers(1, n) for n in (17, 3, 6, 2, 2))),
    fan_in=st.integers(2, 5),
    scheduler=st.sampled_from(["sync", "threads"]),
    redundancy=st.booleans(),
)
def test_filter_pixels__any_chunking_and_scheduler(whole, chunks, fan_in, scheduler, redundancy):
    images = observation_items(8)
    images = images.chunk(dict(zip(images.image.dims, chunks, strict=True)))
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler=scheduler):
        patch.setattr(blocks, "FAN_IN", fan_in)
        table = filter_pixels(images, fdr=0.5, k=20, redundancy=redundancy)
    xr.testing.assert_identical(table, whole[redundancy])


def test_filter_pixels__optimises_one_graph_however_many_blocks():
    """Once a block, and a chip of 1,500 blocks would take half an hour before the first pixel."""
    counts = []
    for chunks in ({}, {"gene": 1, "tree_size": 1, "weight_range": 1}):
        optimised = []

        def noting(graph, keys, *, noted=optimised, **options):
            noted.append(len(keys))
            return optimize(graph, keys, **options)

        with dask.config.set(array_optimize=noting):
            filter_pixels(observation_items(8).chunk(chunks))
        counts.append(len(optimised))
    assert counts[0] == counts[1] > 0


def test_filter_pixels__on_a_cluster(whole):
    images = observation_items(8).chunk(gene=1, tree_size=1)
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, Client(cluster):
        table = filter_pixels(images, fdr=0.5, k=20)
    xr.testing.assert_identical(table, whole[False])


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, redundancy=st.booleans(), undefined=st.floats(0, 1))
def test_filter_pixels__never_looks_at_hidden_items(seed, redundancy, undefined):
    images = observation_items(seed).compute()
    hidden = np.flatnonzero(images.state < 0)
    random = np.random.default_rng(seed + 1)
    other = images.copy(deep=True)
    values = random.normal(0, 100, other.image[hidden].shape)
    values[random.random(values.shape) < undefined] = np.nan
    other.image[hidden] = values
    other.label[hidden] = random.choice(["healthy", "sick"], hidden.size)
    options = {"fdr": 0.3, "k": 15, "at_least": 5, "redundancy": redundancy}
    one, two = (filter_pixels(ds.chunk(), **options) for ds in (images, other))
    trained = {"item": np.flatnonzero(images.state >= 0)}
    xr.testing.assert_identical(one.isel(trained), two.isel(trained))
    assert not np.array_equal(one.value, two.value)


def test_filter_pixels__pixel_of_the_hidden_labels_is_not_favoured():
    random = np.random.default_rng(0)
    images = observation_items(0, (60, 3, 6, 2, 2)).compute()
    images.image[:] = random.normal(size=images.image.shape)
    truth = random.choice([-1, 1], 60)
    state = np.where(np.arange(60) < 12, truth > 0, -1).astype(np.int8)  # most are hidden
    images = images.assign_coords(state=("observation", state))
    names = ["gene", "combination", "tree_size", "weight_range"]
    worst = filter_pixels(images.chunk(), fdr=None, k=72).isel(pixel=-1)
    place = {name: worst[name].item() for name in names}
    leaking = images.copy(deep=True)
    leaking.image.loc[place] = np.where(state < 0, truth, images.image.loc[place])
    table = filter_pixels(leaking.chunk(), fdr=None, k=72)
    assert {name: table[name].values[-1] for name in names} == place
    known = leaking.assign_coords(state=("observation", (truth > 0).astype(np.int8)))
    best = filter_pixels(known.chunk(), fdr=None, k=1).isel(pixel=0)
    assert {name: best[name].item() for name in names} == place  # had the labels been known


def test_filter_pixels__families_of_genes(forest):
    y = np.array([0, 1, 0, 1, 1, -1])
    tables = [filter_pixels(rop_images(forest, family=name), y) for name in ("all", "distinct")]
    xr.testing.assert_identical(*tables)
    assert_accounts_add_up(tables[0], 59_049 * 2)
    assert account(tables[0])[0] == {
        "stage": "structural",
        "kept": 510 * 2,
        "removed": {
            "always 0": 29_403 * 2,
            "always undefined": 22_761 * 2,
            "always 1": 1_169 * 2,
            "repeated function": (5_716 - 510) * 2,
        },
    }


def test_filter_pixels__families_of_observations(forest):
    tables = [
        filter_pixels(observation_images(forest, family=name, genes=["g4", "g1"]))
        for name in ("all", "distinct")
    ]
    xr.testing.assert_identical(*tables)
    assert_accounts_add_up(tables[0], 59_049 * 2 * 2)
    assert account(tables[0])[0]["kept"] == 565 * 2 * 2
    assert account(tables[0])[0]["removed"] == {
        "always 0": 29_403 * 4,
        "always undefined": 22_761 * 4,
        "repeated function": (5_716 + 1_169 - 565) * 4,
    }


@settings(max_examples=20, deadline=None)
@given(
    few=st.integers(1, 30),
    name=st.sampled_from(["distinct", "base", "all"]),
    genes_of_block=st.integers(1, 6),
    max_undefined=st.sampled_from([0.0, 0.5, 1.0]),
    resolution=st.sampled_from([0.01, 0.5]),
    supervised=st.booleans(),
)
def test_filter_pixels__of_votes_is_that_of_the_images(
    forest, few, name, genes_of_block, max_undefined, resolution, supervised
):
    """Images that are never made: of few trees most functions are alike, of many few are."""
    genes = ["g4", "g1"] if name == "all" else None
    how = {"max_undefined": max_undefined, "resolution": resolution, "supervised": supervised}
    forest = forest.isel(draw=slice(few))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observations, "BLOCK_BYTES", genes_of_block * 4 * 565 * 14)
        images = observation_images(forest, family=name, genes=genes)
    made = images.compute().chunk()
    assert votes_of(images, np.arange(3)) is not None
    assert votes_of(made, np.arange(3)) is None
    tables = []
    for items in (images, made):
        try:
            tables.append(filter_pixels(items, fdr=0.5, k=30, at_least=3, **how))
        except InputError as error:
            tables.append(xr.Dataset(attrs={"refused": str(error)}))
    xr.testing.assert_identical(*tables)


def test_filter_pixels__of_images_that_were_changed_is_theirs(forest):
    images = observation_images(forest)
    flipped = images.assign(image=-images.image)
    some = images.isel(gene=[3, 1], combination=slice(None, None, -1))
    for items in (flipped, some, images.chunk(gene=1)):
        one, two = (filter_pixels(ds, k=30) for ds in (items, items.compute().chunk()))
        xr.testing.assert_identical(one, two)
    assert not filter_pixels(flipped, k=30).equals(filter_pixels(images, k=30))


def test_filter_pixels__structural_stage_loses_nothing(forest):
    """Every pixel of all 59,049 that the data stage would keep equals a pixel of the table."""
    images = rop_images(forest, family="all")
    table = filter_pixels(images, fdr=None, k=10_000, min_sd=0, resolution=0, max_undefined=1)
    assert account(table)[1]["removed"]["near-constant"] > 0
    values = np.moveaxis(images.image.values, 0, -1).reshape(-1, 6)
    telling = [np.unique(row[~np.isnan(row)]).size > 1 for row in values]
    assert {row.tobytes() for row in values[telling]} == {
        row.tobytes() for row in np.ascontiguousarray(table.value.values.T)
    }


@pytest.mark.parametrize("of", ["observation", "gene"])
def test_select_pixels__is_the_same_pixels(forest, of):
    images = observation_images(forest) if of == "observation" else rop_images(forest)
    y = None if of == "observation" else np.array([0, 1, 0, 1, 1, -1])
    table = filter_pixels(images, y, k=50)
    again = select_pixels(images, table)
    xr.testing.assert_identical(again.drop_vars("state"), table.drop_vars("state"))
    some = [5, 0, 3]
    other = images.isel({of: some}).isel(combination=slice(None, None, -1))
    found = select_pixels(other, table)
    np.testing.assert_array_equal(found.value, table.value[some])
    assert found.item.values.tolist() == table.item.values[some].tolist()
    state = forest.state.values[some] if of == "observation" else [-1, -1, -1]
    assert found.state.values.tolist() == list(state)
    assert found.state.dtype == np.int8


def test_select_pixels__refuses_images_without_a_pixel():
    images = observation_items(1)
    table = filter_pixels(images, k=10, fdr=None)
    gene = table.gene.values[0]
    with pytest.raises(InputError, match=f"no gene {gene}, which the table was fitted on"):
        select_pixels(images.sel(gene=images.gene != gene), table)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.zeros(17, int), "training items of fewer than two classes; a filter needs two"),
        (np.full(17, -1), "training items of fewer than two classes; a filter needs two"),
        (np.arange(17) * 8, "y holds 0 to 128; number the classes from 0 to 127 at most"),
        (np.arange(17) - 2, "y holds -2 to 14; number the classes from 0"),
        (np.array([0, 1] + [-1] * 15), "one training item of each class"),
        (np.zeros(5, int), r"shape \(5,\) and dtype int64; give one integer for each of the 17"),
        (np.array(["sick"] * 17), "dtype <U4; give one integer"),
        (np.full(17, np.nan), "dtype float64; give one integer"),
    ],
)
@pytest.mark.parametrize("items", [observation_items, gene_items])
def test_filter_pixels__refuses_classes(items, y, words):
    with pytest.raises(InputError, match=words):
        filter_pixels(items(), y)


def test_filter_pixels__refuses_to_keep_nothing():
    images = gene_items()
    with pytest.raises(InputError, match="k is 0; keep a whole number of pixels"):
        filter_pixels(images, k=0)
    nothing = images.assign(image=images.image.where(False))
    with pytest.raises(InputError, match=r"no pixel of 6 .* left .*\(24 undefined, 0 near-const"):
        filter_pixels(nothing)
    noise = np.random.default_rng(0).normal(size=images.image.shape).astype(np.float32)
    with pytest.raises(InputError, match=r"no pixel passes the test at fdr=0\.0001"):
        filter_pixels(
            images.assign(image=(AXES, noise)).chunk(), GENE_CLASSES, fdr=1e-4, at_least=0
        )
