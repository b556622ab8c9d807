"""What a trained network looks at, where it was asked."""

import pandas as pd

from deepnic.analysis.ranking import rows
from deepnic.analysis.results import RunResults
from deepnic.report.figures.style import address_of
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table

SHOWN = 10


def section(run: RunResults) -> Section:
    """The first genes (or combinations, or pixels) of each class; else how to ask."""
    content = {
        "ranked": None if run.looked_at is None else looked_at_table(run.looked_at),
        "pictures": [address_of(picture) for picture in run.overlays],
    }
    return Section("looked_at", "What the network looks at", content)


def looked_at_table(ranked: pd.DataFrame) -> Table:
    """Those that are looked at most, by class."""
    first = ranked[ranked["place"] <= SHOWN]
    names = [*ranked.loc[:, "place":"attribution"]][1:-1]
    lines: list[Row] = [
        [
            ", ".join(str(getattr(row, name)) for name in names),
            f"{row.share:.1%}",
            f"{row.occlusion:.3f}",
        ]
        for row in rows(first)
    ]
    groups = [f"class {label}" for label in first["class"]]
    return Table([", ".join(names), "share of the answer", "lost without it"], lines, groups)
