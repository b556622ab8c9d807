"""The sentences that a study of genes is answered by."""

import pandas as pd
import pytest

from deepnic.analysis.gene_findings import find_genes
from deepnic.analysis.results import GeneResults

KINDS = {
    "snail": ("assembly", "ours", None), "random": ("placement", "random", None),
    "snail and noise": ("dose", "ours", 64.0), "random and noise": ("dose", "random", 64.0),
}  # fmt: skip


def study(differences):
    """A study of one task: a path and the random placement, alone and among noise."""
    described = [
        {"arm": arm, "task": "strength", "column": "value", "mean": 0.2, "low": 0.1, "high": 0.3,
         "kind": kind, "role": role, "family": arm, "dose": dose, "filler": "noise", "held": False}
        for arm, (kind, role, dose) in KINDS.items()
    ]  # fmt: skip
    apart = [
        {"arm": arm, "task": "strength", "other": other, "difference": difference, "low": low,
         "high": high, "worse": 0.0, "same": 1 - better, "better": better, "detectable": 0.02}
        for arm, other, difference, low, high, better in differences
    ]  # fmt: skip
    scores = pd.DataFrame(columns=["task", "arm", "cohort", "half", "value"])
    costs = pd.DataFrame({"stage": ["filter"], "arm": [None], "seconds": 1.0, "core_seconds": 1.0})
    return GeneResults({}, scores, pd.DataFrame(described), pd.DataFrame(apart), costs, None, {})


@pytest.mark.parametrize(
    ("better", "of_path"),
    [(0.3, "No path is ahead"), (0.96, "In 1 of 1 comparisons a path is ahead")],
)
def test_find_genes__of_paths_by_themselves(better, of_path):
    found = find_genes(study([("snail", "random", 0.012, 0.01, 0.014, better)]))
    assert found.answer[0].startswith(of_path)
    assert "snail in strength, +1.2 (+1.0 to +1.4) points" in found.answer[0]
    assert "in strength, +1.2" not in " ".join(found.answer[1:])


@pytest.mark.parametrize(("better", "n"), [(0.94, 0), (0.98, 1)])
def test_find_genes__of_paths_among_uninformative_pixels(better, n):
    alone = ("snail", "random", 0.001, -0.002, 0.004, 0.01)
    among = ("snail and noise", "random and noise", 0.05, 0.011, 0.088, better)
    found = find_genes(study([alone, among]))
    assert found.answer[0].startswith("No path is ahead of a random placement")
    assert "in 1 comparisons" in found.answer[0]
    assert found.answer[-1] == (
        f"Among uninformative pixels a path is ahead of a random placement by more than a point in "
        f"{n} of 1 comparisons (with a probability above 95%); the largest lead is snail and noise "
        "in strength, +5.0 (+1.1 to +8.8) points."
    )


def test_find_genes__of_one_half_says_nothing_of_chance_among_them():
    nan = float("nan")
    found = find_genes(study([("snail and noise", "random and noise", 0.05, nan, nan, nan)]))
    assert not any("Among uninformative pixels a path" in sentence for sentence in found.answer)
