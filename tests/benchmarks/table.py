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


BEFORE = {
    "Wisconsin, n = 18, R5": ["", "", "", "", "", "1 (69x)"],
    "Wisconsin, n = 64, R5": ["", "", "", "", "", "1.5 (221x)"],
    "Wisconsin, n = 128, R5": ["", "", "", "", "", "2 (309x)"],
    "Wisconsin, n = 569, R5": ["", "", "", "", "", "145 (33x)"],
    "noise, n = 18, R5": ["", "", "", "", "", "3 (29x)"],
    "noise, n = 64, R5": ["", "", "", "", "", "14.7 (22x)"],
    "noise, n = 128, R5": ["", "", "", "", "", "100 (7x)"],
    "noise, n = 569, R5": ["", "", "", "", "", "1,750 (2.2x)"],
    "Wisconsin, n = 18, R3": ["252 (0.4x)"],
    "Wisconsin, n = 64, R3": ["458 (0.8x)"],
    "Wisconsin, n = 128, R3": ["1,090 (0.8x)"],
    "Wisconsin, n = 569, R3": ["7,445 (0.5x)"],
    "noise, n = 18, R3": ["228 (0.5x)"],
    "noise, n = 64, R3": ["412 (1.0x)"],
    "noise, n = 128, R3": ["971 (0.9x)"],
    "noise, n = 569, R3": ["3,780 (1.2x)"],
    "n = 569, R5, V8, 7 trees": ["0.08"],
    "trees a second, V3 to V6, to a store": ["3,460", "6,864", "2,788", "5,377"],
    "ms a block, V3 to V6, to a store": ["19 (0.5%)", "45 (1.3%)", "39 (0.9%)", "36 (0.8%)"],
}
"""What the README told of rows at commit a09cf5c, on two cores of an AMD EPYC."""


def as_table(sections: Sequence[Section]) -> Table:
    """Lay sections under each other in one table, figures of before below those of now.

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
            is_last = (label, values) == section.rows[-1]
            before = BEFORE.get(label)
            table.add_row(label, *values, end_section=is_last and not before)
            if before:
                table.add_row("    before (a09cf5c)", *before, style="dim", end_section=is_last)
    return table
