"""What a choice is worth: differences within cohorts, means over them."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.factors import choices, claim

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
                    (f"c{number}", "assembly", path, strength, unit, path,
                     level + gain + lead - 0.01 * (unit == "tile") + 1e-3 * number)
                    for unit in units
                ]  # fmt: skip
            name = "random placement"
            value = level + gain + WORTH["random"]
            rows.append((f"c{number}", "placement", "random", strength, "pixel", name, value))
    columns = ["cohort", "kind", "path", "strength", "unit", "family", "mean"]
    return pd.DataFrame(rows, columns=columns)


COHORTS = ["c0", "c1", "c2"]


def test_choices__find_what_was_put_in():
    found = {one.name: one.mean for one in choices(make_table(), COHORTS)}
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
    assert {name: one.mean for name, one in found.items()} == pytest.approx(expected)
    assert found["a path rather than random placement"].bounded


def test_choices__leave_out_what_has_one_side_and_transfers():
    table = make_table({"64": 0.06}, ("pixel",))
    found = choices(table, COHORTS[:2])
    assert [one.question for one in found] == [
        "the path",
        "the path",
        "the canvas, relevant pixels",
    ]
    assert all(list(one.differences.index) == COHORTS[:2] for one in found)
    assert found[0].point("c0") == "−2.0"
    assert found[0].point("elsewhere") == "undefined"


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ((0.06, 0.05, 0.07), "These 3 cohorts bear out the claim"),
        ((-0.06, -0.05, -0.07), "These 3 cohorts speak against the claim"),
        ((0.06, -0.05, 0.01), "These 3 cohorts neither bear out nor refute the claim"),
        ((0.06,), "This cohort alone can neither bear out nor refute the claim"),
    ],
)
def test_claim__follows_the_interval(gains, words):
    table = make_table({"none": 0.0, "64": 0.0}, cohorts=(0.7,) * len(gains))
    filtered = table["strength"] == "64"
    extra = dict(zip(COHORTS, gains, strict=False))
    table.loc[filtered, "mean"] += table.loc[filtered, "cohort"].map(extra)
    said = " ".join(claim(choices(table, COHORTS), 512.0))
    assert words in said
    assert f"{100 * np.mean(gains):+.1f}".replace("-", "−") in said
    assert "beside the 512 pixels that vary most" in said


def test_claim__tells_what_the_paths_add_with_and_without_the_filter():
    found = choices(make_table(none_lead=-0.04, units=("pixel",)), COHORTS)
    said = claim(found, 512.0)[-1]
    assert "+4.1 (+3.9 to +4.3) points with the filter and +0.1 (−0.1 to +0.3) without" in said


def test_claim__says_nothing_without_both_sides():
    assert claim(choices(make_table({"64": 0.0}), COHORTS), np.nan) == []
