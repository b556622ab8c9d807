"""The sections of a training run's page."""

from deepnic.analysis.results import RunResults
from deepnic.analysis.training import NETWORK, RunFindings
from deepnic.report.figures.curves import Learning, Rankings
from deepnic.report.sections.section import Section
from deepnic.report.tables import Row, Strong, Table, duration, facts_table


def run_sections(run: RunResults, findings: RunFindings) -> list[Section]:
    """Headline; rankings of genes where the network learnt which replicate; learning; how made."""
    n_test = findings.counts.get("test", 0)
    headline = {"headline": findings.headline, "n_test": n_test, "items": run.facts["items"]}
    sections = [Section("headline", "", headline)]
    if findings.rankings:
        content = {"chart": Rankings.of(findings.rankings), "numbers": _rankings_table(findings)}
        sections.append(Section("rankings", "Which genes replicate", content))
    return [*sections, _learning(run, findings), _made(run)]


def _rankings_table(findings: RunFindings) -> Table:
    groups: list[tuple[str, list[Row]]] = []
    for metric, rankings in findings.rankings.items():
        lines: list[Row] = []
        for ranking in rankings:
            if ranking.name == NETWORK:
                lines.append([Strong(ranking.name), Strong(str(ranking.value)), "", ""])
            else:
                difference = str(ranking.difference)
                lines.append([ranking.name, str(ranking.value), difference, ranking.verdict])
        groups.append((metric, lines))
    return Table(
        ["ranking", "value", "network less this", "the network is"],
        groups,
        "lrrl",
        "Value on the held-out genes and its 95% interval (bootstrap over genes, the same for all "
        "rankings). The network is better or worse where the interval of the difference leaves "
        "out 0.",
    )


def _learning(run: RunResults, findings: RunFindings) -> Section:
    parts = [*findings.counts]
    lines: list[Row] = [
        [measure, *(str(values.get(part, "")) for part in parts)]
        for measure, values in findings.measures.items()
    ]
    judged = "Validation and test" if "validation" in parts else "Test"
    caption = (
        f"Training: as met during the last epoch, with dropout. {judged}: the finished network; "
        "Wilson’s 95% interval."
    )
    content = {
        "chart": Learning(run.history, findings.kept_epoch),
        "validated": "validation" in parts,
        "measures": Table(["measure", *parts], [("", lines)], "l" + "r" * len(parts), caption),
    }
    return Section("learning", "Learning", content)


def _made(run: RunResults) -> Section:
    facts = run.facts
    items = {
        "items": facts["items"],
        "classes": facts["classes"],
        "canvas": " × ".join(map(str, facts["canvas"])),
    }
    device = {
        "device": facts["device"],
        "name": facts["device_name"],
        "workers": facts["workers"] or "none: in one process",
    }
    configuration = {f"Configuration: {name}": part for name, part in facts["config"].items()}
    tables = {"Items": items, "Device": device, "Machine": facts["machine"]} | configuration
    content = {
        "command": facts["command"],
        "words": f"It took {duration(facts['seconds'])}.",
        "tables": [],
        "facts": [facts_table(title, part) for title, part in tables.items() if part],
    }
    return Section("made", "How this was made", content)
