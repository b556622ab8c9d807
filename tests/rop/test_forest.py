"""The forest: every tree grown again alone, and the same bits whoever grows it."""

import hashlib
import subprocess
import sys

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.distributed import Client, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st

from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.rop import grow_forest, grow_tree
from deepnic.rop.draws import draw_trees, n_trees_of_draw
from deepnic.rop.forest import provenance
from deepnic.rop.graph import cut, cut_before, tree_seconds
from deepnic.rop.origin import parameters_of, update
from tests.rop import oracle

SMALL = {"n_trees": 5, "weight_ranges": [3, 4], "tree_sizes": [2, 3], "seed": 8}
ALL = {"n_trees": 100, "weight_ranges": [3, 4, 5], "tree_sizes": [*range(3, 9)], "subsample": 0.8,
       "seed": 0, "n_genes": 400}  # fmt: skip
DESIGNS = pytest.mark.parametrize("design", ["balanced", "stratified"])


def conditions(forest):
    for V in forest.tree_size.values:
        for R in forest.weight_range.values:
            for draw in range(forest.attrs["n_trees"]):
                yield int(V), int(R), draw


def draw_again(forest, V, R, draw):
    """The members and bags of a stored draw, from the forest's attributes alone."""
    given = {name: forest.attrs[name] for name in ("n_genes", "seed", "design", "subsample")}
    state = forest.state.values
    return draw_trees(state, weight_range=R, tree_size=V, draw=draw, **given)


def signature_of(held, n_nodes):
    """1 + 9 sign + 3 cycle + solution, from the criteria that hold."""
    if not held[1]:
        return 0
    sign = 1 if held[3] else 2 if held[4] else 3 if held[6] else 0
    cycle = 2 if held[8] else 1 if held[7] else 0
    solution = 1 if held[9] else 2 if held[10] else 0
    return 1 + 9 * sign + 3 * cycle + solution


