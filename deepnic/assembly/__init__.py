"""Assembling: the pixels of a table on one canvas, by five paths.

An order says which pixel comes first, a path which cell; together they are an `Assembly`, an index
map fitted on training items and applied to any items by one gather.
"""

from deepnic.assembly.canvas import Assembly, assemble, fit_assembly, lay
from deepnic.assembly.deepinsight import fit_deepinsight
from deepnic.assembly.gene_canvas import assemble_counts
from deepnic.assembly.orders import ORDERS, arrange
from deepnic.assembly.paths import PATHS, visit

__all__ = [
    "ORDERS",
    "PATHS",
    "Assembly",
    "arrange",
    "assemble",
    "assemble_counts",
    "fit_assembly",
    "fit_deepinsight",
    "lay",
    "visit",
]
