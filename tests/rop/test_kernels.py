"""The compiled search as a whole: its place in Numba's cache, and the same search uncompiled."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from coverage import Coverage

from deepnic import compiled
from deepnic.rop import kernels
from tests.test_compiled import UNKEPT

LANES = """
from numba import int64, njit
@njit(int64(), cache=True)
def one(): return {}
"""
SEARCH = """
from numba import int64, njit
from deepnic.rop.kernels.lanes import one
from deepnic.rop.signatures import TEN
@njit(int64(), cache=True)
def search(): return TEN + one()
"""
SHOW = """
import logging
logging.basicConfig(format="%(message)s", level=logging.INFO)
from deepnic.rop.kernels.search import search
print(search(), search.stats.cache_hits.total(), search.stats.cache_misses.total())
"""


@pytest.fixture
def packed(tmp_path):
    """A package of two kernels, one calling the other, with the real `__init__` above them."""
    folder = tmp_path / "deepnic" / "rop" / "kernels"
    folder.mkdir(parents=True)
    for above in folder.parents[:2]:
        (above / "__init__.py").touch()
    shutil.copy(kernels.__file__, folder)
    shutil.copy(compiled.__file__, folder.parents[1])
    others = "batch bounds box pairs prefixes small tree vectors"
    for name in others.split():
        (folder / f"{name}.py").touch()
    (folder / "search.py").write_text(SEARCH)
    (folder / "lanes.py").write_text(LANES.format(1))
    (folder.parent / "signatures.py").write_text("TEN = 10")
    return folder


def show(packed, asked=SHOW):
    """What the caller returns, how often its code was found in the cache and made anew; if told."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=packed.parents[2], env=environment | UNKEPT,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = done.stderr.count("compiling the search")
    return [*map(int, done.stdout.split()), told]


def test_cache__is_used_while_no_kernel_changes(packed):
    assert show(packed) == [11, 0, 1, 1]
    assert show(packed) == [11, 1, 0, 0]


def test_cache__holds_nothing_of_a_kernel_that_calls_a_changed_one(packed):
    show(packed)
    (packed / "lanes.py").write_text(LANES.format(2))
    assert show(packed) == [12, 0, 1, 1]
    (packed / "lanes.py").write_text(LANES.format(1))
    assert show(packed) == [11, 1, 0, 0]
    (packed.parent / "signatures.py").write_text("TEN = 20")
    assert show(packed) == [21, 0, 1, 1]


def test_cache__of_many_observations_is_apart_and_made_when_asked_for(packed):
    (packed / "many.py").write_text(SEARCH.replace("def search", "def grow"))
    load = "from deepnic.rop import kernels\ngrow = kernels.of_many().grow\nprint("
    asked = SHOW.replace("print(", load).replace("search.stats", "grow.stats")
    assert show(packed, asked) == [11, 0, 1, 2]
    assert show(packed, asked) == [11, 1, 0, 0]
    assert show(packed) == [11, 1, 0, 0]
    (packed / "lanes.py").write_text(LANES.format(2))
    assert show(packed) == [12, 0, 1, 1]
    assert show(packed, asked) == [12, 0, 1, 1]


def test_cache__of_others_stays_where_it_was():
    assert os.environ.get("NUMBA_CACHE_DIR", "") == numba.config.CACHE_DIR


UNCOMPILED = """
import json
import numpy as np
if {uncompiled}:
    from tests.rop import uncompiled
    uncompiled.replace()
import deepnic
from deepnic.cohort import make_cohort
rng = np.random.default_rng(5)
results = []
for n, V, reach in ((12, 3, 1), (40, 3, 4), (186, 4, 3), (14, 6, 1), (253, 4, 1)):
    X, y = rng.normal(size=(n, V)), rng.integers(0, 2, n)
    y[:2] = 0, 1
    node = deepnic.rop.search_node(X, y, weight_min=-reach, weight_max=reach, return_ties=True)
    tree = deepnic.rop.grow_tree(X, y, weight_min=-1, weight_max=1)
    results.append([node.coef.tolist(), node.threshold, node.tp, node.fp, node.ties.tolist()])
    results.append([[step.coef.tolist(), step.tp, step.fp] for step in tree.nodes])
cohort = deepnic.read_cohort({table!r})
forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3, 4], tree_sizes=[3])
table = deepnic.filter_pixels(deepnic.observation_images(forest), max_undefined=1, fdr=None, k=16)
results += [array.values.tolist() for array in (forest.signature, forest.vote, table.value)]
many = np.round(rng.normal(size=(253, 4)), 2)
labels = (many[:, 0] + many[:, 1] > 0.5).astype(int).astype(str)
many = make_cohort(many, labels, list("abcd"), [f"o{k}" for k in range(253)])
forest = deepnic.grow_forest(many, n_trees=1, weight_ranges=[3], tree_sizes=[3], subsample=1)
results += [forest.signature.values.tolist(), forest.vote.values.tolist()]
print(json.dumps(results))
"""


@pytest.mark.slow
def test_kernels__do_the_same_uncompiled(tmp_path):
    """In plain Python, where coverage sees them: the same nodes, ties, trees, votes, pixels.

    Integers wrap there with a warning.
    """
    rows = ["id,state,a,b,c,d", "p0,1,5,1,2,9", "p1,1,6,4,2,7", "p2,0,1,5,3,8", "p3,0,2,6,1,3"]
    rows += ["p4,1,7,3,9,1", "p5,0,3,2,8,2", "p6,1,4,7,7,5", "p7,0,0,9,4,4"]
    here = Path(__file__).parents[2]
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    results = []
    for uncompiled in (False, True):
        code = UNCOMPILED.replace("{uncompiled}", str(uncompiled))
        code = code.replace("{table!r}", repr(str(tmp_path / "cohort.csv")))
        (tmp_path / "code.py").write_text(code)
        coverage = ["-m", "coverage", "run", "--parallel-mode"]
        seen = coverage if uncompiled and Coverage.current() else []
        done = subprocess.run(
            [sys.executable, "-W", "ignore::RuntimeWarning", *seen, tmp_path / "code.py"],
            env=os.environ | {"NUMBA_DISABLE_JIT": str(int(uncompiled)), "PYTHONPATH": str(here)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout))
    assert results[0] == results[1]
