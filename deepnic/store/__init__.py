"""Stores on disk: forests that are written block by block, and tables of pixels."""

from deepnic.store.forest import open_forest, write_forest
from deepnic.store.items import open_classes, open_items, write_classes
from deepnic.store.table import open_table, write_table

__all__ = [
    "open_classes",
    "open_forest",
    "open_items",
    "open_table",
    "write_classes",
    "write_forest",
    "write_table",
]
