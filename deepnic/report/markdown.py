"""The tables of a study as Markdown, for a page of documentation."""

from collections.abc import Sequence
from pathlib import Path

from deepnic.analysis import Findings, Interval, find
from deepnic.analysis.gene_findings import find_genes
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.results import GeneResults
from deepnic.files import as_path, whole
from deepnic.report.sections.genes import (
    control_table,
    differences_table,
    dose_table,
    task_words,
)
from deepnic.report.sections.genes import (
    scores_table as gene_scores_table,
)
from deepnic.report.tables import (
    Cell,
    Strong,
    Table,
    classes_table,
    factors_table,
    kept_table,
    rivals_table,
    scores_table,
)
from deepnic.study.folder import read_study
from deepnic.study.genes.folder import is_of_genes, read_gene_study


def write_tables(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write what a study found as Markdown.

    Parameters
    ----------
    folder : str or Path
        Folder written by `deepnic.run_study`.
    path : str or Path, optional
        File to write; ``tables.md`` in the folder unless given.

    Returns
    -------
    Path
        The file: the answer, balanced accuracy of each family of arms by cohort, the difference of
        the best assembly from other ways, where a study holds them strengths of the filter and what
        each choice is worth over the cohorts, and every arm in every metric.

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> write_tables("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no study in nowhere: run `deepnic study` first
    """
    path = as_path(folder) / "tables.md" if path is None else as_path(path)
    if is_of_genes(folder):
        parts = _gene_parts(read_gene_study(folder))
    else:
        study = read_study(folder)
        parts = _parts(find(study), len(study.facts.get("failures", [])), study.grouped)
    with whole(path) as partial:
        partial.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _gene_parts(study: GeneResults) -> list[str]:
    findings = find_genes(study)
    parts = [*findings.answer]
    if len(findings.placements):
        heading = "Paths and placements beside a random placement of the same pixels"
        parts += [_titled(heading, differences_table(findings.placements))]
    for task in findings.tasks:
        parts += [_titled(f"{task}: {task_words(task)}", gene_scores_table(study.summary, task))]
    if len(findings.dose):
        parts += [_titled("The dose of uninformative pixels", dose_table(findings))]
    if len(findings.control):
        parts += [_titled("Control: permuted labels", control_table(findings))]
    return parts


def _titled(title: str, table: Table) -> str:
    """Return a table with the titles of its groups as a first column."""
    if table.groups:
        lines = [[group, *row] for group, row in zip(table.groups, table.rows, strict=True)]
        table = Table(["", *table.heads], lines, align=f"l{table.align}")
    return f"{title}:\n\n{_markdown(table)}"


def _parts(findings: Findings, n_failures: int, grouped: Sequence[str]) -> list[str]:
    lacking = f"{n_failures} parts of this study could not be made, and are in no table."
    parts = [
        " ".join(findings.answer),
        lacking if n_failures else "",
        f"Where several observations are of one patient ({', '.join(grouped)}), intervals over "
        "patients are over these groups of observations."
        if grouped
        else "",
        "Balanced accuracy and its 95% interval over patients, best strength and unit of each:",
        _markdown(scores_table(findings, findings.best, "best of"), bold=False),
    ]
    for one in findings.classes:
        parts += [
            f"All classes of {one.cohort} at once; the balanced accuracy is the mean of their "
            "recalls:",
            _markdown(classes_table(one), bold=False),
        ]
    if findings.rivals:
        parts += [
            "The best assembly beside other ways, in points and their 95% interval over patients; "
            "bold if the one over folds agrees:",
            _markdown(rivals_table(findings), ["cohort", *findings.rivals]),
        ]
    if len(findings.strengths) > 1:
        heads = ["cohort", "pixels at most", "kept", "mean of paths", "best less worst path"]
        parts += [
            " ".join(findings.claim),
            _markdown(kept_table(findings), [*heads, "random placement"]),
        ]
    if len(findings.cohorts) > 1:
        parts += [
            "What each choice is worth, in points: mean over cohorts and its 95% interval, and "
            "each cohort:",
            _markdown(factors_table(findings)),
        ]
    for metric, title in METRIC_TITLES.items():
        arms = scores_table(findings, findings.scores(metric).dropna(subset="mean"), "arm", "arm")
        parts += [f"Every arm, {title}:", _markdown(arms, bold=False)]
    return [part for part in parts if part]


def _markdown(table: Table, heads: Sequence[str] = (), bold: bool = True) -> str:
    heads = heads or table.heads
    cells = [[_text(cell, bold) for cell in row] for row in table.rows]
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def _text(cell: Cell, bold: bool) -> str:
    if isinstance(cell, Strong):
        return f"**{_text(cell.cell, bold)}**" if bold else _text(cell.cell, bold)
    if isinstance(cell, Interval) and cell.bounded:
        return f"{cell.mean:.3f} ({cell.low:.2f}-{cell.high:.2f})"
    return str(cell)
