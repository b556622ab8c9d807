"""Names of settings in words, on every page."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "repeats": "times cut into folds",
    "parts": "parts of a training fold",
    "seed": "first seed",
    "permutations": "studies of permuted labels",
    "epochs": "epochs of a network",
    "data_parallel": "workers of one more training",
    "goal": "question named beforehand",
    "transfers": "transfers between cohorts",
    "n_genes": "genes, 0 for all",
    "chosen_by": "genes chosen by",
    "n_trees": "trees of each gene and condition",
    "weight_ranges": "weight ranges R",
    "tree_sizes": "genes of a tree V",
    "subsample": "share of a class in a bag",
    "max_bag": "observations of a class in a bag, at most",
    "strengths": "pixels kept at most",
    "unfiltered": "pixels without a filter, at most",
    "units": "laid along a path",
    "fdr": "false discovery rate",
    "classifiers": "more classifiers",
    "networks": "more networks",
    "averaged": "networks of other seeds, whose mean is taken",
    "one_forest": "one forest of all training observations too",
    "pretrained": "networks of other cohorts",
    # of a training
    "family": "combinations of criteria",
    "kind": "labels are",
    "n_clusters": "clusters",
    "test": "share held out",
    "log2": "logarithms taken",
    "unit": "laid along the path",
    "order": "order of the pixels",
    "batch_size": "images a step",
    "learning_rate": "highest learning rate",
    "warm_up": "share of the steps to warm up",
    "clip": "largest norm of a gradient",
    "class_weights": "classes weigh the same",
    "validation": "share for validation",
    "patience": "epochs without improvement, at most",
    "mixed_precision": "mixed precision on GPUs",
    "compiled": "compiled by PyTorch",
    "elastic": "goes on with fewer workers",
}
"""Settings whose names are not words."""


def in_words(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put words in the place of the names of settings.

    Examples
    --------
    >>> in_words({"folds": 5, "n_trees": 20, "a_new_one": 2})
    {'folds': 5, 'trees of each gene and condition': 20, 'a new one': 2}
    """
    return {WORDS.get(name, name.replace("_", " ")): value for name, value in settings.items()}
