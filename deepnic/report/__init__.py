"""Show: colours of the images, figures, the console's table and the report of a study."""

from deepnic.analysis.ranking import summary_table
from deepnic.report.account import account_table
from deepnic.report.console import ranking_table
from deepnic.report.estimate import estimate_table
from deepnic.report.figures.colours import render, tile_sheet
from deepnic.report.markdown import write_tables
from deepnic.report.page import write_report

__all__ = [
    "account_table",
    "estimate_table",
    "ranking_table",
    "render",
    "summary_table",
    "tile_sheet",
    "write_report",
    "write_tables",
]
