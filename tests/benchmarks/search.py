"""What a weight vector costs the search, the brute force and plain NumPy; and a whole tree."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import numpy as np
from numba import njit
from sklearn.datasets import load_breast_cancer

from deepnic.rop import grow_tree, kernels
from deepnic.rop.kernels import box, prefixes, small
from deepnic.rop.kernels.search import random_at, search
from tests.benchmarks.brute_force_numba import COUNTED, search_all
from tests.benchmarks.nodes import Node, noise, wisconsin
from tests.benchmarks.table import Section
from tests.rop import oracle

DATA = {"Wisconsin": wisconsin, "noise": noise}
LONG_ENOUGH = 0.005  # seconds a measurement takes at least
MOST_OBSERVED = 2_000_000  # observations times vectors of the brute force where it takes a part
ORACLE_PAIRS = 20_000_000  # pairs times vectors that plain NumPy is given


@njit(nogil=True)
def _search_often(times, Z, P, weights, n_weights, key, no_ties, coef):
    """Search a node as the forest does: from compiled code, a key for each node, ties unwanted."""
    for t in range(times):
        search(Z, P, weights, n_weights, False, random_at(key, t), no_ties, coef)


@njit(nogil=True)
def _search_all_often(times, Z, P, weights, n_weights, n_vectors, by_counting):
    for _ in range(times):
        search_all(Z, P, weights, n_weights, n_vectors, by_counting)


@njit(nogil=True)
def _search_in_lanes_often(times, by, Z, P, key, of_all, scratch, coef):
    for t in range(times):
        by(Z, P, random_at(key, t), of_all, scratch, coef)


def ns_of_search(node: Node) -> float:
    """Nanoseconds a weight vector of one search."""
    V = len(node.Z)
    no_ties, coef = np.empty((0, V), np.int64), np.empty(V, np.int64)
    run = _search_often
    return _ns(lambda times: run(times, *node, np.uint64(0), no_ties, coef), node.n_vectors)


def ns_in_lanes(node: Node) -> float:
    """Nanoseconds a weight vector of one search by the kernel that forests use for so many."""
    V, n = node.Z.shape
    of_all = box.make_box(node.weights[0], V)
    many = kernels.of_many()
    if many.is_for_large(node.Z, node.P, small.MOST_OBSERVED):
        by, scratch = many.search_large, many.make_large(of_all, V, n)
    else:
        by, scratch = small.search_small, prefixes.make_scratch(of_all, V, n)
    coef = np.empty(V, np.int64)
    run = _search_in_lanes_often
    return _ns(
        lambda times: run(times, by, node.Z, node.P, np.uint64(0), of_all, scratch, coef),
        node.n_vectors,
    )


def ns_of_brute_force(node: Node, n_vectors: int) -> float:
    """Nanoseconds a weight vector of the brute force, over the first vectors of the box."""
    by_counting = node.Z.shape[1] <= COUNTED
    run = _search_all_often
    return _ns(lambda times: run(times, *node, n_vectors, by_counting), n_vectors)


def ns_of_oracle(node: Node) -> float:
    """Nanoseconds a weight vector of plain NumPy, over some vectors of the box."""
    V, n = node.Z.shape
    weights = oracle.box([node.weights[0, 0]] * V, [node.weights[0, -1]] * V, [1] * V)
    weights = weights[: max(ORACLE_PAIRS // n**2, 1)]
    y = (np.arange(n) < node.P).astype(int)

    def run(times: int) -> None:
        for _ in range(times):
            oracle.search(node.Z.T, y, weights)

    return _ns(run, len(weights))


def cost_of_a_vector(
    *,
    sizes: Sequence[int] = (18, 64, 128, 569),
    weight_ranges: Sequence[int] = (3, 4, 5),
    tree_sizes: Sequence[int] = range(3, 9),
    n_nodes: int = 3,
) -> Section:
    """Search of root nodes of every size and box, against brute force on the same nodes.

    Of a large box brute force is timed on the first vectors only: none costs more than another.
    """

    def cell(nodes: Sequence[Node]) -> str:
        pairs = [(ns_of_search(node), _ns_of_part(node)) for node in nodes]
        ratio = median(brute / ours for ours, brute in pairs)
        return f"{median(ours for ours, _ in pairs):,.0f} ({_short(ratio)}x)"

    rows = _of_root_nodes(cell, sizes, weight_ranges, tree_sizes, n_nodes)
    title = "search, ns per vector (brute force, on part of a large box: so much longer)"
    return Section(title, [f"V{V}" for V in tree_sizes], rows)


def lanes(
    *,
    sizes: Sequence[int] = (18, 60, 200, 400, 569),
    weight_ranges: Sequence[int] = (3, 4, 5),
    tree_sizes: Sequence[int] = (3, 5, 6, 8),
    n_nodes: int = 3,
) -> Section:
    """Search in lanes of root nodes, and how much longer the search of a09cf5c takes on them.

    That search is there still: it takes what lanes do not hold.
    """

    def cell(nodes: Sequence[Node]) -> str:
        pairs = [(ns_in_lanes(node), ns_of_search(node)) for node in nodes]
        now = _short(median(now for now, _ in pairs))
        return f"{now} ({_short(median(before / now for now, before in pairs))}x)"

    of_nodes = _of_root_nodes(cell, sizes, weight_ranges, tree_sizes, n_nodes)
    rows = [(f"{label}, in lanes", cells) for label, cells in of_nodes]
    title = "search in lanes, ns per vector (that of a09cf5c: so much longer)"
    return Section(title, [f"V{V}" for V in tree_sizes], rows)


def _of_root_nodes(
    cell: Callable[[Sequence[Node]], str],
    sizes: Sequence[int],
    weight_ranges: Sequence[int],
    tree_sizes: Sequence[int],
    n_nodes: int,
) -> list[tuple[str, list[str]]]:
    """A row for each kind, size and weight range, and a cell of some nodes for each tree size."""
    return [
        (
            f"{name}, n = {n}, R{R}",
            [cell([make(n, R, V, seed) for seed in range(n_nodes)]) for V in tree_sizes],
        )
        for name, make in DATA.items()
        for n in sizes
        for R in weight_ranges
    ]


def headline(*, n: int = 64, R: int = 5, V: int = 8, n_nodes: int = 7) -> Section:
    """The three searches on the same nodes; brute force over the whole box."""
    rows = []
    for name, make in DATA.items():
        nodes = [make(n, R, V, seed) for seed in range(n_nodes)]
        ns = np.array([(ns_of_search(a), ns_of_brute_force(a, a.n_vectors)) for a in nodes])
        ours, brute = np.median(ns, axis=0)
        plain = median(ns_of_oracle(node) for node in nodes[:3])
        ratios = ns[:, 1] / ns[:, 0]
        cells = [f"{ours:,.1f}", f"{brute:,.0f}", f"{plain:,.0f}", f"{np.median(ratios):.1f}"]
        rows.append((f"{name}, n = {n}, R{R}, V{V}", [*cells, f"{ratios.min():.1f}", ">= 5"]))
    columns = ["search", "brute force", "plain NumPy", "brute / search", "least", "wanted"]
    return Section("three searches of whole boxes, ns per vector", columns, rows)


def whole_tree(*, n: int = 569, V: int = 8, n_trees: int = 7) -> Section:
    """Trees of random variables of the Wisconsin table by the rules of the authors' executable."""
    table = load_breast_cancer()
    random = np.random.default_rng(0)
    seconds = []
    grow_tree([[0.0], [1.0]], [0, 1], weight_min=0, weight_max=1)  # compile
    for _ in range(n_trees):
        columns = random.choice(30, V, replace=False)
        start = perf_counter()
        grow_tree(
            table.data[:n, columns], 1 - table.target[:n], weight_min=-2, weight_max=2, rules="rop8"
        )
        seconds.append(perf_counter() - start)
    cells = [f"{f(seconds):.2f}" for f in (median, min, max)]
    rows = [(f"n = {n}, R5, V{V}, {n_trees} trees", [*cells, "<= 1.5", "34.9"])]
    title = "whole Wisconsin tree, rop8, one thread, s"
    return Section(title, ["median", "least", "most", "wanted", "ROP V8.0"], rows)


def _short(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _ns_of_part(node: Node) -> float:
    return ns_of_brute_force(node, min(node.n_vectors, MOST_OBSERVED // node.Z.shape[1]))


def _ns(run: Callable[[int], object], n_vectors: int) -> float:
    """Time one run, and again so many that the clock is no matter if it was short."""
    run(0)  # compile
    times = 1
    while True:
        start = perf_counter()
        run(times)
        seconds = perf_counter() - start
        if seconds >= LONG_ENOUGH:
            return seconds / times / n_vectors * 1e9
        times = max(2 * times, int(1.5 * times * LONG_ENOUGH / seconds))
