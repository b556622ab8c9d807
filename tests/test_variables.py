"""Declarations of the stored variables."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from deepnic.columns import COLUMNS, METRICS, column_rows
from deepnic.errors import InputError
from deepnic.variables import COHORT, KINDS, STATE, describe, kind_of, validate


def cohort():
    return xr.Dataset(
        {
            "expression": (("observation", "gene"), np.zeros((2, 3), np.float32)),
            "state": ("observation", np.zeros(2, np.int8)),
        },
        attrs={"kept": 1},
    )


def test_describe__says_what_each_variable_means():
    dataset = cohort()
    described = describe(dataset, "cohort")
    assert {name: described[name].attrs["meaning"] for name in COHORT} == {
        name: variable.meaning for name, variable in COHORT.items()
    }
    assert not dataset["state"].attrs  # the input is left as it was
    xr.testing.assert_equal(described, dataset)
    assert described.attrs == {"kept": 1, "deepnic_kind": "cohort"}
    assert dataset.attrs == {"kept": 1}


def test_validate__looks_only_at_what_is_declared():
    validate(cohort().assign(more=1), COHORT)
    validate(cohort(), {"state": STATE})


def made(kind):
    """A Dataset with all that a kind must have."""
    return xr.Dataset(
        {
            name: (variable.dims, np.zeros((1,) * len(variable.dims), variable.dtype))
            for name, variable in KINDS[kind].items()
            if not variable.optional
        }
    )


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of__is_what_was_described(kind):
    dataset = made(kind)
    described = describe(dataset, kind)
    assert described.attrs["deepnic_kind"] == kind_of(described) == kind
    assert kind_of(dataset) == kind  # by its variables alone
    assert kind_of(dataset.transpose(*sorted(dataset.sizes))) == kind


def test_kind_of__believes_what_is_stated_where_it_can_be():
    two = made("table").merge(made("forest"))
    assert kind_of(two.assign_attrs(deepnic_kind="table")) == "table"
    assert kind_of(two.assign_attrs(deepnic_kind="forest")) == "forest"
    changed = describe(made("counts"), "counts").rename(gene="item")
    assert kind_of(changed) == "count canvas"
    assert kind_of(made("canvas").assign_attrs(deepnic_kind="of tomorrow")) == "canvas"


def test_kind_of__refuses_what_is_of_no_kind():
    with pytest.raises(InputError, match=r"a Dataset of x is none of deepnic's \(cohort, forest, "):
        kind_of(xr.Dataset({"x": 1}))
    with pytest.raises(InputError, match="a Dataset of nothing"):
        kind_of(xr.Dataset())


def test_describe__takes_an_optional_variable_where_it_is():
    canvas = made("canvas")
    assert "colour" not in describe(canvas, "canvas")
    colour = ("row", "column"), np.zeros((1, 1), np.int8)
    assert describe(canvas.assign(colour=colour), "canvas")["colour"].attrs["meaning"]
    with pytest.raises(InputError, match="variable 'colour'"):
        describe(canvas.assign(colour=("row", [1])), "canvas")
    with pytest.raises(InputError, match="no variable 'colour'"):
        describe(made("count canvas").drop_vars("colour"), "count canvas")


def test_column_rows__of_tables():
    rows = column_rows({"results": pd.DataFrame(columns=[*METRICS]), "control": ["p"]})
    assert [(row["table"], row["name"]) for row in rows] == [
        *(("results", name) for name in METRICS), ("control", "p")
    ]  # fmt: skip
    assert "Bonferroni" in rows[-1]["meaning"]
    assert "Nemenyi" in column_rows({"comparison": ["p"]})[0]["meaning"]
    assert column_rows({"predictions": ["probability_12"]})[0]["dtype"] == "float64"
    with pytest.raises(KeyError):
        column_rows({"results": ["undeclared"]})


def test_columns__are_one_sentence_each():
    for name, column in COLUMNS.items():
        assert column.meaning.endswith("."), name
        assert np.dtype(column.dtype), name


@pytest.mark.parametrize(("check", "named"), [(validate, KINDS.get), (describe, str)])
@pytest.mark.parametrize(
    ("dataset", "kind", "words"),
    [
        (
            cohort().drop_vars("state"),
            "cohort",
            r"the Dataset has no variable 'state' \(observation\) int8; pass one that deepnic made",
        ),
        (
            cohort().transpose(),
            "cohort",
            r"'expression' \(observation, gene\) float32 has dimensions \('gene', 'observation'\)",
        ),
        (cohort().astype(float), "cohort", "and dtype float64; convert it first"),
        (cohort().rename(gene="item"), "cohort", r"\('observation', 'item'\)"),
        (cohort(), "table", r"no variable 'value' \(item, pixel\) float32"),
    ],
)
def test_validate__refuses(check, named, dataset, kind, words):
    with pytest.raises(InputError, match=words):
        check(dataset, named(kind))
