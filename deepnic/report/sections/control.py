"""Arms under permuted labels, each and together, where none may be better than chance."""

from deepnic.analysis import Findings, Interval, StudyResults
from deepnic.analysis.control import FEW
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import rows
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Strong, Table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where no labels were permuted."""
    if findings.control.empty:
        return None
    heads = ["arm", "metric", "under permuted labels", "contains 0.5"]
    lines: list[Row] = []
    for row in rows(findings.control):
        contains = "no" if row.off_chance else "yes"
        cells = [row.arm, METRIC_TITLES[row.metric], str(Interval.of(row)), contains]
        lines.append([*map(Strong, cells)] if row.off_chance else cells)
    content = {
        "settings": study.facts["settings"],
        "off_chance": ", ".join(findings.off_chance),
        "n_arms": findings.arms["arm"].nunique(),
        "pool": findings.pool,
        "few": FEW,
        "numbers": Table(heads, lines, align="llrl"),
    }
    return Section("control", "Control: permuted labels", content)
