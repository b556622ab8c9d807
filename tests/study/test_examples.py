import numpy as np
import pytest
import xarray as xr

from deepnic.assembly import assemble
from deepnic.nic import family, rop_images
from deepnic.nic.families import COLOURS
from deepnic.pixels import filter_pixels
from deepnic.study import StudySettings
from deepnic.study.examples import example_images
from deepnic.study.fold import run_fold
from tests.study.conftest import TINY

PATHS = ("snail", "pacman")


@pytest.fixture(scope="module")
def fold(cohort):
    return run_fold(
        cohort, np.arange(100) % 4 == 3, StudySettings(**TINY | {"n_trees": 12, "subsample": 0.6})
    )


@pytest.fixture(scope="module")
def examples(fold):
    return example_images(fold, PATHS, seed=0)


def test_example_images__first_test_observation_under_each_path(fold, examples):
    for path in PATHS:
        expected = assemble(fold.table, path=path)["image"].sel(item="p3").values
        np.testing.assert_array_equal(examples["observation_image"].sel(path=path), expected)
    assert (examples.attrs["state"], examples.attrs["label"]) == (1, "sick")


def test_example_images__tiles_of_the_most_relevant_gene(fold, examples):
    gene = fold.table["gene"].values[0]
    assert examples.attrs["gene"] == gene
    base = rop_images(fold.forest, family="base", genes=[gene])["image"].isel(gene=0)
    np.testing.assert_array_equal(examples["tile"], base)
    assert examples["tile"].dims == ("combination", "tree_size", "weight_range")
    assert examples["tile"].coords["combination"].values.tolist() == list(family("base").label)


@pytest.mark.parametrize("path", PATHS)
def test_example_images__gene_cells_and_their_colours(fold, examples, path):
    """Each cell shows a pixel of the gene, in the colour of the pixel's combination."""
    genes = filter_pixels(rop_images(fold.forest, family="distinct"), fdr=None, k=10_000)
    mine = genes["value"].sel(item=examples.attrs["gene"]).values
    colours = dict(zip(family("distinct").label, family("distinct").colour, strict=True))
    image = examples["gene_image"].sel(path=path).values
    code = examples["gene_colour"].sel(path=path).values
    index = assemble(genes, path=path)["index"].values
    assert (code[index < 0] == -1).all()
    assert np.isnan(image[index < 0]).all()
    for cell in zip(*np.nonzero(index >= 0), strict=True):
        pixel = index[cell]
        np.testing.assert_equal(image[cell], mine[pixel])
        assert COLOURS[code[cell]] == colours[genes["combination"].values[pixel]]
    assert len(np.unique(code[code >= 0])) > 1


def test_example_images__as_the_study_stores_them(folder):
    stored = xr.open_zarr(folder / "examples.zarr", consolidated=False).load()
    dims = {name: stored[name].dims for name in stored.data_vars}
    assert dims == {
        "observation_image": ("path", "row", "column"),
        "gene_image": ("path", "gene_row", "gene_column"),
        "gene_colour": ("path", "gene_row", "gene_column"),
        "tile": ("combination", "tree_size", "weight_range"),
    }
    assert set(stored.attrs) == {"gene", "state", "label"}
    assert set(np.unique(stored["gene_colour"])) <= {-1, 0, 1, 2, 3}
    size = np.isfinite(stored["observation_image"]).sum(dim=("row", "column"))
    assert (size == size[0]).all()  # all paths show the same pixels
