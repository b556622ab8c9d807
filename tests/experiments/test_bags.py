"""What a limit to the bag costs: the table of the experiment, on few trees."""

import numpy as np

from studies.experiments import bags


def test_measure__genes_that_differ_and_patients_are_found():
    cohort = bags.made(n=60, n_genes=30, shift=2.0)
    how = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3]}
    table = bags.measure(cohort, [None, 10], **how).set_index("at most of a class")
    assert table.index.tolist() == ["all", 10]
    assert table.loc[10, "perfect"] > table.loc["all", "perfect"]
    assert (table["by all trees"] > 0.7).all()
    assert table.loc[10, "genes"] > 0.9
    assert np.isfinite(table.to_numpy()).all()
