"""How the networks learnt, and what everything cost."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.curves import Training
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Table, duration, kind_title

STAGES = {
    "forest": "the forest",
    "relevant": "pixels chosen by relevance",
    "varying": "pixels that vary most",
}
"""Stages of a fold that arms share, in words."""


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there; the curves only where networks were trained."""
    first, several = findings.tested[0], len(findings.tested) > 1
    curves = findings.curves[findings.curves["cohort"] == first]
    content = {
        "curves": None if curves.empty else Training(curves),
        "costs": _costs_table(findings),
        "of_first": f" of {first}" if several else "",
        "several": several,
        "data_parallel": study.facts["data_parallel"],
    }
    return Section("training", "Training and its cost", content)


def _costs_table(findings: Findings) -> Table:
    groups: list[tuple[str, list[Row]]] = []
    of_kinds = findings.costs.groupby("kind", sort=False)
    for kind, of_kind in of_kinds:
        lines: list[Row] = []
        for name, rows in of_kind.groupby("name", sort=False):
            seconds = dict(zip(rows["cohort"], rows["seconds"], strict=True))
            cells = [duration(seconds[each]) if each in seconds else "" for each in findings.tested]
            words = STAGES.get(str(name), str(name)) if kind == "" else str(name)
            lines.append([words, *cells, duration(rows["core_seconds"].iloc[0])])
        groups.append((kind_title(str(kind)) if kind else "shared by the arms", lines))
    return Table(
        ["", *findings.tested, "processor seconds"],
        groups,
        "l" + "r" * (1 + len(findings.tested)),
        "Median seconds of one fold: the stages that arms share, and the best arm of each "
        "family by itself. Last, the processor time.",
    )