@DESIGNS
def test_grow_forest__every_tree_grown_again_alone(cohort, design):
    """From the draw to the stored byte, through the public tree and the oracle's."""
    forest = grow_forest(cohort, design=design, subsample=0.7, **SMALL).compute()
    expression, state = cohort.expression.values.astype(float), cohort.state.values
    perfect = 0
    for V, R, draw in conditions(forest):
        drawn = draw_again(forest, V, R, draw)
        stored = forest.sel(tree_size=V, weight_range=R).isel(draw=draw)
        low, high = -(R // 2), R - 1 - R // 2
        for t, (members, bag) in enumerate(zip(drawn.members, drawn.in_bag, strict=True)):
            X = expression[:, members]
            box = {"weight_min": low, "weight_max": high}
            tree = grow_tree(X[bag], state[bag], rng=int(drawn.keys[t]), **box)
            by_oracle = oracle.grow(
                oracle.fixed(X[bag]),
                state[bag],
                oracle.box([low] * V, [high] * V, [1] * V),
                follow=[node.coef for node in tree.nodes],
            )
            assert (stored.vote[t, bag] == 0).all()
            votes = np.where(tree.predict(X) == 1, 1, -1)
            assert (stored.vote[t, ~bag] == votes[~bag]).all()
            assert (by_oracle.predict(oracle.fixed(X, bag)) == (votes == 1)).all()
            for gene in np.flatnonzero(drawn.gene_tree == t):
                weights = [step.coef[drawn.gene_slot[gene]] for step in by_oracle.steps]
                solutions = [step.solution for step in by_oracle.steps]
                held = oracle.criteria(weights, solutions, by_oracle.n_cycles, by_oracle.perfect)
                assert stored.signature[gene] == signature_of(held, len(weights))
                perfect += held[1]
        assert not stored.vote[len(drawn.members) :].any()  # no such tree
    assert 0 < perfect < forest.signature.size  # both kinds were met


@DESIGNS
def test_grow_forest__hidden_observations_are_voted_on_by_every_tree(cohort, design):
    forest = grow_forest(cohort, design=design, **SMALL).compute()
    hidden = forest.vote.values[..., cohort.state.values == -1]
    for k, (V, R, draw) in enumerate(conditions(forest)):
        T = len(draw_again(forest, V, R, draw).members)
        v, r, d = np.unravel_index(k, hidden.shape[:3])
        assert np.isin(hidden[v, r, d, :T], (-1, 1)).all()


def test_grow_forest__does_not_look_at_hidden_observations(cohort):
    """Their expression may be anything: no signature and no other vote changes."""
    hidden = cohort.state.values == -1
    disturbed = cohort.copy(deep=True)
    disturbed.expression[hidden] = 1e6
    one, other = (grow_forest(c, **SMALL).compute() for c in (cohort, disturbed))
    assert (one.signature == other.signature).all()
    assert (one.vote[..., ~hidden] == other.vote[..., ~hidden]).all()


def test_grow_forest__does_not_know_hidden_labels():
    """Hide a third of the labels, then permute what they were: the same bits."""
    random = np.random.default_rng(2)
    expression, label = random.normal(size=(18, 5)), np.resize(["n", "y"], 18)
    test = np.arange(18) % 3 == 0
    permuted = label.copy()
    permuted[test] = label[test][::-1]
    assert (permuted != label).any()
    forests = []
    for truth in (label, permuted):
        known = make_cohort(expression, truth, list("abcde"), [f"o{k}" for k in range(18)])
        forests.append(grow_forest(hide_labels(known, test), **SMALL).compute())
    one, other = (forest.drop_vars("label") for forest in forests)
    xr.testing.assert_identical(one, other)


def test_grow_forest__lazy_and_described(cohort):
    forest = grow_forest(cohort, **SMALL)
    assert forest.signature.chunks
    assert forest.vote.chunks
    assert forest.signature.dims == ("tree_size", "weight_range", "draw", "gene")
    assert forest.vote.dims == ("tree_size", "weight_range", "draw", "tree", "observation")
    assert forest.attrs["seed"] == 8
    assert len(forest.attrs["input_sha256"]) == 64
    assert forest.vote.attrs["meaning"]


def test_grow_forest__provenance_tells_inputs_apart(cohort):
    def digest(c):
        return grow_forest(c, **SMALL).attrs["input_sha256"]

    changed = cohort.copy(deep=True)
    changed.expression[0, 0] += 1
    renamed = cohort.assign_coords(gene=[f"h{k}" for k in range(11)])
    relabelled = cohort.assign(state=cohort.state.where(cohort.observation != "o0", np.int8(1)))
    assert digest(cohort) == digest(cohort.copy(deep=True))
    assert len({digest(c) for c in (cohort, changed, renamed, relabelled)}) == 4


@pytest.fixture(scope="module")
def whole(cohort):
    """The forest, all draws of a condition in a task, on one thread."""
    with dask.config.set(scheduler="sync"):
        return grow_forest(cohort, **SMALL).compute()


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("blocks", [(2, 6), (1, 6), (1, 2), (1, 1), (5, 4)])
def test_grow_forest__does_not_depend_on_the_tasks(cohort, whole, monkeypatch, blocks, scheduler):
    monkeypatch.setattr("deepnic.rop.graph.cut", lambda *_: blocks)
    forest = grow_forest(cohort, **SMALL)
    assert forest.vote.data.chunksize[2:4] == blocks
    with dask.config.set(scheduler=scheduler):
        xr.testing.assert_identical(forest.compute(), whole)


@pytest.mark.parametrize(
    ("n", "design", "draws", "trees"),
    [
        (20, "balanced", 86, 134),
        (20, "stratified", 10, 400),
        (60, "balanced", 29, 134),
        (60, "stratified", 3, 400),
        (1000, "balanced", 1, 134),
        (1000, "stratified", 1, 80),
    ],
)
def test_cut_before__is_as_it_was(n, design, draws, trees):
    """Lost parts of stores that version 0.1.0 laid out, of 400 genes, come out as they were."""
    assert cut_before(ALL | {"design": design}, n) == (draws, trees)


@given(
    n=st.integers(4, 3000),
    n_genes=st.integers(8, 60_000),
    design=st.sampled_from(["balanced", "stratified"]),
    some=st.lists(st.integers(3, 8), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_cut__whole_draws_where_they_are_short_and_no_tiny_files(n, n_genes, design, some):
    asked = ALL | {"n_genes": n_genes, "design": design, "tree_sizes": some}
    draws, trees = cut(asked, n)
    n_trees = {V: n_trees_of_draw(design, n_genes, V) for V in some}
    tree = {V: tree_seconds(V, 5, n) for V in some}
    dearest = max(some, key=lambda V: n_trees[V] * tree[V])
    if n_trees[dearest] * tree[dearest] > 30:
        assert draws == 1
        assert trees * tree[dearest] <= 30 or trees * n <= 2**15 or trees == 1
        assert trees == max(n_trees.values()) or trees * n > 2**15 - n or trees * tree[dearest] > 15
    else:
        assert trees == max(n_trees.values())
        assert draws == 1 or draws * n_trees[dearest] * tree[dearest] <= 4


@pytest.mark.parametrize(
    ("n", "V", "R", "measured"),
    [
        (20, 3, 4, 9.7e-6), (20, 6, 4, 2.3e-5), (20, 8, 5, 3.8e-4),
        (60, 3, 3, 3.0e-5), (60, 8, 5, 2.7e-3), (100, 5, 4, 2.2e-4), (200, 7, 5, 0.023),
        (500, 3, 3, 3.8e-4), (500, 6, 4, 7.9e-3), (500, 8, 5, 0.29), (1000, 5, 3, 1.6e-3),
        (1000, 8, 5, 0.56),
    ],
)  # fmt: skip
def test_tree_seconds__is_what_was_measured_within_a_factor_of_two(n, V, R, measured):
    assert measured / 2 < tree_seconds(V, R, n) < 2 * measured


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(st.integers(0, 10), min_size=1, max_size=11, unique=True))
def test_grow_forest__some_genes_are_that_part_of_the_whole(cohort, whole, rows):
    genes = [f"g{k}" for k in rows]
    part = grow_forest(cohort, genes=genes, **SMALL).compute()
    assert part.gene.values.tolist() == genes
    assert (part.signature.values == whole.signature.sel(gene=genes).values).all()
    for k, (V, R, draw) in enumerate(conditions(whole)):
        v, r, d = np.unravel_index(k, part.signature.shape[:3])
        trees = np.unique(draw_again(whole, V, R, draw).gene_tree[rows])
        assert (part.vote.values[v, r, d, trees] == whole.vote.values[v, r, d, trees]).all()
        others = np.delete(part.vote.values[v, r, d], trees, axis=0)
        assert not others.any()  # not grown


def test_grow_forest__more_draws_continue_fewer(cohort, whole):
    longer = grow_forest(cohort, **SMALL | {"n_trees": 7}).compute()
    assert (longer.signature[:, :, :5].values == whole.signature.values).all()
    assert (longer.vote[:, :, :5].values == whole.vote.values).all()


def test_grow_forest__a_condition_does_not_depend_on_the_others(cohort, whole):
    alone = grow_forest(cohort, **SMALL | {"tree_sizes": [3], "weight_ranges": [4]}).compute()
    there = whole.sel(tree_size=[3], weight_range=[4])
    assert (alone.signature.values == there.signature.values).all()
    assert (alone.vote.values == there.vote.values[:, :, :, : alone.sizes["tree"]]).all()


@pytest.mark.parametrize("processes", [False, True])
def test_grow_forest__same_bits_on_a_cluster(cohort, whole, processes):
    workers = 1 if processes else 2
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=processes,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster),
    ):
        forest = grow_forest(cohort, **SMALL).compute()
    xr.testing.assert_identical(forest, whole)


