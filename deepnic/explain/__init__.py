"""Explanations: which genes, and how sure."""

from deepnic.explain.genes import rank_genes
from deepnic.explain.null import Null, permutation_null

__all__ = ["Null", "permutation_null", "rank_genes"]
