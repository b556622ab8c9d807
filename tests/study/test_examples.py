import numpy as np
import pytest
import xarray as xr

import deepnic
from deepnic.assembly import assemble
from deepnic.nic import family, rop_images
from deepnic.nic.families import COLOURS
from deepnic.pixels import filter_pixels
from deepnic.study.cohorts import Split
from deepnic.study.examples import example_images
from tests.study.conftest import TINY, make_fold, make_settings

PATHS = ("snail", "pacman")
TEST = np.arange(100) % 5 == 3  # p3 is sick, p8 is not
SETTINGS = make_settings(
    TINY,
    forest={"n_trees": 12, "subsample": 0.6},
    arms={"paths": PATHS, "strengths": ["none", 16, 25]},
)


@pytest.fixture(scope="module")
def folder_of_fold(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fold")
    make_fold(cohort, TEST, SETTINGS, folder)
    return folder


@pytest.fixture(scope="module")
def made(cohort, folder_of_fold):
    """The fold, and the forest of its first pipeline."""
    forest = deepnic.open_forest(folder_of_fold / "part-0" / "forest.zarr").load()
    return make_fold(cohort, TEST, SETTINGS, folder_of_fold), forest


@pytest.fixture(scope="module")
def table(made):
    return made[0].pipelines[0].tables[25]


@pytest.fixture(scope="module")
def examples(made, cohort, folder_of_fold):
    split = Split("made", -1, 0, 0, cohort, TEST)
    return example_images(split, made[0], folder_of_fold, SETTINGS)


def test_example_images__first_test_observation_of_each_class_under_each_path(table, examples):
    for path in PATHS:
        canvas = assemble(table, path=path)
        expected = canvas["image"].sel(item=["p3", "p8"]).values
        of_path = examples.sel(path=path)
        np.testing.assert_array_equal(of_path["observation_image"], expected)
        np.testing.assert_array_equal(of_path["observation_there"], canvas["index"] >= 0)
    assert examples["label"].values.tolist() == ["sick", "healthy"]


def test_example_images__of_no_filter_where_there_is_none(cohort, tmp_path):
    settings = make_settings(TINY, arms={"paths": PATHS, "strengths": ["none"]})
    fold = make_fold(cohort, TEST, settings, tmp_path)
    examples = example_images(Split("made", -1, 0, 0, cohort, TEST), fold, tmp_path, settings)
    assert examples.attrs["gene"] == fold.pipelines[0].tables["none"]["gene"].values[0]


def test_example_images__tiles_of_the_most_relevant_gene(table, made, examples):
    gene = table["gene"].values[0]
    assert examples.attrs["gene"] == gene
    base = rop_images(made[1], family="base", genes=[gene])["image"].isel(gene=0)
    np.testing.assert_array_equal(examples["tile"], base)
    assert examples["tile"].dims == ("combination", "tree_size", "weight_range")
    assert examples["tile"].coords["combination"].values.tolist() == list(family("base").label)


@pytest.mark.parametrize("path", PATHS)
def test_example_images__gene_cells_and_their_colours(made, examples, path):
    """Each cell shows a pixel of the gene, in the colour of the pixel's combination."""
    genes = filter_pixels(rop_images(made[1], family="distinct"), fdr=None, k=10_000)
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


@pytest.mark.slow  # a study of every arm, which other slow tests share
def test_example_images__as_the_study_stores_them(folder):
    stored = xr.open_zarr(folder / "examples" / "made.zarr", consolidated=False).load()
    dims = {name: stored[name].dims for name in stored.data_vars}
    assert dims == {
        "observation_image": ("shown", "path", "row", "column"),
        "observation_there": ("path", "row", "column"),
        "gene_image": ("path", "gene_row", "gene_column"),
        "gene_colour": ("path", "gene_row", "gene_column"),
        "tile": ("combination", "tree_size", "weight_range"),
    }
    assert set(stored.attrs) == {"gene"}
    assert set(np.unique(stored["gene_colour"])) <= {-1, 0, 1, 2, 3}
    size = np.isfinite(stored["observation_image"]).sum(dim=("row", "column"))
    assert (size == size.isel(path=0)).all()  # all paths show the same pixels
