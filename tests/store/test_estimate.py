"""What growing will take, against what it took."""

from time import perf_counter

import numpy as np
import pytest

from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.rop import grow_forest
from deepnic.store import write_forest
from deepnic.store.estimate import estimate_growth

PARAMETERS = {"n_trees": 6, "tree_sizes": [3, 5], "weight_ranges": [3, 5], "subsample": 0.7}


@pytest.fixture(scope="module")
def cohort():
    random = np.random.default_rng(3)
    expression = random.normal(size=(40, 600)) + (np.arange(40) % 2)[:, None]
    label = [str(k % 2) for k in range(40)]
    genes, observations = [f"g{k}" for k in range(600)], [f"o{k}" for k in range(40)]
    return make_cohort(expression, label, genes, observations)


@pytest.mark.parametrize("design", ["balanced", "stratified"])
def test_estimate_growth__is_near_what_then_happens(cohort, tmp_path, design):
    parameters = PARAMETERS | {"n_trees": 60, "weight_ranges": [3], "design": design}
    job = estimate_growth(cohort, **parameters)
    forest = grow_forest(cohort, **parameters)
    start = perf_counter()
    forest.compute(scheduler="sync")
    seconds = perf_counter() - start
    write_forest(forest, tmp_path / "f.zarr")
    places = list(tmp_path.rglob("*"))
    kibibytes = [4 if p.is_dir() else 4 * -(-p.stat().st_size // 4096) for p in places]
    size = 1024 * sum(kibibytes)  # on a disk with blocks of 4 KiB
    assert seconds / 4 < job.seconds(1) < 4 * seconds  # a busy machine; alone it is much nearer
    assert size / 1.5 < job.disk_bytes < 1.5 * size
    assert 5e7 < job.memory(1) <= job.memory(64) < 64e9


def test_estimate_growth__scales_with_the_trees(cohort):
    few = estimate_growth(cohort, **PARAMETERS)
    many = estimate_growth(cohort, **PARAMETERS | {"n_trees": 6000})
    assert many.disk_bytes > 20 * few.disk_bytes
    assert many.core_seconds > 100 * few.core_seconds


def test_estimate_growth__refuses_what_growing_refuses(cohort):
    with pytest.raises(InputError, match="n_trees must be at least 1"):
        estimate_growth(cohort, n_trees=0)
