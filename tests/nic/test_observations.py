"""ROP-images of observations against the votes, tree by tree."""

import tracemalloc
from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.errors import InputError
from deepnic.nic import family, forest_vote, observation_images, observations
from deepnic.rop import grow_forest
from deepnic.rop.draws import draw_trees, gene_trees
from tests.nic.algebra import combinations, kind, parse
from tests.nic.test_genes import refusing
from tests.rop.oracle import events_of_signature


def draws_of(forest, v, r):
    """The draws of a condition, from the forest's attributes."""
    attrs = {name: forest.attrs[name] for name in ("n_genes", "seed", "design", "subsample")}
    V, R = int(forest.tree_size[v]), int(forest.weight_range[r])
    for d in range(forest.attrs["n_trees"]):
        yield draw_trees(forest.state.values, tree_size=V, weight_range=R, draw=d, **attrs)


def votes_and_criteria(forest, v, r):
    """Vote of each gene's tree on each observation (draw, gene, i), and the criteria it holds."""
    vote = forest.vote.values[v, r]
    votes = np.stack([vote[d, draw.gene_tree] for d, draw in enumerate(draws_of(forest, v, r))])
    held = [[events_of_signature(int(s)) for s in row] for row in forest.signature.values[v, r]]
    return votes, held


def by_hand(forest, labels):
    """Images (observation, gene, label, V, R)."""
    images = np.full((9, 7, len(labels), 2, 2), np.nan, np.float32)
    for v, r in np.ndindex(2, 2):
        votes, held = votes_and_criteria(forest, v, r)
        for c, label in enumerate(labels):
            A, B = parse(label)
            above = np.array([[of >= A | B for of in row] for row in held])[..., None]
            below = np.array([[of >= B for of in row] for row in held])[..., None]
            sums = (votes * above).sum(axis=0).astype(np.float32)  # (gene, i)
            counts = ((votes != 0) & below).sum(axis=0).astype(np.float32)
            defined = counts > 0
            images.transpose(3, 4, 2, 1, 0)[v, r, c][defined] = sums[defined] / counts[defined]
    return images


def test_observation_images__is_the_signed_share_of_out_of_bag_votes(forest):
    images = observation_images(forest)
    assert images.image.shape == (9, 7, 565, 2, 2)
    np.testing.assert_array_equal(images.image.values, by_hand(forest, images.combination.values))


@pytest.fixture(scope="module")
def everything(forest):
    """The 59,049 combinations of one gene: (observation, combination, V, R)."""
    return observation_images(forest, family="all", genes=["g2"]).image.values[:, 0]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_observation_images__any_combination(forest, everything, seed):
    labels = family("all").label
    rows = np.random.default_rng(seed).choice(len(labels), 20, replace=False)
    expected = by_hand(forest, [labels[k] for k in rows])[:, 2]
    np.testing.assert_array_equal(everything[:, rows], expected)


def test_observation_images__base_shows_the_criteria_themselves(forest):
    images = observation_images(forest, family="base").image.values
    np.testing.assert_array_equal(images, by_hand(forest, family("base").label))


def test_observation_images__565_functions_hold_all_there_is(forest, everything):
    """One gene's 59,049 combinations: each equals its representative, 0 or undefined."""
    pairs = combinations()
    labels = family("distinct", of="observation").label
    distinct = observation_images(forest, genes=["g2"]).image.values[:, 0]
    representative = {pairs[parse(label)]: k for k, label in enumerate(labels)}
    every_pair = [pairs[parse(label)] for label in family("all").label]
    rows = [k for k, pair in enumerate(every_pair) if pair in representative]
    gathered = [representative[every_pair[k]] for k in rows]
    assert len(rows) == 5_716 + 1_169
    np.testing.assert_array_equal(everything[:, rows], distinct[:, gathered])
    kinds = np.array([kind(*pair) for pair in every_pair])
    zero = everything[:, kinds == "always 0"]
    assert (zero[~np.isnan(zero)] == 0).all()
    assert np.isnan(everything[:, kinds == "always undefined"]).all()


def test_vote__nothing_is_stored_of_in_bag_trees(forest):
    for v, r in np.ndindex(2, 2):
        for d, draw in enumerate(draws_of(forest, v, r)):
            stored = forest.vote.values[v, r, d, : len(draw.in_bag)]
            assert ((stored == 0) == draw.in_bag).all()


def test_observation_images__does_not_depend_on_in_bag_labels_of_the_observation(forest):
    """Only out-of-bag trees count: without its out-of-bag votes an observation has no image."""
    blank = forest.vote.where(forest.observation != "o1", np.int8(0))
    images = observation_images(forest.assign(vote=blank.astype(np.int8))).image
    assert np.isnan(images.sel(observation="o1").values).all()
    others = [o for o in forest.observation.values if o != "o1"]
    kept = observation_images(forest).image.sel(observation=others)
    np.testing.assert_array_equal(images.sel(observation=others).values, kept.values)


