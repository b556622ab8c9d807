"""Which genes the images are made of, and how often."""

import pandas as pd

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.ranking import rows
from deepnic.explain.criteria import UNCLEAR
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table

SHOWN = 15


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where no filter is by relevance, or the study is of an earlier version."""
    if study.chosen_genes is None:
        return None
    of_cohorts = dict(iter(study.chosen_genes.groupby("cohort")))
    content = {
        "cohorts": {
            name: {
                "n": len(of_cohorts[name]),
                "fits": of_cohorts[name]["fits"].iloc[0],
                "table": chosen_table(of_cohorts[name], study.facts["cohorts"][name]["positive"]),
            }
            for name in findings.tested
            if name in of_cohorts
        },
        "shown": SHOWN,
        "several": len(findings.tested) > 1,
    }
    return Section("chosen", "Which genes", content)


def chosen_table(chosen: pd.DataFrame, positive: str) -> Table:
    """The genes that are chosen most often, in words."""
    symbols = chosen["symbol"] if "symbol" in chosen else pd.Series("", chosen.index)
    lines: list[Row] = [
        [
            f"{row.gene} ({symbol})" if symbol else row.gene,
            "unclear" if row.direction == UNCLEAR else f"{row.direction} in “{positive}”",
            f"{round(row.chosen * row.fits)} of {row.fits}",
            f"{row.pixels:.1%}",
        ]
        for row, symbol in zip(rows(chosen.head(SHOWN)), symbols, strict=False)
    ]
    return Table(["gene", "direction", "chosen in fits", "of the pixels"], lines, align="llrr")
