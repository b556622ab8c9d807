"""The sections of a study's page: what each shows, or None where there is nothing to show.

A section is made of the results of a study and its findings; its words stand in the template of
its name. A further one is a function, a template, and its place in `SECTIONS`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from deepnic.analysis import Findings, Interval, StudyResults
from deepnic.analysis.account import Stage
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import OURS, rows, strength_label
from deepnic.analysis.sentences import SIDES
from deepnic.assembly.paths import PATHS
from deepnic.report.figures import cohorts, curves
from deepnic.report.figures.images import BaseTiles, Courses, GeneCanvases, ObservationCanvases
from deepnic.report.tables import (
    Cell,
    Row,
    Strong,
    Table,
    duration,
    factors_table,
    facts_table,
    kept_table,
    kind_title,
    metrics_table,
    rivals_table,
    scores_table,
)
from deepnic.variables import NO_FILTER

STAGES = {
    "forest": "the forest",
    "relevant": "pixels chosen by relevance",
    "varying": "pixels that vary most",
}
"""Stages of a fold that arms share, in words."""


class Section(NamedTuple):
    """A part of a page, for the words of its template ``templates/sections/<name>.html.jinja``.

    A section without a title has no heading; its name is its anchor. The content is what the
    template shows, by name: `Display`, `Table`, words and numbers.
    """

    name: str
    title: str
    content: Mapping[str, Any]


def answer(study: StudyResults, findings: Findings) -> Section:
    """The answer in words, and the best assembly beside every other way where there is one."""
    settings = study.facts["settings"]
    arms = findings.scores().drop_duplicates("arm")
    content = {
        "n_paths": len(settings["arms"]["paths"]),
        "answer": " ".join(findings.answer),
        "sides": ", ".join(f"{arms['role'].eq(role).sum()} {side}" for side, role in SIDES.items()),
        "settings": settings,
        "several": len(findings.tested) > 1,
        "rivals": rivals_table(findings) if findings.rivals else None,
        "differences": _differences_table(findings),
    }
    return Section("answer", "", content)


def _differences_table(findings: Findings) -> Table:
    """Which arms were compared, and both intervals of each difference."""
    heads = ["cohort", "assembly", "has", "beside", "has", "patients", "training sets", "verdict"]
    skipped = 0 if len(findings.cohorts) > 1 else 1  # a lone cohort needs no name
    lines, ways = [], []
    for way, differences in findings.rivals.items():
        for each in differences:
            arms = each.arm, f"{each.value.mean:.3f}", each.other, f"{each.other_value.mean:.3f}"
            gaps = each.patients.points(), each.folds.points(), each.verdict
            lines.append((each.cohort, *arms, *gaps)[skipped:])
            ways.append(way)
    return Table(heads[skipped:], lines, ways, "llrlrrrl"[skipped:])


def comparison(study: StudyResults, findings: Findings) -> Section:
    """Every arm in every metric, and the best of each family: of one cohort, in every metric."""
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
        "families": cohorts.Families(findings.best),
        "best": best,
        "all_arms": {title: metrics_table(findings, name, every) for name, title in titles.items()},
        "several": several,
    }
    return Section("comparison", "Comparison", content)


def filters(study: StudyResults, findings: Findings) -> Section | None:
    """Every path under every strength of the filter; nothing for one strength."""
    if len(findings.strengths) < 2:
        return None
    table = findings.scores()
    chart = cohorts.Filters(table[table["role"] == OURS])
    return Section("paths", "Paths and strengths of the filter", {"filters": chart})


def kept(study: StudyResults, findings: Findings) -> Section | None:
    """How many pixels are kept, and what they are worth; nothing for one strength."""
    if len(findings.strengths) < 2:
        return None
    content = {
        "claim": " ".join(findings.claim),
        "uses": cohorts.UsesOfPixels(findings.uses),
        "unfiltered": study.facts["settings"]["arms"]["unfiltered"],
        "numbers": kept_table(findings),
    }
    return Section("kept", "How many pixels", content)


def factors(study: StudyResults, findings: Findings) -> Section | None:
    """What each choice is worth in the mean over cohorts; nothing for one cohort."""
    if findings.ranks is None or not findings.factors:
        return None
    content = {
        "n_cohorts": len(findings.cohorts),
        "factors": cohorts.Factors.of(findings.factors),
        "numbers": factors_table(findings),
    }
    return Section("choices", "What each choice is worth", content)


def ranks(study: StudyResults, findings: Findings) -> Section | None:
    """Families of arms by their ranks; nothing for fewer than two cohorts or three arms."""
    if findings.ranks is None:
        return None
    content = {
        "ranks": cohorts.Ranks(findings.ranks),
        "test": findings.ranks.iloc[0],
        "n_ranked": findings.ranks["arm"].nunique(),
    }
    return Section("ranks", "Over the cohorts: ranks", content)


def images(study: StudyResults, findings: Findings) -> Section | None:
    """The paths, and images along them, never an observation's id; nothing without examples."""
    examples = {name: study.examples[name] for name in findings.tested if name in study.examples}
    if not examples:
        return None
    cohort, example = next(iter(examples.items()))
    paths = study.facts["settings"]["arms"]["paths"]
    notes = [
        [path, *([PATHS[path].words, PATHS[path].source] if path in PATHS else ["", ""])]
        for path in paths
    ]
    content = {
        "courses": Courses.of(example["path"].values.tolist()),
        "paths": Table(["path", "course", "whose definition"], notes, align="lll"),
        "observations": {
            name: (each.attrs["label"], ObservationCanvases(each))
            for name, each in examples.items()
        },
        "of_cohort": f" of {cohort}" if len(findings.tested) > 1 else "",
        "gene": example.attrs["gene"],
        "gene_canvases": GeneCanvases(example),
        "tiles": BaseTiles(example),
    }
    return Section("images", "The images", content)


