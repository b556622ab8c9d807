from .widget import show_gene as show_gene
from .write import write_atlas as write_atlas

__all__ = ["show_gene", "write_atlas"]
