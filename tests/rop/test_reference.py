"""Against what the authors' two programs computed, node by node and tree by tree."""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from deepnic.rop import grow_tree, search_node
from deepnic.rop.kernels.tree import signature
from deepnic.rop.signatures import event_table
from tests.rop import oracle

HERE = Path(__file__).parent / "reference"
RULES = {"executable": "rop8", "r_package": "exact"}
ROUNDED = {("x111", 2, 2)}
"""One more rounding of the executable: 35 ties instead of 36."""
MAX_SOLUTIONS = {"x106": 76}
"""The executable calls 76 ties finite here, past a limit of 20; elsewhere that is overflow."""
SOLUTION = {"1": "unique", "2": "finite", "3": "finite", "4": "overflow"}
CRITERIA = {  # as the reference names them
    1: "perfect", 2: "nonzero", 3: "positive", 4: "negative", 6: "mixed", 7: "one_cycle",
    8: "one_node", 9: "several_finite", 10: "unique",
}  # fmt: skip


@cache
def cases(name):
    with gzip.open(HERE / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def data(case):
    if case["X"] is not None:
        return np.array(case["X"], float), np.array(case["y"])
    wisconsin = load_breast_cancer()
    return wisconsin.data[:, case["columns"]], 1 - wisconsin.target


def box(case):
    return {
        "weight_min": case["weight_min"],
        "weight_max": case["weight_max"],
        "weight_step": case.get("weight_step", 1),
    }


def scaled(case):
    """Variables as the nodes see them, on the multiples of 2**-16 the search works with."""
    X, y = data(case)
    return oracle.fixed(X, quantitative=np.array(case["quantitative"])) / 2**16, y


def max_solutions(case):
    return MAX_SOLUTIONS.get(case["id"], case["max_solutions"])


def comparable(case, node):
    return (
        node["exact_ties_agree"]
        and not node.get("threshold_is_inf")
        and (case["id"], node["cycle"], node["step"]) not in ROUNDED
    )


def trees(drawn):
    """Executable's trees, of which every node can be compared."""
    return [
        pytest.param(case, id=case["id"])
        for case in cases("executable")
        if any(node["drawn"] for node in case["nodes"]) == drawn
        and all(comparable(case, node) for node in case["nodes"])
    ]


@pytest.mark.parametrize("name", RULES)
def test_search_node__agrees_with_every_recorded_node(name):
    compared = 0
    for case in cases(name):
        X, y = scaled(case)
        for node in filter(lambda node: comparable(case, node), case["nodes"]):
            where = f"{case['id']} cycle {node['cycle']} step {node['step']}"
            rows = node["subjects"]
            options = {"rules": RULES[name], "return_ties": "ties" in node}
            found = search_node(X[rows], y[rows], **box(case), **options)
            assert found.n_ties == node["n_ties"], where
            if "ties" in node:
                recorded = [row[:-2] for row in node["ties"]]
                assert sorted(found.ties.tolist()) == sorted(recorded), where
            if name == "executable" and not node["drawn"]:
                assert found.coef.tolist() == node["coef"], where
                counts = [node[key] for key in ("vp", "fp", "vn", "fn")]
                assert [found.tp, found.fp, found.tn, found.fn] == counts, where
            compared += 1
    # 605 of 621: 9 outcomes hang on a rounding of the program, 7 thresholds are infinite
    assert compared == {"executable": 301, "r_package": 304}[name]


@pytest.mark.parametrize("name", RULES)
def test_search_node__gives_each_tied_vector_its_recorded_counts(name):
    for case in cases(name):
        X, y = scaled(case)
        for node in filter(lambda node: comparable(case, node), case["nodes"]):
            rows = node["subjects"]
            for *coef, tp, fp in node.get("ties", [])[:20]:
                found = search_node(
                    X[rows], y[rows], weight_min=coef, weight_max=coef, rules=RULES[name]
                )
                # the R package reports fp as 1 where no negative is released
                told = 1 if name == "r_package" and found.tn == 0 else found.fp
                assert (found.tp, told) == (tp, fp), (case["id"], node["cycle"], coef)


def kernel_events(coefs, ties, case, perfect, cycles):
    """Criteria of the last variable, through the kernel's signature."""
    record = np.zeros((len(coefs), 8), np.int64)
    record[:, 0], record[:, 7] = cycles, ties
    last = np.array([coef[-1] for coef in coefs])
    code = signature(last, record, len(coefs), perfect, max_solutions(case))
    held = event_table()[code]
    return {name: bool(held[k - 1]) for k, name in CRITERIA.items()}


def recorded_events(case):
    """The published counters count a criterion on perfect trees only."""
    events = case["events_last_variable"]
    return {name: events["perfect"] and events[name] for name in CRITERIA.values()}


def assert_totals(tree, case):
    for total in ("tp", "fp", "tn", "fn", "perfect"):
        assert getattr(tree, total) == case["tree"][total], total


@pytest.mark.parametrize("case", trees(drawn=False))
def test_grow_tree__is_the_executables(case):
    X, y = data(case)
    tree = grow_tree(
        X,
        y,
        **box(case),
        max_cycles=case["max_cycles"],
        max_steps=case["max_steps"],
        max_solutions=max_solutions(case),
        quantitative=case["quantitative"],
        rules="rop8",
    )
    assert len(tree.nodes) == len(case["nodes"])
    for found, node in zip(tree.nodes, case["nodes"], strict=True):
        assert found.coef.tolist() == node["coef"]
        for key, name in {"vp": "tp", "fp": "fp", "vn": "tn", "fn": "fn"}.items():
            assert getattr(found, name) == node[key]
        assert (found.cycle, found.step) == (node["cycle"], node["step"])
        assert found.n_ties == node["n_ties"]
        assert found.solution == SOLUTION[node["solution"][0]]
    assert tree.cycles == case["tree"]["n_cycles"]
    assert_totals(tree, case)
    assert recorded_events(case) == kernel_events(
        [node.coef for node in tree.nodes],
        [node.n_ties for node in tree.nodes],
        case,
        tree.perfect,
        [node.cycle for node in tree.nodes],
    )


@pytest.mark.parametrize("case", trees(drawn=True) + trees(drawn=False))
def test_tree_rules__follow_the_executables_draws(case):
    X, y = scaled(case)
    tree = oracle.grow(
        np.rint(X * 2**16).astype(np.int64),
        y,
        np.empty((0, case["V"])),
        rules="rop8",
        max_cycles=case["max_cycles"],
        max_steps=case["max_steps"],
        follow=[node["coef"] for node in case["nodes"]],
        restrict=True,
    )
    assert len(tree.steps) == len(case["nodes"])
    for step, node in zip(tree.steps, case["nodes"], strict=True):
        assert step.subjects.tolist() == node["subjects"]
        assert [step.tp, step.fp, step.tn, step.fn] == [
            node[key] for key in ("vp", "fp", "vn", "fn")
        ]
    assert tree.n_cycles == case["tree"]["n_cycles"]
    assert_totals(tree, case)
    weights = [node["coef"][-1] for node in case["nodes"]]
    solutions = [SOLUTION[node["solution"][0]] for node in case["nodes"]]
    held = oracle.criteria(weights, solutions, tree.n_cycles, tree.perfect)
    assert {name: held[k] for k, name in CRITERIA.items()} == recorded_events(case)
    assert recorded_events(case) == kernel_events(
        [node["coef"] for node in case["nodes"]],
        [node["n_ties"] for node in case["nodes"]],
        case,
        tree.perfect,
        [node["cycle"] for node in case["nodes"]],
    )


def test_trees__how_many_are_compared():
    # 70 trees less x011 and x111, whose nodes hang on a rounding of the executable
    assert (len(trees(drawn=False)), len(trees(drawn=True))) == (51, 17)