def test_grow_forest__subsample_1_has_votes_on_hidden_observations_only(cohort):
    forest = grow_forest(cohort, subsample=1, **SMALL).compute()
    assert not forest.vote.values[..., cohort.state.values >= 0].any()


@DESIGNS
def test_grow_forest__max_bag_is_the_subsample_of_so_many(cohort, design):
    """Of 20 and 12, 0.25 are 5 and 3; and no limit is a limit that no class reaches."""
    even = cohort.isel(
        observation=np.concatenate([np.flatnonzero(cohort.state == k)[:12] for k in (0, 1)])
    )
    few, by_share = (
        grow_forest(even, design=design, **SMALL, **how).compute()
        for how in ({"max_bag": 3}, {"subsample": 0.25})
    )
    assert few.attrs["max_bag"] == 3
    assert (few.signature.values == by_share.signature.values).all()
    assert (few.vote.values == by_share.vote.values).all()
    free, wide = (grow_forest(even, max_bag=most, **SMALL).compute() for most in (None, 12))
    assert "max_bag" not in free.attrs
    assert (free.vote.values == wide.vote.values).all()


def test_grow_forest__says_of_its_origin_whether_bags_have_a_limit(cohort):
    for max_bag in (None, 3):
        forest = grow_forest(cohort, max_bag=max_bag, **SMALL)
        assert parameters_of(forest.attrs["origin"]).get("max_bag") == max_bag
    with pytest.raises(KeyError):
        parameters_of('{"seed": 3}')


