"""The answer in words, and the best assembly beside everything else."""

from deepnic.analysis import Findings, StudyResults
from deepnic.analysis.sentences import SIDES
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table, rivals_table


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there; the tables only where there is another way to compare with."""
    settings = study.facts["settings"]
    arms = findings.scores().drop_duplicates("arm")
    content = {
        "n_paths": len(settings["arms"]["paths"]),
        "answer": " ".join(findings.answer),
        "sides": ", ".join(f"{arms['role'].eq(role).sum()} {side}" for side, role in SIDES.items()),
        "settings": settings,
        "grouped": ", ".join(study.grouped),
        "several": len(findings.tested) > 1,
        "rivals": rivals_table(findings) if findings.rivals else None,
        "differences": _differences_table(findings),
    }
    return Section("answer", "", content)


def _differences_table(findings: Findings) -> Table:
    """Which arms were compared, and both intervals of each difference."""
    heads = ["cohort", "assembly", "has", "beside", "has", "patients", "training sets", "verdict"]
    differences = [(name, each) for name, of_name in findings.rivals.items() for each in of_name]
    lines = [
        (
            each.cohort,
            each.arm,
            f"{each.value.mean:.3f}",
            each.other,
            f"{each.other_value.mean:.3f}",
            each.patients.points(),
            each.folds.points(),
            each.verdict,
        )
        for _, each in differences
    ]
    skipped = 0 if len(findings.cohorts) > 1 else 1  # a lone cohort needs no name
    return Table(
        heads[skipped:],
        [line[skipped:] for line in lines],
        [name for name, _ in differences],
        "llrlrrrl"[skipped:],
    )
