"""Explanations: which genes, and how sure."""

from deepnic.explain.companions import find_companions
from deepnic.explain.genes import rank_genes
from deepnic.explain.null import Null, permutation_null

__all__ = ["Null", "find_companions", "permutation_null", "rank_genes"]