def test_observation_images__in_bag_votes_cannot_be_asked_for(cohort):
    whole = grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[2], subsample=1)
    with pytest.raises(InputError, match="in-bag votes are the label itself"):
        observation_images(whole)


def test_observation_images__subsample_1_leaves_out_as_max_bag_says(cohort):
    how = {"n_trees": 12, "weight_ranges": [3], "tree_sizes": [2], "subsample": 1}
    cohort = cohort.drop_sel(observation="o1")
    smaller, larger = sorted(int((cohort.state == label).sum()) for label in (0, 1))
    assert smaller < larger
    images = observation_images(grow_forest(cohort, max_bag=smaller - 1, **how)).image.values
    known = cohort.state.values >= 0
    assert (~np.isnan(images[known])).any(axis=(1, 2, 3, 4)).all()
    for max_bag in (smaller, larger):  # of a class all are in every bag
        with pytest.raises(InputError, match="in-bag votes are the label itself"):
            observation_images(grow_forest(cohort, max_bag=max_bag, **how))


def test_observation_images__errors(forest):
    with pytest.raises(InputError, match="unknown family"):
        observation_images(forest, family="every")
    with pytest.raises(InputError, match="'vote'"):
        observation_images(forest.drop_vars("vote"))


def test_observation_images__is_lazy(forest):
    images = observation_images(refusing(forest))
    assert isinstance(images.image.data, da.Array)
    assert images.image.dims == (
        "observation", "gene", "combination", "tree_size", "weight_range",
    )  # fmt: skip
    assert images.image.dtype == np.float32
    assert images.state.values.tolist() == forest.state.values.tolist()
    with pytest.raises(AssertionError, match="computed"), dask.config.set(scheduler="sync"):
        images.image[0, 0, 0].compute()


@settings(max_examples=12, deadline=None)
@given(
    draw=st.integers(1, 40),
    gene=st.integers(1, 7),
    genes_of_block=st.integers(1, 7),
    scheduler=st.sampled_from(["sync", "threads"]),
)
def test_observation_images__does_not_depend_on_the_chunks(
    forest, draw, gene, genes_of_block, scheduler
):
    whole = observation_images(forest, family="base")
    with dask.config.set(scheduler=scheduler), pytest.MonkeyPatch.context() as patch:
        patch.setattr(observations, "BLOCK_BYTES", genes_of_block * 4 * 30 * 9)
        chunked = observation_images(forest.chunk(draw=draw, gene=gene, tree=2), family="base")
        assert chunked.image.chunks[1][0] == genes_of_block
        xr.testing.assert_identical(chunked.compute(), whole.compute())


def test_observation_images__reads_and_draws_once_however_many_blocks(forest, monkeypatch):
    """One walk over the store, and a graph that grows by a few tasks a block."""
    monkeypatch.setattr(observations, "BLOCK_BYTES", 1)  # a gene a block
    whole = observation_images(forest).image.values
    met = {"signature": Counter(), "vote": Counter(), "trees": Counter()}

    def noting(block, name, block_info):
        met[name][block_info[0]["chunk-location"]] += 1
        return block

    def drawing(*args, **kwargs):
        met["trees"][kwargs["weight_range"], kwargs["tree_size"], kwargs["draw"]] += 1
        return gene_trees(*args, **kwargs)

    monkeypatch.setattr(observations, "gene_trees", drawing)
    lazy = forest.chunk(draw=1, tree_size=1, weight_range=1)
    noted = {
        name: lazy[name].copy(
            data=lazy[name].data.map_blocks(noting, name, meta=lazy[name].data._meta)
        )
        for name in ("signature", "vote")
    }
    images = observation_images(lazy.assign(noted)).image
    assert images.data.numblocks == (1, 7, 1, 2, 2)
    np.testing.assert_array_equal(images.values, whole)
    for times in met.values():
        assert len(times) == 2 * 2 * 40
        assert set(times.values()) == {1}


