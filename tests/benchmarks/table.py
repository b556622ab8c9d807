"""The table that `make benchmark` prints, and the machine it was measured on."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from rich.table import Table

from deepnic.host.provenance import processor

PACKAGES = (
    "deepnic",
    "numpy",
    "numba",
    "llvmlite",
    "dask",
    "distributed",
    "xarray",
    "zarr",
    "torch",
)


@dataclass(frozen=True)
class Section:
    """Some rows of the table, under headings of their own.

    Attributes
    ----------
    title : str
        What was measured, and its unit.
    columns : sequence of str
        Headings of the values.
    rows : sequence of (label, values)
        One value a column; empty where there is none.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


def machine() -> str:
    """Processor, cores this process may use, memory and versions, in two lines."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}\n"
        f"Python {platform.python_version()}, {versions}"
    )


def as_table(sections: Sequence[Section]) -> Table:
    """Lay sections under each other in one table.

    Examples
    --------
    >>> as_table([Section("times, s", ["a", "b"], [("first", ["1", "2"])])]).row_count
    2
    """
    table = Table(title=machine(), title_justify="left", show_header=False)
    for _ in range(1 + max(len(section.columns) for section in sections)):
        table.add_column(justify="right")
    table.columns[0].justify = "left"
    for section in sections:
        table.add_row(section.title, *section.columns, style="bold", end_section=True)
        for label, values in section.rows:
            table.add_row(label, *values, end_section=(label, values) == section.rows[-1])
    return table
