"""Explanations: which genes, and how sure."""

from deepnic.explain.companions import find_companions
from deepnic.explain.genes import rank_genes
from deepnic.explain.null import Null, permutation_null
from deepnic.explain.votes import gene_votes

__all__ = ["Null", "find_companions", "gene_votes", "permutation_null", "rank_genes"]
