"""All arms compared: the best of each family, then every arm in every metric."""

from deepnic.analysis import Findings, StudyResults
from deepnic.report.figures.cohorts import Families
from deepnic.report.sections.section import Section
from deepnic.report.tables import metrics_table, scores_table


def section(study: StudyResults, findings: Findings) -> Section:
    """Always there; of one cohort, the best arm of each family comes with all its metrics."""
    several = len(findings.tested) > 1
    n_arms = findings.arms["arm"].nunique()
    if several:
        best = scores_table(findings, findings.best, "best of")
        titles = {name: f"All arms and metrics: {name}" for name in findings.tested}
    else:
        best = metrics_table(findings, findings.tested[0], findings.best)
        titles = {findings.tested[0]: f"All {n_arms} arms"} if n_arms > len(best.rows) else {}
    every = findings.scores()
    content = {
        "families": Families(findings.best),
        "best": best,
        "all_arms": {title: metrics_table(findings, name, every) for name, title in titles.items()},
        "several": several,
    }
    return Section("comparison", "Comparison", content)