def test_cut__as_large_as_bags_with_a_limit_allow():
    """A store of many patients would else be cut into blocks of single trees."""
    many = {"n_genes": 50_000, "tree_sizes": [3, 8], "weight_ranges": [5], "design": "balanced"}
    _, free = cut(many, 10_000)
    _, few = cut(many | {"max_bag": 50}, 10_000)
    assert 1 <= free < few / 10


def test_cut__a_block_holds_its_votes_in_memory():
    cheap = {"n_genes": 100_000, "tree_sizes": [3], "weight_ranges": [3], "design": "balanced"}
    for n, max_bag in ((10_000, 20), (300_000, 5), (100_000_000, 5)):
        draws, trees = cut(cheap | {"max_bag": max_bag}, n)
        assert draws * trees == 1 or draws * trees * n <= 2**26
    draws, _ = cut(cheap | {"n_genes": 3, "max_bag": 2}, 1_000_000)
    assert draws <= 67


def test_grow_forest__the_two_designs_share_the_law_of_a_gene(cohort):
    """A gene's share of perfect trees under both designs, within its sampling error."""
    many = {"n_trees": 300, "weight_ranges": [3], "tree_sizes": [3], "seed": 1}
    share = {
        design: (grow_forest(cohort, design=design, **many).signature > 0).mean("draw").values
        for design in ("balanced", "stratified")
    }
    difference = share["balanced"] - share["stratified"]
    assert np.abs(difference).max() < 4.5 * np.sqrt(2 * 0.25 / 300)
    assert np.ptp(share["balanced"]) > 0.1  # and the genes are told apart


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_trees": 0}, "n_trees must lie in 1..65,535"),
        ({"n_trees": 65_536}, "n_trees must lie in 1..65,535"),
        ({"n_trees": 2.5}, "n_trees takes whole numbers, not 2.5"),
        ({"seed": 1.5}, "seed takes whole numbers, not 1.5"),
        ({"weight_ranges": [3.0]}, "weight_ranges takes whole numbers, not 3.0"),
        ({"weight_ranges": []}, "no condition is left"),
        ({"tree_sizes": []}, "no condition is left"),
        ({"weight_ranges": [1]}, r"weight_ranges must lie in 2\.\.9"),
        ({"weight_ranges": [3, 10]}, r"weight_ranges must lie in 2\.\.9"),
        ({"tree_sizes": [0]}, r"tree_sizes must lie in 1\.\.10"),
        ({"tree_sizes": [11]}, r"tree_sizes must lie in 1\.\.10"),
        ({"subsample": 0}, r"subsample must lie in \(0, 1\]"),
        ({"subsample": 1.1}, r"subsample must lie in \(0, 1\]"),
        ({"subsample": float("nan")}, r"subsample must lie in \(0, 1\]"),
        ({"max_bag": 0}, "max_bag must be at least 1"),
        ({"max_bag": 2.5}, "max_bag takes whole numbers, not 2.5"),
        ({"design": "fair"}, "unknown design 'fair'"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 2**64}, "seed must be"),
        ({"genes": ["g1", "nobody"]}, "no genes .*nobody"),
        ({"genes": []}, "no genes"),
    ],
)
def test_grow_forest__errors(cohort, change, message):
    with pytest.raises(InputError, match=message):
        grow_forest(cohort, **SMALL | change)


