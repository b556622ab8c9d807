"""The ROP tree and its forest: the core of the method (Nguyen et al. 2021)."""

from deepnic.rop.forest import grow_forest
from deepnic.rop.tree import grow_tree, search_node

__all__ = ["grow_forest", "grow_tree", "search_node"]
