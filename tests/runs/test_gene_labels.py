"""Labels of genes against tests, clusters and tables made one by one."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.nic import rop_images
from deepnic.rop import grow_forest
from deepnic.runs.gene_labels import (
    cluster_labels,
    replication_labels,
    table_labels,
)

N, G = 60, 40
GENES = ["MYC", "TP53", "ACTB", "HLA-A"]


def made(expression, state, hidden):
    """A cohort, and a forest grown on what is not hidden; it is never computed."""
    label = np.where(np.asarray(state) < 0, "", np.asarray(state).astype(str))
    observations = [f"o{k}" for k in range(len(expression))]
    genes = [f"g{k}" for k in range(expression.shape[1])]
    cohort = make_cohort(expression, label, genes, observations)
    return cohort, grow_forest(hide_labels(cohort, hidden), n_trees=1, tree_sizes=[2])


@pytest.fixture(scope="module")
def halves():
    """60 observations x 40 genes, of which 15 differ; every third held out, 4 of unknown state."""
    rng = np.random.default_rng(1)
    state = rng.permutation(np.arange(N) % 2)
    state[[5, 6, 50, 51]] = -1
    expression = rng.normal(size=(N, G)) * rng.uniform(0.5, 3, G)
    expression[:, :15] += np.linspace(0.3, 3, 15) * (state == 1)[:, None]
    return made(expression, state, np.arange(N) % 3 == 0)


def parts(cohort, forest):
    """Which observations are of the first half, of the other, and of neither."""
    unknown = cohort.state.values < 0
    first = forest.state.values >= 0
    return first, ~first & ~unknown, unknown


def with_other_values(cohort, rows):
    expression = cohort.expression.values.copy()
    expression[rows] = np.random.default_rng(9).normal(size=expression[rows].shape)
    return cohort.assign(expression=cohort.expression.copy(data=expression))


def test_replication_labels__are_welch_tests_under_control_of_the_other_half(halves):
    cohort, forest = halves
    labels = replication_labels(cohort, forest, fdr=0.1)
    x, y = cohort.expression.values.astype(float), cohort.state.values
    first, other, _ = parts(cohort, forest)
    tests = [
        stats.ttest_ind(x[half & (y == 1), k], x[half & (y == 0), k], equal_var=False)
        for half in (first, other)
        for k in range(G)
    ]
    p = np.array([test.pvalue for test in tests[G:]])
    np.testing.assert_allclose(labels.facts.first_half_t, [abs(t.statistic) for t in tests[:G]])
    np.testing.assert_allclose(labels.facts.other_half_p, p)
    order = np.argsort(p)  # step up: the last under the line, and all before it
    line = np.arange(1, G + 1) / G
    under = np.flatnonzero(p[order] <= 0.1 * line)
    expected = np.isin(np.arange(G), order[: under.max() + 1])
    assert labels.state.tolist() == expected.tolist()
    assert 0 < expected.sum() < (p <= 0.1).sum()  # the control makes a difference
    q = [min((p[order] / line)[k:]) for k in range(G)]
    np.testing.assert_allclose(labels.facts.other_half_q.iloc[order], q)
    assert labels.classes == ("not replicating", "replicating")
    assert labels.facts.index.tolist() == forest.gene.values.tolist()


def test_replication_labels__reads_only_the_other_half(halves):
    cohort, forest = halves
    first, _, unknown = parts(cohort, forest)
    before = replication_labels(cohort, forest)
    after = replication_labels(with_other_values(cohort, first), forest)
    np.testing.assert_array_equal(after.state, before.state)
    tested = ["other_half_p", "other_half_q"]
    pd.testing.assert_frame_equal(after.facts[tested], before.facts[tested], check_exact=True)
    assert (after.facts.first_half_t != before.facts.first_half_t).all()
    same = replication_labels(with_other_values(cohort, unknown), forest)
    pd.testing.assert_frame_equal(same.facts, before.facts, check_exact=True)


def test_replication_labels__ranks_by_the_first_half_only(halves):
    cohort, forest = halves
    _, other, _ = parts(cohort, forest)
    x, y = cohort.expression.values.copy(), cohort.state.values
    x[other] += 20 * (y[other, None] == 1) * (np.arange(G) >= 30)
    before = replication_labels(cohort, forest)
    after = replication_labels(cohort.assign(expression=cohort.expression.copy(data=x)), forest)
    np.testing.assert_array_equal(after.facts.first_half_t, before.facts.first_half_t)
    assert after.state[30:].all()
    assert not before.state[30:].all()


def test_replication_labels__constant_genes_tell_nothing_and_perfect_ones_all():
    """0.1 is no sum of powers of 2: a mean of it rounds, and its spread must be 0 all the same."""
    state = np.arange(20) % 2
    x = np.random.default_rng(2).normal(size=(20, 5))
    x[:, 0] = 0.1
    x[:, 1] = np.where(state == 1, 0.1, 0.7)
    x[state == 0, 2] = 0.1  # constant in one class only: an ordinary test
    cohort, forest = made(x, state, np.arange(20) < 9)
    labels = replication_labels(cohort, forest)
    t, p, q = labels.facts.to_numpy().T
    assert (t[0], p[0], q[0]) == (0, 1, 1)
    assert (t[1], p[1], q[1]) == (np.finfo(np.float32).max, 0, 0)
    assert labels.state[:2].tolist() == [0, 1]
    group = x[9:][state[9:] == 1, 2]
    expected = (group.mean() - 0.1) / np.sqrt(group.var(ddof=1) / len(group))
    np.testing.assert_allclose(t[2], abs(expected), rtol=1e-5)
    assert np.isfinite(t).all()
    assert t.argmax() == 1


def test_replication_labels__takes_the_forests_genes_and_order(halves):
    cohort, forest = halves
    whole = replication_labels(cohort, forest)
    shuffled = cohort.isel(
        gene=np.random.default_rng(3).permutation(G), observation=slice(None, None, -1)
    )
    pd.testing.assert_frame_equal(replication_labels(shuffled, forest).facts, whole.facts)
    places = [38, int(whole.facts.other_half_p.argmin()), 3]
    some = replication_labels(cohort, forest.isel(gene=places))
    assert some.facts.index.tolist() == [f"g{k}" for k in places]
    np.testing.assert_array_equal(some.facts.other_half_p, whole.facts.other_half_p.iloc[places])


def changed(cohort, forest, what):
    """One rule broken."""
    state = cohort.state.values.copy()
    match what:
        case "all":
            return cohort, forest.assign(state=cohort.state)
        case "gene":
            return cohort.isel(gene=slice(2, None)), forest
        case "fewer":
            return cohort.isel(observation=slice(1, None)), forest
        case "more":
            return cohort, forest.isel(observation=slice(0, -1))
        case "state":
            state[[1, 2]] = 1 - state[[1, 2]]
        case "first":
            grown = np.where((forest.state.values == 0) & (np.arange(N) > 4), -1, forest.state)
            return cohort, forest.assign(state=forest.state.copy(data=grown.astype("int8")))
        case "other":
            state[(forest.state.values < 0) & (state == 1) & (np.arange(N) > 9)] = -1
    return cohort.assign(state=cohort.state.copy(data=state)), forest


@pytest.mark.parametrize(
    ("what", "fact"),
    [
        ("all", "grown on all observations of known state.*--hold-out 0.5"),
        ("gene", r"^2 gene ids are in only one of forest and cohort; give"),
        ("fewer", r"^1 observation ids are in only one of forest and cohort; give"),
        ("more", r"^1 observation ids are in only one of forest and cohort; give"),
        ("state", r"^2 observations have another state in the forest .* .first: number 2.; read"),
        ("first", r"^[01] observations of the first half have state 0,.*another --hold-out"),
        ("other", r"^[01] observations of the other half have state 1,.*another --hold-out"),
    ],
)
def test_replication_labels__rejects_what_does_not_belong_together(halves, what, fact):
    with pytest.raises(InputError, match=fact):
        replication_labels(*changed(*halves, what))


@pytest.mark.parametrize("fdr", [0, 1, -0.1, np.nan])
def test_replication_labels__rejects_an_fdr_out_of_range(halves, fdr):
    with pytest.raises(InputError, match=r"must lie between 0 and 1; 0.05 is usual"):
        replication_labels(*halves, fdr=fdr)


def test_replication_labels__rejects_labels_of_one_class(halves):
    with pytest.raises(InputError, match=r"^0 of 40 genes replicate at fdr=1e-20.*; raise it"):
        replication_labels(*halves, fdr=1e-20)
    cohort, forest = halves
    with pytest.raises(InputError, match=r"^2 of 2 genes replicate at fdr=0.9.*; lower it"):
        replication_labels(cohort, forest.isel(gene=[13, 14]), fdr=0.9)


@pytest.fixture(scope="module")
def signatures() -> xr.Dataset:
    """A forest of 12 genes whose trees are made up: 3 kinds of genes, the last the most."""
    cohort = make_cohort(
        np.random.default_rng(4).normal(size=(8, 12)),
        list("nynynyny"),
        [f"g{k}" for k in range(12)],
        [f"o{k}" for k in range(8)],
    )
    forest = grow_forest(cohort, n_trees=20, weight_ranges=[3], tree_sizes=[2, 3]).compute()
    kind = np.array([0, 1, 1, 2, 0, 2, 2, 1, 2, 0, 2, 2])
    rng = np.random.default_rng(5)
    own = rng.random(forest.signature.shape) < 0.9  # the others are not perfect
    signature = np.array([10, 20, 36])[kind] * own
    return forest.assign(signature=forest.signature.copy(data=signature.astype(np.uint8)))


def test_cluster_labels__finds_the_kinds_largest_first(signatures):
    """Kind 2 has six genes; 0 and 1 have three each, of which 0 comes first."""
    for seed in range(20):
        labels = cluster_labels(signatures, n_clusters=3, seed=seed)
        assert labels.state.tolist() == [1, 2, 2, 0, 1, 0, 0, 2, 0, 1, 0, 0]
    assert labels.classes == ("cluster 1", "cluster 2", "cluster 3")
    assert labels.facts is None


def test_cluster_labels__puts_each_image_nearest_to_its_own_mean():
    """Noise, where little decides; genes are without a perfect tree under some conditions."""
    rng = np.random.default_rng(6)
    cohort = make_cohort(
        rng.normal(size=(8, 80)), list("nynynyny"), [f"g{k}" for k in range(80)], list("abcdefgh")
    )
    forest = grow_forest(cohort, n_trees=12, weight_ranges=[3, 4], tree_sizes=[2]).compute()
    shape = forest.signature.shape
    signature = rng.integers(1, 37, shape) * (rng.random(shape) < rng.random((2, 1, 80)) ** 2)
    forest = forest.assign(signature=forest.signature.copy(data=signature.astype(np.uint8)))
    images = rop_images(forest, family="base").image.values.reshape(80, -1)
    assert np.isnan(images).any(axis=1).sum() > 10
    pixels = np.where(np.isnan(images), 0, images).astype(float)
    state = cluster_labels(forest, n_clusters=4).state
    means = np.stack([pixels[state == k].mean(axis=0) for k in range(4)])
    distance = np.linalg.norm(pixels[:, None] - means, axis=2)
    np.testing.assert_array_equal(distance.argmin(axis=1), state)


def test_cluster_labels__does_not_depend_on_the_chunks(signatures):
    expected = cluster_labels(signatures, n_clusters=4).state
    chunked = cluster_labels(signatures.chunk(draw=3, gene=5), n_clusters=4).state
    np.testing.assert_array_equal(chunked, expected)


def test_cluster_labels__takes_as_many_clusters_as_images(signatures):
    images = np.nan_to_num(rop_images(signatures, family="base").image.values)
    n = len(np.unique(images, axis=0))
    assert len(set(cluster_labels(signatures, n_clusters=n).state)) == n
    for n_clusters in (1, n + 1):
        with pytest.raises(InputError, match=f"^{n_clusters} clusters .* of {n} different images"):
            cluster_labels(signatures, n_clusters=n_clusters)
    twins = signatures.assign(
        signature=signatures.signature.isel(gene=[0, 0, 1, 1] * 3).drop_vars("gene")
    )
    with pytest.raises(InputError, match=r"^3 clusters were asked of 2 different images"):
        cluster_labels(twins, n_clusters=3)


def write(folder, text):
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "gene,label\nTP53,b\nMYC,B\nHLA-A,b\n",
        "gene;label\nTP53;b\nMYC; B \n\nHLA-A;b\n",
        '"gene"\t"label"\n"TP53"\t"b"\n"MYC"\t"B"\n"HLA-A"\t"b"\n"ACTB"\t""\n',
        "gene,label\nACTB,NA\nHLA-A,b\nMYC,B\nTP53,b\n",
        "gene,label,note\nTP53,b,1\nMYC,B,x\nHLA-A,b,\n",
        '"","gene","label"\n"1","TP53","b"\n"2","MYC","B"\n"3","HLA-A","b"\n',
        ",label\nTP53,b\nMYC,B\nHLA-A,b\n",
        "\ufeffgene,label\nTP53,b\nMYC,B\nHLA-A,b\n",
    ],
)
def test_table_labels__reads_what_is_usual(tmp_path, text):
    labels = table_labels(write(tmp_path, text), GENES)
    assert labels.state.tolist() == [0, 1, -1, 1]
    assert labels.classes == ("B", "b")
    assert labels.facts is None


def test_table_labels__keeps_numbers_as_written(tmp_path):
    labels = table_labels(write(tmp_path, "id,label\n007,10\n8,9\n1.50,10\n"), ["007", "1.50", "8"])
    assert labels.classes == ("10", "9")
    assert labels.state.tolist() == [0, 0, 1]


def test_table_labels__takes_more_classes_than_int8_holds(tmp_path):
    genes = [f"g{k:03}" for k in range(300)]
    text = "gene,label\n" + "".join(f"{gene},class {gene}\n" for gene in genes)
    assert table_labels(write(tmp_path, text), genes).state.tolist() == list(range(300))


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "labels.csv is empty; save"),
        ("gene,label\n", "labels.csv has no row below the header"),
        ("gene\nTP53\n", "labels.csv has one column only; separate"),
        ("gene,label\nTP53,a\nMYC,b\nTP53,a\n", "^1 genes occur more than once .* row 3.; give"),
        (
            "gene,label\nMYC,a\nP,a\nQ,b\nR,a\nS,a\n",
            r"^4 rows .* genes that the forest lacks .first: row 2.; drop",
        ),
        (
            "gene,label\nX,a\nMYC,b\n",
            r"^1 rows .* that the forest lacks .first: row 1.; drop",
        ),
        ("gene,label\nTP53,a\nMYC,a\n", r"^labels.csv holds 1 different labels .a.; at least 2"),
        ("gene,label\nTP53,\nMYC,\n", r"^labels.csv holds 0 different labels .none.; at least 2"),
    ],
)
def test_table_labels__rejects_what_is_no_table_of_labels(tmp_path, text, fact):
    with pytest.raises(InputError, match=fact):
        table_labels(write(tmp_path, text), GENES)


def test_table_labels__rejects_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*none.csv; check the path"):
        table_labels(tmp_path / "none.csv", GENES)