def test_grow_forest__rejects_more_genes_in_a_tree_than_exist(cohort):
    with pytest.raises(InputError, match="a tree of 8 genes was asked of a cohort of 5"):
        grow_forest(cohort.isel(gene=slice(5)), **SMALL | {"tree_sizes": [3, 8]})


@pytest.mark.parametrize("label", [0, 1])
def test_grow_forest__rejects_a_class_of_one(cohort, label):
    mine = np.flatnonzero(cohort.state == label)
    alone = cohort.drop_isel(observation=mine[1:])
    with pytest.raises(InputError, match=f"1 observations have state {label}"):
        grow_forest(alone, **SMALL)


def test_grow_forest__rejects_what_is_no_cohort(cohort):
    with pytest.raises(InputError, match="'state'"):
        grow_forest(cohort.drop_vars("state"), **SMALL)


def test_grow_forest__grows_on_two_of_each_class():
    """The smallest cohort: one of each class in bag, one out."""
    cohort = make_cohort([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1], ["g"], list("abcd"))
    forest = grow_forest(cohort, n_trees=6, weight_ranges=[3], tree_sizes=[1]).compute()
    assert (np.abs(forest.vote.values).sum(axis=-1) == 2).all()
    assert set(forest.signature.values.ravel().tolist()) == {18}  # one node, unique, +1


@pytest.mark.parametrize("name", ["numba", "torch", "ray", "dask", "matplotlib"])
def test_import_deepnic__is_quick(name):
    code = f"import sys, deepnic; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_grow_forest__compiles_nothing_before_it_computes(cohort):
    code = "import sys, deepnic.rop; deepnic.rop.grow_forest; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert isinstance(grow_forest(cohort, **SMALL).signature.data, da.Array)


@DESIGNS
def test_grow_forest__same_bits_however_many_trees_are_drawn_together(cohort, monkeypatch, design):
    whole = grow_forest(cohort, design=design, **SMALL).compute()
    for at_once in (1, 3 * cohort.sizes["observation"]):
        monkeypatch.setattr("deepnic.rop.engine.AT_ONCE", at_once)
        xr.testing.assert_identical(grow_forest(cohort, design=design, **SMALL).compute(), whole)


def test_provenance__does_not_depend_on_how_many_bytes_are_read_together(cohort, monkeypatch):
    """Nor on how the table lies in memory: it is of the rows, one after the other."""
    turned = cohort.assign(expression=cohort.expression.copy(data=np.asfortranarray(
        cohort.expression.values)))  # fmt: skip
    rows = cohort.expression.values[cohort.state.values >= 0]
    everything = np.arange(cohort.sizes["gene"])
    expected = hashlib.sha256()
    for part in (cohort.expression.values, cohort.state.values, everything):
        expected.update(part.tobytes())
    for name in ("gene", "observation"):
        expected.update("\n".join(cohort[name].values).encode())
    for at_once in (1, 100, 1 << 24):
        monkeypatch.setattr("deepnic.rop.origin.AT_ONCE", at_once)
        for one in (cohort, turned):
            assert provenance(one, everything, None)["input_sha256"] == expected.hexdigest()
            digest = hashlib.sha256()
            update(digest, one.expression.values, one.state.values >= 0)
            assert digest.hexdigest() == hashlib.sha256(rows.tobytes()).hexdigest()