@pytest.mark.parametrize("at_most", [1, 9 * 40 * 3])
@pytest.mark.parametrize("chunks", [{"draw": 1}, {"draw": 7, "tree": 2}, {"draw": 40, "tree": 1}])
def test_observation_images__are_the_same_by_parts_of_the_genes(
    forest, monkeypatch, at_most, chunks
):
    whole, votes = observation_images(forest).compute(), forest_vote(forest)
    gathered = []

    def noting(vote, tree, genes):
        gathered.append(genes.stop - genes.start)
        return gather(vote, tree, genes)

    gather = observations._gather
    monkeypatch.setattr(observations, "_gather", noting)
    monkeypatch.setattr(observations, "VOTES_BYTES", at_most)
    monkeypatch.setattr(observations, "BLOCK_BYTES", 2 * 4 * 565 * 9)  # two genes a block
    lazy = forest.chunk(chunks)
    xr.testing.assert_identical(observation_images(lazy).compute(), whole)
    assert max(gathered) == max(at_most // (9 * 40), 1)
    assert sum(gathered) == 7 * 2 * 2
    np.testing.assert_array_equal(forest_vote(lazy), votes)


def test_gather__holds_a_block_and_what_it_gathers():
    """Of 30 MB of votes, and Dask keeps no block for another part of the genes."""
    block = np.random.default_rng(0).integers(-1, 2, (1, 2000, 500)).astype(np.int8)
    vote = da.map_blocks(
        lambda block_info: -block if block_info[None]["chunk-location"][0] % 2 else +block,
        chunks=((1,) * 30, (2000,), (500,)), dtype=np.int8, meta=block,
    )  # fmt: skip
    tree = np.random.default_rng(1).integers(0, 2000, (30, 300)).astype(np.int32)
    observations._gather(vote[:1], tree[:1], slice(1))  # what Dask imports stays
    tracemalloc.start()
    try:
        gathered = observations._gather(vote, tree, slice(100, 150))
        assert tracemalloc.get_traced_memory()[1] < gathered.nbytes + 5 * block.nbytes
    finally:
        tracemalloc.stop()
    expected = [(-1) ** d * block[0, tree[d, 100:150]] for d in range(30)]
    np.testing.assert_array_equal(gathered, expected)


def test_observation_images__of_trees_to_be_grown_grow_them_once(cohort, monkeypatch):
    grown = grow_forest(cohort, n_trees=6, weight_ranges=[3], tree_sizes=[2])
    monkeypatch.setattr(observations, "VOTES_BYTES", 1)
    monkeypatch.setattr(observations, "_gather", None)
    part = observation_images(grown.isel(draw=slice(1, 5)))
    whole = observation_images(grown.compute().isel(draw=slice(1, 5)))
    np.testing.assert_array_equal(part.image.values, whole.image.values)


def test_observation_images__graph_grows_with_chunks_and_blocks_not_with_their_product(
    forest, monkeypatch
):
    monkeypatch.setattr(observations, "BLOCK_BYTES", 1)  # a gene a block
    chunks, blocks = 2 * (2 * 2 * 40), 7 * 2 * 2
    images = observation_images(forest.chunk(draw=1, tree_size=1, weight_range=1))
    assert len(images.image.__dask_graph__()) < 5 * (chunks + blocks)


def test_observation_images__some_genes_in_any_order(forest):
    genes = ["g5", "g1"]
    part = observation_images(forest, genes=genes)
    xr.testing.assert_identical(
        part.compute(), observation_images(forest).sel(gene=genes).compute()
    )


@pytest.mark.parametrize("draws", [[0], [4, 39, 2], range(0, 40, 2)])
def test_observation_images__of_some_draws_hold_their_votes_only(forest, draws):
    silent = forest.vote.where(xr.DataArray(np.isin(range(40), draws), dims="draw"), 0)
    expected = observation_images(forest.assign(vote=silent.astype(np.int8)))
    part = observation_images(forest, draws=draws)
    xr.testing.assert_identical(part.compute(), expected.compute())
    assert not part.image.equals(observation_images(forest).image)


@pytest.mark.parametrize("draws", [[], [40], [-1, 0], [3, 3]])
def test_observation_images__refuses_draws_that_are_not_there(forest, draws):
    with pytest.raises(InputError, match="choose some of the forest's, 0 to 39"):
        observation_images(forest, draws=draws)


def test_observation_images__of_a_forest_of_some_genes(cohort):
    """A forest grown for some genes remembers their place in the draws."""
    options = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [2, 3]}
    whole = observation_images(grow_forest(cohort, **options)).sel(gene=["g6", "g2"])
    part = observation_images(grow_forest(cohort, genes=["g6", "g2"], **options))
    np.testing.assert_array_equal(part.image.values, whole.image.values)


def test_forest_vote__is_the_mean_vote_of_the_perfect_trees(cohort):
    """Each tree counts once, for whichever of its genes it is asked."""
    grown = grow_forest(cohort, n_trees=12, weight_ranges=[3], tree_sizes=[2, 3], seed=1).compute()
    cast = [[] for _ in range(9)]
    for v in range(2):
        for d, draw in enumerate(draws_of(grown, v, 0)):
            for t in np.unique(draw.gene_tree):
                gene = int(np.flatnonzero(draw.gene_tree == t)[0])
                if grown.signature.values[v, 0, d, gene] > 0:
                    for i in np.flatnonzero(~draw.in_bag[t]):
                        cast[i].append(int(grown.vote[v, 0, d, t, i]))
    expected = [np.mean(votes) if votes else 0 for votes in cast]
    np.testing.assert_allclose(forest_vote(grown), expected)


def test_forest_vote__is_0_without_perfect_trees(forest):
    none = forest.assign(signature=xr.zeros_like(forest.signature))
    assert not forest_vote(none).any()
