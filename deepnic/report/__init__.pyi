from .console import account_table as account_table
from .console import estimate_table as estimate_table
from .console import ranking_table as ranking_table
from .console import summary_table as summary_table
from .figures.colours import render as render
from .figures.colours import tile_sheet as tile_sheet
from .markdown import write_tables as write_tables
from .page import write_report as write_report

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
