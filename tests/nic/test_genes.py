"""ROP-images of genes against counts of trees, one by one."""

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.errors import InputError
from deepnic.nic import count_signatures, family, observation_images, rop_images
from tests.nic.algebra import combinations, kind, parse
from tests.rop.oracle import events_of_signature

FAMILIES = pytest.mark.parametrize("name", ["base", "combinations", "all", "distinct"])


def trees_of(forest):
    """Criteria that hold for each tree: gene, V, R -> a list of sets."""
    for g, v, r in np.ndindex(7, 2, 2):
        codes = forest.signature.values[v, r, :, g]
        yield (g, v, r), [events_of_signature(int(code)) for code in codes]


def share(trees, A, B):
    """N(A and B) / N(B), from the trees."""
    below = sum(held >= B for held in trees)
    return np.float32(sum(held >= A | B for held in trees)) / np.float32(below) if below else np.nan


def refusing(forest):
    """The forest as a graph that fails when anything of it is computed."""

    def fail(block):
        raise AssertionError("computed")

    lazy = forest.chunk(draw=7)
    return lazy.assign(
        {
            name: lazy[name].copy(data=lazy[name].data.map_blocks(fail, meta=np.empty((), dtype)))
            for name, dtype in (("signature", np.uint8), ("vote", np.int8))
        }
    )


@pytest.fixture(scope="module")
def everything(forest):
    return rop_images(forest, family="all").image.values


def test_count_signatures__counts_trees(forest):
    count = count_signatures(forest)["count"]
    assert count.dims == ("gene", "tree_size", "weight_range", "signature")
    assert count.dtype == np.uint16
    for g, v, r in np.ndindex(7, 2, 2):
        stored = forest.signature.values[v, r, :, g].tolist()
        assert count.values[g, v, r].tolist() == [stored.count(s) for s in range(37)]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rop_images__is_the_share_of_trees(forest, everything, seed):
    """Any combinations of the 59,049, for every gene and condition."""
    labels = family("all").label
    for k in np.random.default_rng(seed).integers(0, len(labels), 10):
        A, B = parse(labels[k])
        for (g, v, r), trees in trees_of(forest):
            np.testing.assert_array_equal(everything[g, k, v, r], share(trees, A, B), labels[k])


def test_rop_images__base_has_the_published_formulas(forest):
    images = rop_images(forest, family="base").image
    assert images.shape == (7, 30, 2, 2)
    for (g, v, r), trees in trees_of(forest):
        n = {k: sum(k in held for held in trees) for k in range(1, 11)}
        nic = {1: n[1] / 40}
        for k in (2, 3, 4, 7, 8, 9, 10):
            nic[k] = n[k] / n[1] if n[1] else np.nan
        nic[5] = (nic[3] * nic[4]) ** 0.25
        nic[6] = 1 - n[6] / n[1] if n[1] else np.nan
        pixels = images.values[g, :, v, r]
        np.testing.assert_allclose(pixels[:10], [nic[k] for k in range(1, 11)], rtol=1e-6)
        joint = [share(trees, *parse(label)) for label in family("base").label[10:]]
        np.testing.assert_array_equal(pixels[10:], joint)


def test_rop_images__combinations_and_distinct_are_parts_of_all(forest, everything):
    places = {label: k for k, label in enumerate(family("all").label)}
    for name in ("combinations", "distinct"):
        rows = [places[label] for label in family(name).label]
        images = rop_images(forest, family=name).image.values
        np.testing.assert_array_equal(images, everything[:, rows])


def test_rop_images__510_functions_hold_all_there_is(forest, everything):
    """Every informative combination equals its representative; the others say nothing."""
    pairs = combinations()
    distinct = rop_images(forest, family="distinct").image.values
    representative = {
        pairs[parse(label)]: k for k, label in enumerate(family("distinct").label)
    }  # fmt: skip
    kinds = np.array([kind(*pairs[parse(label)]) for label in family("all").label])
    gathered = [
        representative[pairs[parse(label)]]
        for label, of in zip(family("all").label, kinds, strict=True)
        if of == "informative"
    ]
    np.testing.assert_array_equal(everything[:, kinds == "informative"], distinct[:, gathered])
    for value in (0, 1):
        constant = everything[:, kinds == f"always {value}"]
        assert (constant[~np.isnan(constant)] == value).all()
        assert (constant == value).any()
    assert np.isnan(everything[:, kinds == "always undefined"]).all()


def test_rop_images__undefined_is_nan_never_0(forest):
    """Gene 0 has no perfect tree: only what needs none is defined."""
    images = rop_images(forest, family="base").image.values[0]
    assert (images[0] == 0).all()
    assert np.isnan(images[1:]).all()


@FAMILIES
def test_rop_images__is_lazy(forest, name):
    images = rop_images(refusing(forest), family=name)
    assert isinstance(images.image.data, da.Array)
    assert images.image.dims == ("gene", "combination", "tree_size", "weight_range")
    assert images.image.shape == (7, len(family(name)), 2, 2)
    assert images.image.dtype == np.float32
    assert images.combination.values.tolist() == list(family(name).label)
    assert images.colour.values.tolist() == list(family(name).colour)
    with pytest.raises(AssertionError, match="computed"), dask.config.set(scheduler="sync"):
        images.image[0, 0].compute()


@settings(max_examples=15, deadline=None)
@given(
    draw=st.integers(1, 40), gene=st.integers(1, 7), scheduler=st.sampled_from(["sync", "threads"])
)
def test_rop_images__does_not_depend_on_the_chunks(forest, draw, gene, scheduler):
    whole = rop_images(forest, family="distinct")
    with dask.config.set(scheduler=scheduler):
        chunked = rop_images(forest.chunk(draw=draw, gene=gene, tree_size=1), family="distinct")
        xr.testing.assert_identical(chunked.compute(), whole.compute())


def test_rop_images__some_genes(forest):
    part = rop_images(forest, family="distinct", genes=["g5", "g1"])
    whole = rop_images(forest, family="distinct").sel(gene=["g5", "g1"])
    xr.testing.assert_identical(part.compute(), whole.compute())


def test_rop_images__errors(forest):
    with pytest.raises(InputError, match="unknown family"):
        rop_images(forest, family="every")
    with pytest.raises(InputError, match="a forest is needed"):
        rop_images(forest.drop_vars("signature"))


@pytest.mark.parametrize("count", [count_signatures, observation_images])
def test_images__refuse_more_trees_than_can_be_counted(forest, count):
    """Those of a forest that was put together by hand."""
    many = forest.isel(gene=[0], tree_size=[0], weight_range=[0], tree=[0], draw=[0] * 65_536)
    with pytest.raises(InputError, match=r"has 65,536 trees of each .* counts hold 65,535; take"):
        count(many)
