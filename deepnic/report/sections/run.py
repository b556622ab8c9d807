"""The sections of a training run's page."""

from collections.abc import Mapping
from typing import Any

from deepnic.analysis.results import RunResults
from deepnic.analysis.training import NETWORK, RunFindings
from deepnic.learn.calibration import UNCALIBRATED
from deepnic.report.figures.curves import Learning, Rankings
from deepnic.report.sections import looked_at
from deepnic.report.sections.patients import patients_section
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Strong, Table, duration, facts_table
from deepnic.report.words import in_words


def run_sections(run: RunResults, findings: RunFindings) -> list[Section]:
    """Headline; rankings of genes, or patients, held out; what is looked at; learning; how made."""
    n_test = findings.counts.get("test", 0)
    headline = {"headline": findings.headline, "n_test": n_test, "items": run.facts["items"]}
    sections = [Section("headline", "", headline)]
    if findings.rankings:
        content = {"chart": Rankings.of(findings.rankings), "numbers": _rankings_table(findings)}
        sections.append(Section("rankings", "Which genes replicate", content))
    if run.patients is not None:
        negative, positive = run.facts["classes"]
        held_out = {"The network, on the patients held out": (run.patients, (negative, positive))}
        sections += filter(
            None, [patients_section(held_out, run.facts.get("meaning", UNCALIBRATED))]
        )
    return [*sections, looked_at.section(run), _learning(run, findings), made_section(run.facts)]


def _rankings_table(findings: RunFindings) -> Table:
    lines: list[Row] = []
    for ranking in (each for rankings in findings.rankings.values() for each in rankings):
        name, value = ranking.name, str(ranking.value)
        if name == NETWORK:
            lines.append([Strong(name), Strong(value), "", ""])
        else:
            lines.append([name, value, str(ranking.difference), ranking.verdict])
    metrics = [metric for metric, rankings in findings.rankings.items() for _ in rankings]
    heads = ["ranking", "value", "network less this", "the network is"]
    return Table(heads, lines, metrics, "lrrl")


def _learning(run: RunResults, findings: RunFindings) -> Section:
    parts = [*findings.counts]
    lines = [
        [measure, *(str(values.get(part, "")) for part in parts)]
        for measure, values in findings.measures.items()
    ]
    content = {
        "chart": Learning(run.history, findings.kept_epoch),
        "validated": "validation" in parts,
        "grouped": run.patients is not None
        and "group" in run.patients
        and run.patients["group"].duplicated().any(),
        "measures": Table(["measure", *parts], lines),
    }
    return Section("learning", "Learning", content)


def made_section(facts: Mapping[str, Any]) -> Section:
    """How a run, or the joined runs of each class, was made."""
    items = {"classes": facts["classes"]}
    if "canvas" in facts:
        canvas = " × ".join(map(str, facts["canvas"]))
        items = {"items": facts["items"], **items, "canvas": canvas}
    device = {
        "device": facts["device"],
        "name": facts["device_name"],
        "workers": facts["workers"] or "none: in one process",
    }
    configuration = {
        f"Settings of the {name}": in_words(part) for name, part in facts["config"].items() if part
    }
    tables = {"Items": items, "Device": device, "Machine": facts["machine"]} | configuration
    content = {
        "command": facts["command"],
        "words": f"It took {duration(facts['seconds'])}.",
        "cohorts": None,
        "facts": {title: facts_table(part) for title, part in tables.items() if part},
    }
    return Section("made", "How this was made", content)
