"""Declarations of the stored variables."""

import numpy as np
import pytest
import xarray as xr

from deepnic.errors import InputError
from deepnic.variables import COHORT, STATE, TABLE, describe, validate


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
    described = describe(dataset, COHORT)
    assert {name: described[name].attrs["meaning"] for name in COHORT} == {
        name: variable.meaning for name, variable in COHORT.items()
    }
    assert not dataset["state"].attrs  # the input is left as it was
    xr.testing.assert_equal(described, dataset)
    assert described.attrs == {"kept": 1}


def test_validate__looks_only_at_what_is_declared():
    validate(cohort().assign(more=1), COHORT)
    validate(cohort(), {"state": STATE})


@pytest.mark.parametrize("check", [validate, describe])
@pytest.mark.parametrize(
    ("dataset", "declared", "words"),
    [
        (
            cohort().drop_vars("state"),
            COHORT,
            r"the Dataset has no variable 'state' \(observation\) int8; pass one that deepnic made",
        ),
        (
            cohort().transpose(),
            COHORT,
            r"'expression' \(observation, gene\) float32 has dimensions \('gene', 'observation'\)",
        ),
        (cohort().astype(float), COHORT, "and dtype float64; convert it first"),
        (cohort().rename(gene="item"), COHORT, r"\('observation', 'item'\)"),
        (cohort(), TABLE, r"no variable 'value' \(item, pixel\) float32"),
    ],
)
def test_validate__refuses(check, dataset, declared, words):
    with pytest.raises(InputError, match=words):
        check(dataset, declared)
