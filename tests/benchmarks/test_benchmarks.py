"""The yardstick agrees with what it measures, and every piece of the table can be made."""

import shutil
from itertools import product

import numpy as np
import pandas as pd
import pytest

from deepnic.rop.graph import tree_seconds
from deepnic.rop.kernels.search import search
from tests.benchmarks.atlas import atlas
from tests.benchmarks.brute_force_numba import search_all
from tests.benchmarks.forests import forests
from tests.benchmarks.memory import peak_memory
from tests.benchmarks.nodes import noise, wisconsin
from tests.benchmarks.search import cost_of_a_vector, headline, lanes, whole_tree
from tests.benchmarks.table import BEFORE, as_table
from tests.benchmarks.trees import fitted, measured, trees
from tests.rop import oracle


@pytest.mark.parametrize("by_counting", [False, True])
@pytest.mark.parametrize("make", [noise, wisconsin])
@pytest.mark.parametrize(
    ("n", "R", "V"), [(2, 3, 3), (18, 5, 4), (18, 3, 6), (64, 4, 5), (128, 3, 3), (301, 3, 3)]
)
def test_brute_force__agrees_with_search_and_oracle(make, n, R, V, by_counting):
    seed = 1 if n > 2 else next(k for k in range(99) if make(n, R, V, k).P == 1)
    node = make(n, R, V, seed)
    value, area, n_ties = search_all(*node, node.n_vectors, by_counting)
    y = (np.arange(n) < node.P).astype(int)
    expected = oracle.search(
        node.Z.T, y, oracle.box(node.weights[:, 0], node.weights[:, -1], [1] * V)
    )
    assert (value, area, n_ties) == (expected.value, expected.area, expected.n_ties)
    no_ties, coef = np.empty((0, V), np.int64), np.empty(V, np.int64)
    _, tp, fp, found_ties = search(*node, False, np.uint64(seed), no_ties, coef)
    alone = coef[:, None], np.ones(V, np.int64)
    assert (value, n_ties) == (tp * (n - node.P) - fp * node.P, found_ties)
    assert search_all(node.Z, node.P, *alone, 1, by_counting) == (value, area, 1)


@pytest.mark.parametrize("by_counting", [False, True])
def test_brute_force__equal_scores(by_counting):
    """Few levels: ties within a vector, of either class, and between vectors."""
    random = np.random.default_rng(3)
    for _ in range(20):
        Z = random.integers(-2, 3, (3, 30)).astype(np.int32)
        P = int(random.integers(1, 30))
        weights, n_weights = np.tile(np.arange(-2, 3), (3, 1)), np.full(3, 5)
        expected = oracle.search(
            Z.T, (np.arange(30) < P).astype(int), oracle.box([-2] * 3, [2] * 3, [1] * 3)
        )
        found = search_all(Z, P, weights, n_weights, 125, by_counting)
        assert found == (expected.value, expected.area, expected.n_ties)


@pytest.mark.long
def test_benchmarks__every_piece_makes_rows():
    sections = [
        cost_of_a_vector(sizes=[18, 210], weight_ranges=[3], tree_sizes=[3, 4], n_nodes=1),
        lanes(sizes=[18, 251], weight_ranges=[3], tree_sizes=[3], n_nodes=1),
        headline(n=18, R=3, V=3, n_nodes=1),
        whole_tree(n=40, V=3, n_trees=1),
        trees(measured([20, 30], tree_sizes=[3, 4], weight_ranges=[3], n_genes=9, seconds=1e-3)),
        *forests(
            n_observations=10,
            n_genes=20,
            n_draws=1,
            tree_sizes=[3],
            n_small_blocks=3,
            repeats=1,
            schedulers=[("threads", 1), ("processes", 1)],
        ),
        peak_memory(
            rows=[("threads", 1, "genes")],
            sizes={"genes": [20, 30]},
            usual={"genes": 20, "observations": 10, "trees": 2},
        ),
    ]
    labels = [label for section in sections for label, _ in section.rows]
    before = {"Wisconsin, n = 18, R3", "noise, n = 18, R3"}  # are told of the commit before, too
    assert {label for label in labels if label in BEFORE} == before
    assert as_table(sections).row_count == len(sections) + len(labels) + len(before)
    for section in sections:
        assert all(0 < len(cells) <= 6 and all(cells) for _, cells in section.rows)
    ((_, peaks),) = sections[-1].rows
    assert all(int(cell.partition(": ")[2]) > 50 for cell in peaks)


@pytest.mark.long
def test_trees__fit_finds_the_numbers_of_tree_seconds():
    """Of times that follow it exactly, whatever the conditions."""
    conditions = list(product((20, 60, 200, 1000, 3000), (3, 5, 8), (3, 4, 5)))
    times = pd.DataFrame(conditions, columns=["n", "V", "R"])
    times["seconds"] = [tree_seconds(V, R, n) for n, V, R in conditions]
    each, vector, share, growth = fitted(times)
    for n, V, R in conditions:
        few = min(n, 300)
        visited = (R**V) ** min(share + growth * np.log(few), 1)
        by_hand = n * each + vector * max(few, 0.3 * n) * visited
        assert by_hand == pytest.approx(tree_seconds(V, R, n), rel=1e-3)


@pytest.mark.long
def test_atlas__is_weighed_and_opened():
    if shutil.which("chromium") is None:
        pytest.skip("there is no Chromium on this machine")
    [(_, (size, paint, gene))] = atlas(600).rows
    assert size.endswith(" MB")
    assert 0 < float(paint.split()[0]) < 10_000  # a busy machine is no defect
    assert 0 < float(gene.split()[0]) < 10_000
