"""Show: colours of the images, figures, the console's table and the report of a study."""

from deepnic.show.account import account_table
from deepnic.show.arms import summary_table
from deepnic.show.console import findings_table, ranking_table
from deepnic.show.estimate import estimate_table
from deepnic.show.markdown import write_tables
from deepnic.show.render import render, tile_sheet
from deepnic.show.report import write_report

__all__ = [
    "account_table",
    "estimate_table",
    "findings_table",
    "ranking_table",
    "render",
    "summary_table",
    "tile_sheet",
    "write_report",
    "write_tables",
]
