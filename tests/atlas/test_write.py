"""What an atlas is written from: the list, who is alike, the list of others."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

import deepnic
from deepnic.atlas.genes import most_alike, read_known
from deepnic.atlas.map import place_genes
from deepnic.errors import InputError
from deepnic.explain.criteria import criteria
from deepnic.nic import count_signatures
from tests.cli.made import succeed

GENES = np.array([f"g{k}" for k in range(5)], object)


def made_counts(n, trees, seed=0, conditions=4):
    """Counts of genes whose trees are mostly of few signatures, so that some genes are equal."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(37, 0.02), size=(n, conditions))
    counts = rng.multinomial(trees, share).reshape(n, 2, conditions // 2, 37)
    counts[n // 2] = counts[n - 1]
    return counts.astype(np.uint16)


@pytest.mark.parametrize(("n", "trees"), [(300, 7), (140, 3000), (3, 5)])
def test_most_alike__are_the_nearest_by_distance_then_place(n, trees):
    """3,000 trees make sums that float32 does not hold."""
    counts = made_counts(n, trees)
    blocks = [*most_alike(counts)]
    genes, differing = (np.concatenate(part) for part in zip(*blocks, strict=True))
    rows = counts.reshape(n, -1).astype(float)
    distance, other = cdist(rows, rows, "sqeuclidean"), cdist(rows, rows, "cityblock") / 2
    for k in range(n):
        order = [j for j in np.lexsort([np.arange(n), distance[k]]) if j != k][:8]
        assert genes[k].tolist() == order
        assert differing[k].tolist() == other[k, order].tolist()


def test_criteria__are_means_and_strongest_of_the_images(forest):
    counts = count_signatures(forest)["count"].values
    mean, strongest = criteria(counts)
    images = deepnic.rop_images(forest, family="base").compute()["image"].values[:, :10]
    values = images.reshape(30, 10, 4)
    assert np.allclose(mean, np.nanmean(values, axis=2), rtol=1e-6, atol=0)
    for gene, k in np.ndindex(30, 10):
        at = strongest[gene, k]
        filled = np.nan_to_num(values[gene, k])
        assert at == (filled.argmax() if filled.any() else 255)


def test_place_genes__keeps_apart_what_differs_most():
    """Two kinds of genes; t-SNE of as many as it takes, principal components of few."""
    counts = np.zeros((60, 1, 1, 37), np.uint16)
    rng = np.random.default_rng(0)
    counts[:30, ..., 0], counts[30:, ..., 36] = 20, 20
    counts[..., 5] = rng.integers(0, 4, (60, 1, 1))
    for n, method in ((60, "t-SNE of 30 principal components"), (40, "principal components")):
        some = counts[60 - n :]
        places, how = place_genes(some)
        assert how == method
        assert places.min() == 0
        assert places.max() == 1
        np.testing.assert_allclose(places.min(axis=0) + places.max(axis=0), 1, atol=1e-6)
        kind = some[:, 0, 0, 0] > 0
        distance = cdist(places, places)
        within = distance[kind[:, None] == kind].mean()
        assert distance[kind[:, None] != kind].mean() > 2 * within


def test_place_genes__of_genes_that_are_all_alike():
    places, _ = place_genes(np.ones((4, 1, 1, 37), np.uint16))
    assert (places == 0).all()


def write_list(path, **columns):
    pd.DataFrame({"gene": ["g3", "g1"]} | columns).to_csv(path, index=False)
    return path


def test_read_known__follows_the_genes_of_the_forest(tmp_path):
    path = write_list(tmp_path / "genes.csv", symbol=["C3", "'=C1"], q=[0.5, None], t=[1, 2])
    known = read_known(path, GENES)
    assert known["symbol"].tolist() == ["", "=C1", "", "C3", ""]
    assert [*known] == ["symbol", "q"]
    assert known["q"].notna().tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"gene": ["g3", "g3"]}, "names the gene g3 twice; leave one"),
        ({"gene": ["g3", "other"]}, "lists other, which the store does not have; give the list"),
        ({"direction": ["higher", "up"]}, "has a direction 'up'; it is higher, lower or empty"),
        ({"q": ["low", "high"]}, "q in .* is to hold numbers alone; correct"),
    ],
)
def test_read_known__refuses(tmp_path, columns, sentence):
    with pytest.raises(InputError, match=sentence):
        read_known(write_list(tmp_path / "genes.csv", **columns), GENES)


def test_read_known__refuses_no_list_and_another_table(tmp_path):
    with pytest.raises(InputError, match=r"no list of genes at .*; write one with `deepnic genes`"):
        read_known(tmp_path / "no.csv", GENES)
    (tmp_path / "other.csv").write_text("item,q\na,1\n")
    with pytest.raises(InputError, match="has no column gene; give a list of `deepnic genes`"):
        read_known(tmp_path / "other.csv", GENES)


def test_write_atlas__refuses_a_folder_that_holds_something(forest, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="exists already; choose another path"):
        deepnic.write_atlas(forest, tmp_path)


def test_atlas__of_the_command_line(forest, tmp_path):
    deepnic.write_forest(
        deepnic.grow_forest(
            deepnic.demo_cohort().isel(observation=slice(0, 60)),
            n_trees=2, weight_ranges=[3], tree_sizes=[3],
        ),
        tmp_path / "f.zarr",
    )  # fmt: skip
    succeed("atlas", tmp_path / "f.zarr", "-o", tmp_path / "atlas")
    assert (tmp_path / "atlas" / "index.html").is_file()
    assert '"title": "f"' in (tmp_path / "atlas" / "data" / "chip.js").read_text()
