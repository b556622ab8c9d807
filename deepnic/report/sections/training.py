"""How the networks learnt, and what everything cost."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.curves import Training
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table, duration, kind_title

STAGES = {
    "forest": "the forest",
    "relevant": "pixels chosen by relevance",
    "varying": "pixels that vary most",
}
"""Stages of a fold that arms share, in words."""


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there; the curves only where networks were trained."""
    cohort, several = findings.tested[0], len(findings.tested) > 1
    curves = findings.curves[findings.curves["cohort"] == cohort]
    content = {
        "curves": None if curves.empty else Training(curves),
        "costs": _costs_table(findings),
        "of_cohort": f" of {cohort}" if several else "",
        "several": several,
        "data_parallel": study.facts["data_parallel"],
    }
    return Section("training", "Training and its cost", content)


def _costs_table(findings: Findings) -> Table:
    lines, titles = [], []
    for pair, rows in findings.costs.groupby(["kind", "name"], sort=False):
        kind, name = map(str, pair)
        seconds = dict(zip(rows["cohort"], rows["seconds"], strict=True))
        cells = [duration(seconds[each]) if each in seconds else "" for each in findings.tested]
        words = name if kind else STAGES.get(name, name)
        lines.append([words, *cells, duration(rows["core_seconds"].iloc[0])])
        titles.append(kind_title(kind) if kind else "shared by the arms")
    return Table(["", *findings.tested, "processor seconds"], lines, titles)
