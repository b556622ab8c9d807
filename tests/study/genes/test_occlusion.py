"""What a network sees, of counts in which one condition alone knows the truth."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import deepnic
from deepnic.assembly.gene_canvas import pixel_table
from deepnic.nic import count_signatures, family, rop_images
from deepnic.study.genes.fold import GeneFold
from deepnic.study.genes.occlusion import example, occlude

N, TREES = 220, 40


@pytest.fixture(scope="module")
def fold():
    """Genes whose share of perfect trees under V 4, R 3 is their truth, and chance elsewhere."""
    rng = np.random.default_rng(0)
    truth = rng.random(N)
    perfect = rng.binomial(TREES, rng.random((N, 2, 2)))
    perfect[:, 1, 0] = rng.binomial(TREES, truth)
    count = np.zeros((N, 2, 2, 37), np.uint16)
    count[..., 0], count[..., 7] = TREES - perfect, perfect
    item = np.array([f"g{k}" for k in range(N)], object)
    counts = xr.Dataset(
        {"count": (("gene", "tree_size", "weight_range", "signature"), count)},
        coords={"gene": item, "tree_size": [3, 4], "weight_range": [3, 5]},
    )
    part = np.repeat(["training", "validation", "test"], [140, 10, 70])
    return GeneFold(
        item=item,
        truth=truth,
        state=np.where(part == "training", truth > 0.5, -1).astype(np.int8),
        part=part,
        ranked=True,
        directed=False,
        counts=counts,
        statistics=pd.DataFrame({"t": np.where(np.arange(N) == 170, 9.0, 1.0)}),
        pixels=None,
        unfiltered="",
        sample=np.full(N, True),
        epochs=8,
        device="cpu",
    )


def test_occlude__finds_the_condition_that_knows(fold):
    seen = occlude(fold, path="linear", seed=0).set_index(["what", "name"])["drop"]
    conditions = seen["condition"]
    assert conditions.idxmax() == "V 4, R 3"
    assert conditions.max() > 0.4
    assert conditions.drop("V 4, R 3").abs().max() < 0.1
    assert len(seen["combination"]) == 510
    assert sorted(seen["criterion"].index, key=int) == [str(k) for k in range(1, 11)]
    assert seen["criterion"].max() > 0.1


def test_pixel_table__is_of_the_images():
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3, 5], tree_sizes=[3, 4])
    table = pixel_table(count_signatures(forest).compute(), family("distinct"))
    images = rop_images(forest, family="distinct")["image"].compute()
    for pixel in range(0, table.sizes["pixel"], 97):
        one = table.isel(pixel=pixel)
        names = ("combination", "tree_size", "weight_range")
        image = images.sel({name: one[name].item() for name in names})
        np.testing.assert_array_equal(one["value"], image)


def test_example__is_the_test_gene_of_the_largest_t(fold):
    pictures = example(fold, ("linear", "snail"), 0)
    assert pictures.attrs["gene"] == "g170"
    one = pixel_table(fold.counts.isel(gene=[170]), family("distinct"))["value"].values[0]
    for path in ("linear", "snail"):
        image = pictures["gene_image"].sel(path=path).values
        np.testing.assert_array_equal(np.sort(image, axis=None)[: one.size], np.sort(one))
