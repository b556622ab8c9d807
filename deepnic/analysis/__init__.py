"""The arithmetic of reports and studies: what was measured, with intervals, and what follows.

NumPy, SciPy and pandas only: neither torch, Ray nor matplotlib is needed to judge results.
"""

from deepnic.analysis.findings import Findings, find
from deepnic.analysis.interval import Interval
from deepnic.analysis.results import StudyResults

__all__ = ["Findings", "Interval", "StudyResults", "find"]
