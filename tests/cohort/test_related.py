"""Near-duplicates and pairs by order among observations."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from deepnic.cohort import read_cohort
from deepnic.cohort.related import RATE, find_related

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def made(seed, n=40, factors=3, genes=300):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, factors)) @ rng.normal(size=(factors, genes))
    values += rng.normal(size=(n, genes))
    return rng, values, np.array(["a", "b"], object)[rng.permutation(n) % 2]


def cohort_of(values, label):
    return xr.Dataset(
        {"expression": (("observation", "gene"), values), "label": ("observation", label)}
    )


def test_find_related__finds_planted_duplicates():
    rng, values, label = made(0)
    for first, second in [(3, 30), (11, 8)]:
        values[second] = values[first] + rng.normal(scale=0.05, size=300)
        label[second] = label[first]
    found = find_related(cohort_of(values, label))
    assert found.twins == [(3, 30), (8, 11)]
    assert not found.rows
    groups = found.groups(np.array([f"p{k}" for k in range(40)], object))
    assert (groups[30], groups[11]) == ("p3", "p8")
    assert len(set(groups)) == 38


@pytest.mark.parametrize("step", ["neighbours", "first half and second"])
def test_find_related__finds_planted_pairs(step):
    rng, values, label = made(1, factors=1)
    first = np.arange(0, 40, 2) if step == "neighbours" else np.arange(20)
    second = first + (1 if step == "neighbours" else 20)
    patient = rng.normal(size=(20, 300))
    values[first] += patient
    values[second] += patient
    found = find_related(cohort_of(values, label))
    assert found.arrangement == step
    assert found.rows == list(zip(first, second, strict=True))


def test_find_related__rarely_takes_the_independent_for_related():
    alarms = np.zeros(2)
    for seed in range(200):
        n = [16, 24, 40, 60][seed % 4]
        _, values, label = made(seed, n, factors=3 * (seed % 3))
        if seed % 2:  # batches of eight in order
            batch = np.random.default_rng(seed).normal(size=(8, 300))
            values += np.repeat(batch, 8, axis=0)[:n]
        found = find_related(cohort_of(values, label))
        alarms += [bool(found.twins), bool(found.rows)]
    assert (alarms <= RATE * 200).all()


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")
@pytest.mark.parametrize(("name", "pairs"), [("alon", 12), ("chowdary", 52)])
def test_find_related__finds_the_pairs_of_public_cohorts(name, pairs):
    cohort = read_cohort(DATA / f"{name}.npz", positive={"alon": "t", "chowdary": "breast"}[name])
    found = find_related(cohort)
    assert found.rows == [(2 * k, 2 * k + 1) for k in range(pairs)]
