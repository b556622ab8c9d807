"""What a choice is worth: differences within cohorts, means over them."""

import pandas as pd
import pytest

from deepnic.analysis.factors import factors

PATHS = ("linear", "snail")
WORTH = {"linear": 0.0, "snail": 0.02, "random": -0.03}
FILTER = {"none": 0.0, "64": 0.06, "256": 0.04}


def make_table(filters=FILTER, units=("pixel", "tile"), cohorts=(0.7, 0.75, 0.8), none_lead=0.0):
    """Scores that are sums: every choice is worth what was put in, in every cohort."""
    rows = []
    for number, level in enumerate(cohorts):
        for strength, gain in filters.items():
            for path in PATHS:
                lead = WORTH[path] + none_lead * (strength == "none")
                rows += [
                    (f"c{number}", "ours", path, strength, unit, path,
                     level + gain + lead - 0.01 * (unit == "tile") + 1e-3 * number)
                    for unit in units
                ]  # fmt: skip
            name = "random placement"
            value = level + gain + WORTH["random"]
            rows.append((f"c{number}", "random", "random", strength, "pixel", name, value))
    columns = ["cohort", "role", "path", "strength", "unit", "family", "mean"]
    return pd.DataFrame(rows, columns=columns)


COHORTS = ["c0", "c1", "c2"]


def test_factors__find_what_was_put_in():
    worth = {one.name: one.mean for one in factors(make_table(), COHORTS)}
    expected = {
        "linear rather than the other paths": -0.02,
        "snail rather than the other paths": 0.02,
        "at most 64 relevant pixels rather than no filter": 0.06,
        "at most 256 relevant pixels rather than no filter": 0.04,
        "tiles rather than pixels": -0.01,
        # the mean path is worth 0.01, random -0.03, and a cohort's number up to 0.002
        "a path rather than random placement": 0.041,
        "a path rather than random placement, no filter": 0.041,
    }
    assert {name: one.mean for name, one in worth.items()} == pytest.approx(expected)
    assert worth["a path rather than random placement"].bounded


def test_factors__leave_out_what_has_one_side_and_transfers():
    table = make_table({"64": 0.06}, ("pixel",))
    found = factors(table, COHORTS[:2])
    assert [one.question for one in found] == [
        "the path",
        "the path",
        "the canvas, relevant pixels",
    ]
    assert all(list(one.differences.index) == COHORTS[:2] for one in found)
    assert found[0].point("c0") == "−2.0"
    assert found[0].point("elsewhere") == "undefined"
