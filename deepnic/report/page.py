"""The report of a study or a training run: one HTML page that needs nothing else."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from deepnic.analysis import Interval, StudyResults, find
from deepnic.analysis.gene_findings import find_genes
from deepnic.analysis.multiclass import judge_run
from deepnic.analysis.results import ClassesResults, GeneResults, RunResults
from deepnic.analysis.training import find_run
from deepnic.errors import InputError
from deepnic.files import as_path, whole
from deepnic.report.sections import SECTIONS, Section
from deepnic.report.sections.classes import joined_sections
from deepnic.report.sections.genes import gene_sections
from deepnic.report.sections.run import run_sections
from deepnic.report.tables import Cell, Strong, duration
from deepnic.rop.signatures import CRITERIA
from deepnic.runs.folder import CLASSES, RUN, read_classes_run, read_run
from deepnic.study.folder import STUDY, read_study
from deepnic.study.genes.folder import is_of_genes, read_gene_study


def write_report(
    folder: str | Path, path: str | Path | None = None, *, show_ids: bool = False
) -> Path:
    """Write the report of a study or of one training run.

    Parameters
    ----------
    folder : str or Path
        Folder written by `deepnic.run_study` or by ``deepnic train``.
    path : str or Path, optional
        Page to write; ``report.html`` in the folder unless given.
    show_ids : bool
        List patients by their ids, which a page has not unless it is asked for.

    Returns
    -------
    Path
        The page: self-contained, and without the id of any observation unless that is asked for.

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> write_report("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no study in nowhere: run `deepnic study` first, or `deepnic train`
    """
    folder = as_path(folder)
    joined = (folder / CLASSES).is_file()
    trained = joined or (folder / RUN).is_file()
    if not trained and not (folder / STUDY).is_file():
        raise InputError(f"no study in {folder}: run `deepnic study` first, or `deepnic train`")
    try:
        if joined:
            page = joined_page(read_classes_run(folder, ids=show_ids))
        elif is_of_genes(folder):
            page = gene_study_page(read_gene_study(folder))
        elif trained:
            page = run_page(read_run(folder, ids=show_ids))
        else:
            page = study_page(read_study(folder, ids=show_ids))
    except (KeyError, UndefinedError) as error:
        what, command = ("training run", "train") if trained else ("study", "study")
        raise InputError(
            f"the {what} in {folder} is not complete ({error}): run `deepnic {command}` again"
        ) from error
    path = folder / "report.html" if path is None else as_path(path)
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def study_page(study: StudyResults) -> str:
    """Return the page of a study."""
    findings = find(study)
    facts = {name: study.facts["cohorts"][name] for name in findings.cohorts}
    cohorts = [
        f"{name}, {each['observations']:,} observations × {each['genes']:,} genes"
        for name, each in facts.items()
    ]
    transfers = ["and transfers from cohort to cohort"] if findings.transfers else []
    sections = [section for make in SECTIONS if (section := make(study, findings))]
    return _page(
        title=f"Assemblies of pixels compared: {', '.join(findings.tested)}",
        heading="One gene, one image: the ways to assemble its pixels, compared",
        subtitle=f"{findings.arms['arm'].nunique()} arms: {'; '.join(cohorts + transfers)}",
        sections=sections,
        version=study.facts["machine"]["deepnic"],
    )


def gene_study_page(study: GeneResults) -> str:
    """Return the page of a study of genes."""
    cohorts = [
        f"{name}, {each['observations']:,} observations × {each['genes']:,} genes"
        for name, each in study.facts["cohorts"].items()
    ]
    return _page(
        title=f"Assemblies of genes compared: {', '.join(study.facts['cohorts'])}",
        heading="One gene, one image: which assembly tells most of a gene",
        subtitle=f"{study.summary['arm'].nunique()} arms: {'; '.join(cohorts)}",
        sections=gene_sections(study, find_genes(study)),
        version=study.facts["machine"]["deepnic"],
    )


def run_page(run: RunResults) -> str:
    """Return the page of a training run."""
    findings, facts = find_run(run), run.facts
    (first, n_trained), *others = findings.counts.items()
    parts = [f"{n_trained:,} {facts['items']} for {first}", *(f"{n:,} for {p}" for p, n in others)]
    return _page(
        title=f"Training run {facts['name']}",
        heading=f"A network trained on {n_trained:,} {facts['items']}, each an image",
        subtitle=f"{facts['name']}: {', '.join(parts)}",
        sections=run_sections(run, findings),
        version=facts["machine"]["deepnic"],
    )


def joined_page(run: ClassesResults) -> str:
    """Return the page of joined runs, of each class against the rest."""
    facts = run.facts
    counts = f"{facts['n_training']:,} for training, {facts['n_test']:,} held out"
    return _page(
        title=f"Training runs {facts['name']}",
        heading=f"Networks of {len(facts['classes'])} classes, each against the rest",
        subtitle=f"{facts['name']}: {', '.join(facts['classes'])}; {counts}",
        sections=joined_sections(run, judge_run(run)),
        version=facts["machine"]["deepnic"],
    )


def render_section(section: Section) -> Markup:
    """Return the HTML of a section, without its heading."""
    template = ENVIRONMENT.get_template(f"sections/{section.name}.html.jinja")
    return Markup(template.render(section.content))


def _page(sections: Sequence[Section], **head: str) -> str:
    template = ENVIRONMENT.get_template("page.html.jinja")
    return template.render(sections=[(each, render_section(each)) for each in sections], **head)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Strong):
        return Markup("<strong>{}</strong>").format(_cell(cell.cell))
    if isinstance(cell, Interval) and cell.bounded:
        ends = Markup('<br><span class="soft">{:.2f}–{:.2f}</span>').format(cell.low, cell.high)
        return f"{cell.mean:.3f}" + ends
    return str(cell)


ENVIRONMENT = Environment(
    loader=PackageLoader("deepnic", "report/templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
ENVIRONMENT.filters |= {"duration": duration, "cell": _cell}
ENVIRONMENT.globals["CRITERIA"] = CRITERIA
for _name in ("figure", "table", "criteria"):
    ENVIRONMENT.globals[_name] = getattr(ENVIRONMENT.get_template("parts.html.jinja").module, _name)