def calibration(study: StudyResults, findings: Findings) -> Section | None:
    """Probabilities beside what came true; nothing where no arm gives probabilities."""
    table = findings.calibration
    if table.empty:
        return None
    chart = cohorts.Calibration(table.assign(name=table["kind"].map(kind_title)))
    return Section("calibration", "Probabilities", {"calibration": chart})


def control(study: StudyResults, findings: Findings) -> Section | None:
    """Arms under permuted labels, where none may be better than chance; nothing without them."""
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
        "numbers": Table(heads, lines, align="llrl"),
    }
    return Section("control", "Control: permuted labels", content)


def account(study: StudyResults, findings: Findings) -> Section | None:
    """What the filter keeps, stage by stage, drawn for the weakest; nothing without an account."""
    cohort = findings.tested[0]
    if cohort not in findings.accounts:
        return None
    stages = findings.accounts[cohort]
    weakest = [k for k in findings.strengths if k in stages and k != NO_FILTER] or [*stages]
    several = len(findings.tested) > 1
    content = {
        "account": curves.Account.of(stages[weakest[-1]]),
        "of_cohort": f" of {cohort}" if several else "",
        "tables": {
            f"The account of {name}" if several else "": _table(of_cohort, findings.strengths)
            for name, of_cohort in findings.accounts.items()
        },
    }
    return Section("filter", "What the filter keeps", content)


def _table(accounts: Mapping[str, Sequence[Stage]], strengths: Sequence[str]) -> Table:
    strengths = [k for k in strengths if k in accounts]
    columns = [_counts(accounts[strength]) for strength in strengths]
    names = dict.fromkeys(name for column in columns for name in column)
    lines = [[name, *(column.get(name, "") for column in columns)] for name in names]
    return Table(["stage", *map(strength_label, strengths)], lines)


def _counts(stages: Sequence[Stage]) -> dict[Cell, Cell]:
    """What was kept, in bold, after the reasons for which the rest was removed."""
    counts: dict[Cell, Cell] = {Strong("all pixels"): Strong(f"{stages[0].before:,.0f}")}
    for stage in stages:
        for reason, count in stage.removed.items():
            counts[f"removed: {reason}"] = f"− {count:,.0f}"
        counts[Strong(f"kept by the {stage.stage} stage")] = Strong(f"{stage.kept:,.0f}")
    return counts


def training(study: StudyResults, findings: Findings) -> Section:
    """How the networks learnt, where any were trained, and what everything cost."""
    cohort, several = findings.tested[0], len(findings.tested) > 1
    followed = findings.curves[findings.curves["cohort"] == cohort]
    content = {
        "curves": None if followed.empty else curves.Training(followed),
        "costs": _costs_table(findings),
        "of_cohort": f" of {cohort}" if several else "",
        "several": several,
        "data_parallel": study.facts["data_parallel"],
    }
    return Section("training", "Training and its cost", content)


def _costs_table(findings: Findings) -> Table:
    lines, titles = [], []
    for pair, costs in findings.costs.groupby(["kind", "name"], sort=False):
        kind, name = map(str, pair)
        seconds = dict(zip(costs["cohort"], costs["seconds"], strict=True))
        cells = [duration(seconds[each]) if each in seconds else "" for each in findings.tested]
        words = name if kind else STAGES.get(name, name)
        lines.append([words, *cells, duration(costs["core_seconds"].iloc[0])])
        titles.append(kind_title(kind) if kind else "shared by the arms")
    return Table(["", *findings.tested, "processor seconds"], lines, titles)


def made(study: StudyResults, findings: Findings) -> Section:
    """How a study was made: command, cohorts, machine and settings."""
    facts, settings = study.facts, study.facts["settings"]
    alone = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    groups = {f"Settings: {name}": value for name, value in settings.items() if name not in alone}
    tables = {"Machine": facts["machine"], "Settings": alone} | groups
    began, ended = (facts[name].replace("T", " ") for name in ("started", "finished"))
    content = {
        "command": facts["command"],
        "words": f"Begun {began}, finished {ended}. Beside this page lie study.toml, from which "
        "the same command makes the same study, and every number as CSV: summary, results, "
        "predictions, comparison, control, calibration, history, costs.",
        "cohorts": _cohorts_table(facts["cohorts"]),
        "facts": {title: facts_table(table) for title, table in tables.items() if table},
    }
    return Section("made", "How this was made", content)


def _cohorts_table(cohorts: Mapping[str, Mapping[str, Any]]) -> Table:
    lines: list[Row] = []
    for name, cohort in cohorts.items():
        counts = [f"{cohort[key]:,}" for key in ("observations", "genes", "constant_genes")]
        classes = [
            f"{label}{' (at risk)' if label == cohort['positive'] else ''} {count:,}"
            for label, count in cohort["classes"].items()
        ]
        lines.append([name, cohort["source"], *counts, ", ".join(classes)])
    heads = ["", "source", "observations", "genes", "constant genes", "classes"]
    return Table(heads, lines, align="llrrrl")


def definitions(study: StudyResults, findings: Findings) -> Section:
    """Whose definitions were used."""
    return Section("whose", "Whose definitions", {})


SECTIONS: tuple[Callable[[StudyResults, Findings], Section | None], ...] = (
    answer, comparison, filters, kept, factors, ranks, images, calibration, control, account,
    training, made, definitions,
)  # fmt: skip
"""In the order of the page."""
