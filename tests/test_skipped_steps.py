"""A step that was left out, a wrong type or None: every public function answers with a sentence."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import deepnic
from deepnic.assembly import Assembly, fit_assembly, fit_deepinsight, lay
from deepnic.assembly.cross_fitted import join_canvases
from deepnic.explain.null import count_alone, parts_of, stored
from deepnic.nic.observations import forest_vote
from deepnic.pixels import select_pixels
from deepnic.variables import KINDS, MADE_BY

FEW = {"n_trees": 3, "weight_ranges": [3], "tree_sizes": [3]}


@pytest.fixture(scope="module")
def made():
    """A Dataset of each kind, by the functions that `MADE_BY` names."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 40), gene=slice(0, 8))
    forest = deepnic.grow_forest(cohort, **FEW)
    counts = deepnic.count_signatures(forest)
    images = deepnic.observation_images(forest)
    table = deepnic.filter_pixels(images, k=9)
    canvas, state = deepnic.assemble(table), cohort["state"].values
    part = (np.arange(40) % 2).astype(np.int8)
    return {
        "cohort": cohort,
        "forest": forest,
        "counts": counts,
        "null": stored(count_alone(forest, parts_of(8, 0, seed=0)), forest),
        "gene images": deepnic.rop_images(forest, family="base"),
        "observation images": images,
        "table": table,
        "canvas": canvas,
        "cross-fitted canvas": join_canvases([canvas, canvas], part, state),
        "count canvas": deepnic.assemble_counts(counts, family="base"),
    }


OTHERS = {
    "None": None,
    "number": 3,
    "word": "table.zarr",
    "array": np.zeros((4, 4)),
    "list": [[1.0]],
    "DataFrame": pd.DataFrame({"g1": [1.0]}),
    "DataArray": xr.DataArray(np.zeros((2, 3)), dims=("item", "pixel")),
    "empty": xr.Dataset(),
    "foreign": xr.Dataset({"value": (("x", "y"), np.zeros((2, 3)))}),
}
ONE = Assembly(np.int32([[0]]), np.nan, "linear", "relevance", "pixel", 0)
VERBS = {
    "grow_forest": (deepnic.grow_forest, ["cohort"]),
    "hide_labels": (lambda ds: deepnic.hide_labels(ds, []), ["cohort"]),
    "rop_images": (deepnic.rop_images, ["forest"]),
    "observation_images": (deepnic.observation_images, ["forest"]),
    "count_signatures": (deepnic.count_signatures, ["forest"]),
    "forest_vote": (forest_vote, ["forest"]),
    "filter_pixels": (deepnic.filter_pixels, ["gene images", "observation images"]),
    "assemble": (deepnic.assemble, ["table"]),
    "fit_assembly": (fit_assembly, ["table"]),
    "fit_deepinsight": (fit_deepinsight, ["table"]),
    "lay": (lambda ds: lay(ds, ONE), ["table"]),
    "assemble_counts": (deepnic.assemble_counts, ["counts"]),
    "train": (deepnic.train, ["canvas", "count canvas", "cross-fitted canvas"]),
    "write_forest": (lambda ds: deepnic.write_forest(ds, "nowhere"), ["forest"]),
    "write_table": (lambda ds: deepnic.write_table(ds, "nowhere"), ["table"]),
    "run_study": (lambda ds: deepnic.run_study({"mine": ds}, "nowhere"), ["cohort"]),
}


@pytest.mark.parametrize(
    ("verb", "given"),
    [(v, g) for v, (_, kinds) in VERBS.items() for g in [*KINDS, *OTHERS] if g not in kinds],
)
def test_verb__given_what_it_does_not_take(made, verb, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, kinds = VERBS[verb]
    with pytest.raises(deepnic.InputError) as error:
        call((made | OTHERS)[given])
    sentence = str(error.value)
    assert all(MADE_BY[kind] in sentence for kind in kinds), sentence
    if given in KINDS:
        assert f"this is a {given}" in sentence
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", [*KINDS, *OTHERS])
def test_select_pixels__given_what_it_does_not_take(made, given):
    for items, table in ((given, "table"), ("observation images", given)):
        if given not in ("table", "observation images", "gene images"):
            with pytest.raises(deepnic.InputError, match="make"):
                select_pixels((made | OTHERS)[items], (made | OTHERS)[table])


PATHS = {
    "open_forest": deepnic.open_forest,
    "open_table": deepnic.open_table,
    "load_network": deepnic.load_network,
    "write_report": deepnic.write_report,
    "read_cohort": deepnic.read_cohort,
    "write_forest": lambda path: deepnic.write_forest(deepnic.grow_forest(small(), **FEW), path),
    "run_study": lambda path: deepnic.run_study({"mine": small()}, path),
}


def small():
    return deepnic.demo_cohort().isel(observation=slice(0, 40), gene=slice(0, 8))


@pytest.mark.parametrize("verb", PATHS)
@pytest.mark.parametrize("given", [None, 3, 2.5, ["a"], b"\0", "a\0b"])
def test_verb__given_what_is_no_path(verb, given):
    if verb == "read_cohort" and isinstance(given, list):
        pytest.skip("a file of its own")
    with pytest.raises(deepnic.InputError, match=r"path|from a file"):
        PATHS[verb](given)


def test_single_values_and_those_of_numpy__are_taken_where_lists_are_expected(made):
    cohort = made["cohort"]
    plain = deepnic.grow_forest(cohort, **FEW, genes=["mean radius"])
    for one in (3, np.int64(3), np.array([3]), np.array(3), range(3, 4), pd.Series([3]), {3}):
        forest = deepnic.grow_forest(
            cohort, n_trees=np.int64(3), weight_ranges=one, tree_sizes=one,
            subsample=np.float64(0.8), seed=np.uint8(0), genes="mean radius",
        )  # fmt: skip
        xr.testing.assert_identical(forest.compute(), plain.compute())
    for verb in (deepnic.rop_images, deepnic.observation_images):
        for genes in ("mean area", np.str_("mean area"), pd.Index(["mean area"])):
            assert verb(made["forest"], genes=genes).gene.values.tolist() == ["mean area"]
    table = deepnic.filter_pixels(made["observation images"], k=np.int32(9), fdr=np.float32(0.5))
    assert table.sizes["pixel"] == 9
    settings = deepnic.StudySettings.model_validate(
        {"folds": np.int64(3), "forest": {"weight_ranges": 3, "tree_sizes": np.array([3, 4])},
         "arms": {"paths": "snail", "strengths": 16}, "cohorts": {"a": {"file": "a", "drop": "g"}}}
    )  # fmt: skip
    assert (settings.folds, settings.forest.weight_ranges, settings.forest.tree_sizes) == (
        3, (3,), (3, 4)
    )  # fmt: skip
    assert (settings.arms.paths, settings.arms.strengths) == (("snail",), (16,))


@pytest.mark.parametrize("kind", KINDS)
def test_variables__have_a_long_name_and_units_as_xarray_plots_them(made, kind):
    for name, variable in KINDS[kind].items():
        attrs = made[kind][name].attrs
        assert (attrs["long_name"], attrs["units"]) == (variable.long_name, variable.units)
        assert attrs["meaning"].endswith(".")
