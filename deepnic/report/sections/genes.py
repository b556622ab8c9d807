"""The sections of the page of a study of genes."""

import pandas as pd

from deepnic.analysis import Interval
from deepnic.analysis.gene_findings import GeneFindings, points
from deepnic.analysis.gene_scores import CONTROL
from deepnic.analysis.ranking import rows
from deepnic.analysis.results import GeneResults
from deepnic.report.figures.genes import Dose, Occlusion, Placements, occlusion_means
from deepnic.report.figures.images import BaseTiles, GeneCanvases
from deepnic.report.sections.failures import failures_table
from deepnic.report.sections.made import how_it_was_made
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Strong, Table, duration
from deepnic.study.genes.arms import KINDS
from deepnic.study.genes.planted import RULES
from deepnic.study.genes.tasks import TASKS

TITLES = {kind.kind: kind.title for kind in KINDS}


def gene_sections(study: GeneResults, findings: GeneFindings) -> list[Section]:
    """List all sections; those that have nothing to show are left out."""
    occlusion = [] if study.occlusion is None else ["occlusion"]
    tables = ["summary", "scores", "differences", "costs", *occlusion]
    sections = [
        _answer(study, findings),
        _failures(study),
        _placements(findings),
        _scores(study, findings),
        _dose(findings),
        _seen(study),
        _pictures(study),
        _control(findings),
        _costs(findings),
        how_it_was_made(study.facts, tables),
    ]
    return [section for section in sections if section is not None]


def task_words(task: str) -> str:
    """What a task asks, in words."""
    if task in RULES:
        return f"does the gene play in a rule of {task} that was planted"
    return TASKS[task].words


def _answer(study: GeneResults, findings: GeneFindings) -> Section:
    settings, facts = study.facts["settings"], study.facts["cohorts"]
    content = {
        "answer": findings.answer,
        "n_cohorts": len(facts),
        "settings": settings,
        "tasks": {task: task_words(task) for task in findings.tasks},
    }
    return Section("gene_answer", "", content)


def _failures(study: GeneResults) -> Section | None:
    failures = study.facts.get("failures", [])
    if not failures:
        return None
    return Section(
        "failures",
        "What could not be made",
        {"numbers": failures_table(failures), "n": len(failures), "left_out": {}, "unheard": []},
    )


def _placements(findings: GeneFindings) -> Section | None:
    if findings.placements.empty:
        return None
    content = {
        "chart": Placements(findings.placements)
        if findings.placements["low"].notna().any()
        else "",
        "placements": differences_table(findings.placements),
        "paths": differences_table(findings.paths) if len(findings.paths) else None,
        "n_pairs": len(findings.paths),
    }
    return Section("placements", "Paths beside a random placement", content)


def differences_table(table: pd.DataFrame) -> Table:
    """Differences with what is known of them; in bold what is beyond a point for sure."""
    lines: list[Row] = []
    for row in rows(table):
        p = "undefined" if pd.isna(row.p) else f"{row.p:.3f}"
        shares = [
            "" if pd.isna(value) else f"{value:.2f}" for value in (row.worse, row.same, row.better)
        ]
        cells = [row.arm, row.other, points(row).points(), p, *shares]
        sure = max(row.worse, row.better) > 0.95
        lines.append([*map(Strong, cells)] if sure else cells)
    heads = ["arm", "beside", "points", "p (Holm)", "worse", "within a point", "better"]
    return Table(heads, lines, table["task"].tolist(), "llrrrrr")


def _scores(study: GeneResults, findings: GeneFindings) -> Section:
    return Section(
        "gene_scores",
        "What images know of genes",
        {"tables": {task: scores_table(study.summary, task) for task in findings.tasks}},
    )


def scores_table(summary: pd.DataFrame, task: str) -> Table:
    """Every arm of a task, the best of each kind first: value, variance explained, added."""
    part = summary[(summary["task"] == task) & (summary["kind"] != "dose")]
    cells = {(row.arm, row.column): Interval.of(row) for row in rows(part)}
    value = part[part["column"] == "value"]
    order = {kind: k for k, kind in enumerate(value["kind"].unique())}
    value = value.sort_values(
        ["kind", "mean"], key=lambda c: c.map(order) if c.name == "kind" else -c, kind="stable"
    )
    lines: list[Row] = []
    for row in rows(value):
        explained, added = cells[row.arm, "explained"], cells[row.arm, "added"]
        told = "" if pd.isna(explained.mean) else str(explained)
        lines.append(
            [row.arm, str(Interval.of(row)), told, "" if pd.isna(added.mean) else added.points()]
        )
    metric = "rank correlation" if task in TASKS and TASKS[task].ranked else "AUROC"
    heads = ["arm", metric, "variance explained", "added to statistics, points"]
    return Table(heads, lines, [TITLES.get(kind, kind) for kind in value["kind"]], "lrrr")


def _dose(findings: GeneFindings) -> Section | None:
    if findings.dose.empty:
        return None
    content = {"chart": Dose(findings.dose), "numbers": dose_table(findings)}
    return Section("dose", "The dose of uninformative pixels", content)


def dose_table(findings: GeneFindings) -> Table:
    """Quality of each arm by dose."""
    lines: list[Row] = [
        [row.arm, f"{row.dose:g}", str(Interval.of(row))] for row in rows(findings.dose)
    ]
    return Table(["arm", "dose", "value"], lines, findings.dose["task"].tolist(), "lrr")


def _seen(study: GeneResults) -> Section | None:
    if study.occlusion is None:
        return None
    means = occlusion_means(study.occlusion)
    return Section("seen", "Which pixels carry it", {"chart": Occlusion(means)})


def _pictures(study: GeneResults) -> Section | None:
    if not study.examples:
        return None
    cohort, example = next(iter(study.examples.items()))
    content = {
        "cohort": cohort,
        "gene": example.attrs["gene"],
        "canvases": GeneCanvases(example),
        "tiles": BaseTiles(example),
    }
    return Section("gene_images", "One gene under each path", content)


def _control(findings: GeneFindings) -> Section | None:
    if findings.control.empty:
        return None
    content = {
        "off_chance": ", ".join(findings.control.loc[findings.control["off_chance"], "arm"]),
        "known": bool(findings.control["low"].notna().any()),
        "numbers": control_table(findings),
    }
    return Section("gene_control", "Control: permuted labels", content)


def control_table(findings: GeneFindings) -> Table:
    """Every arm where there is nothing to know; in bold what knows something."""
    lines: list[Row] = []
    for row in rows(findings.control):
        cells = [row.arm, str(Interval.of(row)), "no" if row.off_chance else "yes"]
        lines.append([*map(Strong, cells)] if row.off_chance else cells)
    return Table(["arm", TASKS[CONTROL].words, "contains 0"], lines, align="lrl")


def _costs(findings: GeneFindings) -> Section:
    lines: list[Row] = [
        [row.name, f"{row.n:,}", duration(row.seconds), duration(row.core_seconds)]
        for row in rows(findings.costs)
    ]
    heads = ["step or arm", "times", "wall time each", "processor time each"]
    return Section("gene_costs", "What it cost", {"numbers": Table(heads, lines, align="lrrr")})
