"""Near-duplicates and pairs by order among observations."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import deepnic.cohort.related
from deepnic.cohort import read_cohort
from deepnic.cohort.related import RATE, Related, _correlations, find_related
from deepnic.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
GENES = 300


def made(seed, n=40, factors=3):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, factors)) @ rng.normal(size=(factors, GENES))
    values += rng.normal(size=(n, GENES))
    return rng, values, np.array(["a", "b"], object)[rng.permutation(n) % 2]


def related(values, label):
    return find_related(
        xr.Dataset(
            {"expression": (("observation", "gene"), values), "label": ("observation", label)}
        )
    )


def with_duplicates():
    rng, values, label = made(0)
    for first, second in [(3, 30), (11, 8)]:
        values[second] = values[first] + rng.normal(scale=0.05, size=GENES)
        label[second] = label[first]
    return values, label


def with_pairs(first, second, values, rng):
    patient = rng.normal(size=(len(first), GENES))
    values[first] += patient
    values[second] += patient
    return list(zip(first, second, strict=True))


def test_find_related__finds_planted_duplicates():
    found = related(*with_duplicates())
    assert found == Related([(3, 30), (8, 11)], [])
    groups = found.groups(np.array([f"p{k}" for k in range(40)], object))
    assert (groups[30], groups[11]) == ("p3", "p8")
    assert len(set(groups)) == 38


def test_groups__join_what_hangs_together():
    ids = np.array(list("zyxwv"), object)
    assert Related([(3, 4), (0, 2)], [(2, 3)]).groups(ids).tolist() == ["z", "y", "z", "z", "z"]
    assert Related([], []).groups(ids).tolist() == [*ids]


def test_find_related__takes_the_nearest_of_two_alike():
    rng, values, label = made(4, factors=0)
    values[1] = values[0] + 2 * values[2] + rng.normal(scale=0.3, size=GENES)
    label[:3] = "a"
    assert related(values, label).twins == [(1, 2)]


@pytest.mark.parametrize("step", [1, 20])
def test_find_related__finds_planted_pairs(step):
    rng, values, label = made(1)
    first = np.arange(0, 40, 2) if step == 1 else np.arange(20)
    pairs = with_pairs(first, first + step, values, rng)
    assert related(values, label).rows == pairs


def test_find_related__finds_pairs_where_the_file_begins_with_classes_in_turn():
    rng, values, label = made(2, 80)
    label[:24], label[24:26] = ["a", "b"] * 12, "a"
    pairs = with_pairs(np.arange(0, 24, 2), np.arange(1, 24, 2), values, rng)
    assert related(values, label).rows == pairs
    label[:4] = "a"
    assert related(values, label).rows == []


def test_find_related__depends_on_no_scale_class_or_missing_value():
    values, label = with_duplicates()
    expected = related(values, label)
    rng = np.random.default_rng(3)
    values *= rng.uniform(0.01, 100, GENES)
    values[label == "a"] += 100 * values.std(axis=0)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:, 0], values[:, 1] = np.nan, 7
    assert related(values, label) == expected


def test_correlations__are_none_on_average():
    _, values, label = made(5, factors=0)
    label[:3] = ["c", "d", "d"]
    alike = _correlations(values, label)
    np.testing.assert_allclose(np.diag(alike), 1)
    for one in "abd":
        block = alike[np.ix_(label == one, label == one)]
        assert abs(block[np.triu_indices_from(block, 1)].mean()) < 0.01


def test_find_related__finds_what_arrays_of_other_brightness_share():
    values, label = with_duplicates()
    brightness = np.random.default_rng(3).normal(scale=3, size=(40, 1))
    assert related(values + brightness, label) == related(values, label)


@pytest.mark.parametrize("n", [2, 3, 24])
def test_find_related__finds_nothing_where_nothing_is(n):
    label = np.array(["a"] + ["b"] * (n - 1), object)
    assert related(np.ones((n, 5)), label) == Related([], [])
    assert related(made(0, n)[1], label) == Related([], [])


def alike_in_order(kind, n, rng):
    """What arrays near each other in the file share."""
    effects = rng.normal(size=(n, GENES))
    if kind == "independent":
        return 0 * effects
    if kind == "drift":
        for k in range(1, n):
            effects[k] = 0.7 * effects[k - 1] + 0.7 * effects[k]
        return 1.5 * effects
    sizes = {
        "batches": rng.integers(3, 13, n),
        "even batches": 2 * rng.integers(2, 7, n),
        "batches of two": rng.integers(2, 13, n),
    }
    batch = np.repeat(np.arange(n), sizes[kind])[:n]
    return effects[np.minimum(batch, batch[-3])]  # a rest of two at the end is of the one before


def alarms(kind):
    """Share of 200 cohorts of independent patients that are told to hold twins, and rows."""
    found = []
    for seed in range(200):
        n = [20, 24, 36, 60][seed % 4]
        rng, values, label = made(seed, n, factors=3 * (seed % 3))
        if seed % 2:
            label = np.array(["a", "b"] * (n // 2), object)
        found.append(related(values + alike_in_order(kind, n, rng), label))
    return np.mean([(bool(twins), bool(rows)) for twins, rows in found], axis=0)


@pytest.mark.parametrize("kind", ["independent", "batches", "even batches", "drift"])
def test_find_related__rarely_takes_the_independent_for_related(kind):
    assert (alarms(kind) <= RATE).all()


def test_find_related__takes_few_batches_of_two_for_twins():
    assert (alarms("batches of two") <= [0.03, RATE]).all()


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    ("name", "positive", "first_twins", "pairs"),
    [
        ("alon", "t", [], 12),
        ("chowdary", "breast", [(14, 15)], 52),
        ("golub", "AML", [], 0),
        ("khan", "EWS", [(4, 7)], 0),
        ("su", "1", [(35, 50)], 0),
    ],
)
def test_find_related__finds_the_pairs_of_public_cohorts(name, positive, first_twins, pairs):
    found = find_related(read_cohort(DATA / f"{name}.npz", positive=positive))
    assert found.twins[:1] == first_twins
    assert found.rows == [(2 * k, 2 * k + 1) for k in range(pairs)]


def test_find_related__refuses_what_would_not_fit(monkeypatch):
    monkeypatch.setattr(deepnic.cohort.related, "MOST", 39)
    _, values, label = made(0)
    with pytest.raises(InputError, match="40 observations are too many to be compared"):
        related(values, label)
