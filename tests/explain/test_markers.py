"""Known markers of two leukaemias, in the cohort of Golub et al. 1999.

The list was written down from what is publicly known (Golub et al. 1999, figure 3, and reviews)
before any list of genes was looked at.
"""

from pathlib import Path

import numpy as np
import pytest

import deepnic
from deepnic.explain import permutation_null, rank_genes

GOLUB = Path(__file__).parents[3] / "shared" / "data" / "golub.npz"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GOLUB.exists(), reason="../shared/data is absent"),
]

MARKERS = {  # probe sets of the HU6800 chip
    "CD33": "M23197_at", "ZYX": "X95735_at", "CST3": "M27891_at", "MGST1": "U46499_at",
    "CCND3": "M92287_at", "TCF3": "M31523_at", "CD63": "X62654_rna1_at", "APLP2": "L09209_s_at",
    "FAH": "M55150_at", "LYN": "M16038_at", "CFD": "M84526_at", "LEPROT": "Y12670_at",
    "CD79A": "U05259_rna1_at", "MYB": "U22376_cds2_s_at", "PSMA6": "X59417_at",
    "MYL6B": "M31211_s_at",
}  # fmt: skip
HIGHER = {"CD33", "ZYX", "CST3", "APLP2", "CFD", "LYN"}  # in AML, as everybody knows
GROWN = {"n_trees": 20, "weight_ranges": [3], "tree_sizes": [3]}


@pytest.fixture(scope="module")
def golub():
    return deepnic.read_cohort(GOLUB, positive="AML")


def ranked(cohort, folder):
    forest = deepnic.grow_forest(cohort, **GROWN).compute()
    null = permutation_null(forest, cohort, folder)
    return rank_genes(forest, cohort, null).set_index("gene")


def test_markers__are_among_the_first(golub, tmp_path):
    genes = ranked(golub, tmp_path)
    first = [name for name, probe in MARKERS.items() if probe in genes.index[:50]]
    assert len(first) >= 10, first
    of_markers = genes.loc[[*MARKERS.values()]].set_axis([*MARKERS])
    assert (of_markers["q"] <= 0.1).sum() >= 8
    directions = of_markers.loc[[*HIGHER & {*first}], "direction"]
    assert {*directions} <= {"higher", ""}
    assert (directions == "higher").any()


def test_markers__no_gene_is_sure_under_permuted_labels(golub, tmp_path):
    state = np.random.default_rng(0).permutation(golub["state"].values)
    genes = ranked(golub.assign(state=("observation", state)), tmp_path)
    assert (genes["q"] > 0.1).all()
