"""More than two classes: what the arms, or the networks of a training, make of all at once."""

from collections.abc import Sequence
from math import nan

from deepnic.analysis import Findings, Interval, StudyResults
from deepnic.analysis.multiclass import Multiclass, run_headline
from deepnic.analysis.ranking import rows as rows_of
from deepnic.analysis.results import ClassesResults
from deepnic.report.sections.run import made_section
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table, classes_table, confusion_table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing where every cohort has two classes."""
    if not findings.classes:
        return None
    return _section(findings.classes, of_study=True, grouped=False)  # the answer tells of it


def joined_sections(run: ClassesResults, judged: Multiclass | None) -> list[Section]:
    """Headline; all classes at once, where each was held out; each class's own page; how made."""
    facts = run.facts
    n_test = int((run.predictions["truth"] >= 0).sum())
    headline = {"headline": run_headline(run, judged), "n_test": n_test, "items": "observations"}
    sections = [Section("headline", "", headline)]
    if judged is not None:
        held_out = run.predictions[run.predictions["truth"] >= 0]
        grouped = "group" in held_out and bool(held_out["group"].duplicated().any())
        sections.append(_section([judged], of_study=False, grouped=grouped))
    each = [
        {"label": label, "run": of["run"], "auroc": Interval(of["metrics"].get("test_auroc", nan))}
        for label, of in facts["of_classes"].items()
    ]
    if "item" in run.predictions:
        sections.append(Section("whom", "Whom the networks were asked", {"rows": _listed(run)}))
    sections.append(Section("each", "Each class against the rest", {"each": each}))
    return [*sections, made_section(facts)]


def _listed(run: ClassesResults) -> Table:
    """Observations held out with their ids, those taken for another class first."""
    labels = run.facts["classes"]
    table = run.predictions[run.predictions["state"] < 0]
    right = (table["truth"] == table["predicted"]) | (table["truth"] < 0)
    rows = [
        [row.item, labels[row.truth] if row.truth >= 0 else "", labels[row.predicted]]
        + [f"{getattr(row, f'probability_{k}'):.3f}" for k in range(len(labels))]
        for row in rows_of(table.loc[right.sort_values(kind="stable").index])
    ]
    heads = ["item", "class", "predicted", *(f"probability of {label}" for label in labels)]
    return Table(heads, rows, align="lll" + "r" * len(labels))


def _section(every: Sequence[Multiclass], *, of_study: bool, grouped: bool) -> Section:
    cohorts = [(one, classes_table(one), confusion_table(one)) for one in every]
    content = {"cohorts": cohorts, "of_study": of_study, "grouped": grouped}
    return Section("classes", "All classes at once", content)
