"""The whole comparison, and its page."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps
from deepnic.errors import EngineError, InputError, as_word, choose
from deepnic.extras import needs

if TYPE_CHECKING:
    from deepnic.config import Strict
    from deepnic.study import StudySettings
    from deepnic.study.genes.settings import GeneStudySettings


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path("demo"),
    seed: options.Seed = 0,
) -> None:
    """Run the whole way on the bundled Wisconsin cohort, to the report, in a few minutes."""
    from deepnic.cohort.demo import DEMO
    from deepnic.config import checked
    from deepnic.study import StudySettings

    settings = {
        "seed": seed,
        "folds": 3,
        "epochs": 5,  # of 379 images each
        "data_parallel": min(2, os.cpu_count() or 1),
        "cohorts": {DEMO: {"file": DEMO}},
        # of 379 training observations: trees grown on a fifth are perfect often enough
        "forest": {"n_genes": 0, "n_trees": 10, "subsample": 0.2},
        "arms": {"strengths": [256]},
    }
    compare(checked(StudySettings, settings), output)


@options.reads_cohort
def study(
    source: Annotated[
        Path | None,
        typer.Argument(help="Settings of a study (TOML), or one cohort: as of `deepnic cohort`."),
    ] = None,
    *,
    how: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder to write or go on with; study-SOURCE here."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Only write the settings, each explained, into this TOML file to edit."),
    ] = None,
    items: Annotated[
        str, typer.Option(help="What is studied of one cohort: observations or genes.")
    ] = "observations",
    folds: Annotated[int | None, typer.Option(help="Folds of the cross-validation.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Times to cut into folds anew.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers.")] = None,
    n_trees: Annotated[
        int | None, typer.Option(help="Trees of each gene under each condition.")
    ] = None,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
) -> None:
    """Compare the assemblies with all else by cross-validation, and write the report.

    What is compared, on which cohorts, is said in a TOML file; a cohort alone is studied with the
    defaults. Options stand over both. An interrupted study goes on where it stopped.
    """
    from deepnic.study.settings import StudySettings

    choose("items", items, ("observations", "genes"))
    given = {"folds": folds, "repeats": repeats, "seed": seed, "n_trees": n_trees}
    if init is not None:
        if source is not None:
            if _is_toml(source):
                raise InputError(f"--init writes settings, and {source} has some; copy it instead")
            source, how = _seen_from(init.parent, source), _seen_from(init.parent, how)
        _write_settings(_settings(source or Path("mine.csv"), items, how, given), init)
        return
    if source is None:
        raise InputError("no cohort was named; give its file, or --init study.toml for settings")
    settings = _settings(source, items, how, given)
    run = compare if isinstance(settings, StudySettings) else compare_genes
    with options.dask_scheduler(workers, scheduler):
        run(settings, output or Path(f"study-{source.stem}"))


def _is_toml(source: Path) -> bool:
    return source.suffix.lower() == ".toml"


def _settings(
    source: Path, items: str, how: dict[str, Any], given: dict[str, Any]
) -> "StudySettings | GeneStudySettings":
    """Settings of a file, or for one cohort, with what the options say in their place."""
    from deepnic.config import checked
    from deepnic.files import folder_names
    from deepnic.study import read_settings
    from deepnic.study.genes.settings import GeneStudySettings
    from deepnic.study.settings import StudySettings
    from deepnic.study.toml import override

    settings: StudySettings | GeneStudySettings
    if _is_toml(source):
        if named := [name for name, value in how.items() if value and name != "groups"]:
            raise InputError(
                f"--{named[0].replace('_', '-')} is for a single cohort; write it "
                f"under [cohorts.NAME] of {source}"
            )
        settings, given = read_settings(source), given | {"groups": how["groups"]}
    else:
        (name,) = folder_names([source.stem], otherwise="cohort")
        cohorts = {"cohorts": {name: {"file": source} | how}}
        if items == "genes":
            settings = checked(GeneStudySettings, cohorts)
        else:
            settings = checked(StudySettings, cohorts)
    return override(settings, given)


def _seen_from(folder: Path, given: Any) -> Any:
    """Files that options name, as the settings in a folder have to name them."""
    if isinstance(given, dict):
        return {name: _seen_from(folder, value) for name, value in given.items()}
    if isinstance(given, Path) or (isinstance(given, str) and os.path.isfile(given)):
        return type(given)(os.path.relpath(given, folder))
    return given


def _write_settings(settings: "Strict", path: Path, command: str = "study") -> None:
    """Write settings to edit, and say for which command they are."""
    from deepnic.config import commented_toml
    from deepnic.files import check_new, whole

    if not _is_toml(path):
        raise InputError(f"{path} is to hold settings; let its name end in .toml")
    check_new(path)
    with whole(path) as partial:
        partial.write_text(f"{commented_toml(settings)}\n", encoding="utf-8")
    console.print(
        f"written: {path}; edit it, then run `deepnic {command} {as_word(path)}`", soft_wrap=True
    )


def report(
    study: Annotated[
        Path, typer.Argument(help="Folder of `deepnic study`, or of a run of `deepnic train`.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Page to write; FILE.md holds a study's tables."),
    ] = None,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="List patients by their ids in the page.")
    ] = False,
) -> None:
    """Write the page of a study, or of a training run, again; or a study's tables as Markdown."""
    from deepnic.report import write_report, write_tables

    if output and output.suffix == ".md":
        page = write_tables(study, output)
    else:
        page = write_report(study, output, show_ids=show_ids)
    console.print(f"report: {page}", soft_wrap=True)


def compare_genes(settings: Any, output: Path) -> None:
    """Run a study of genes, or what is left of it, and write its page."""
    needs("train", "report")
    from deepnic.analysis.gene_findings import find_genes
    from deepnic.report import write_report
    from deepnic.study.cohorts import read_cohorts
    from deepnic.study.genes.folder import read_gene_study
    from deepnic.study.genes.run import run_gene_study

    cohorts, settings = read_cohorts(settings)
    options.say_what_was_read(cohorts)
    keeps(f"arms in {output} are kept: run the same command again and it goes on")
    run_gene_study(cohorts, output, settings)
    results = read_gene_study(output)
    for sentence in find_genes(results).answer:
        console.print(sentence, soft_wrap=True)
    console.print(f"report: {write_report(output)}", soft_wrap=True)
    _check_whole(results.facts, output)


def compare(settings: Any, output: Path) -> None:
    """Run a study, or what is left of it, and write its page."""
    needs("train", "report")
    import deepnic
    from deepnic.analysis import find
    from deepnic.report import summary_table
    from deepnic.study import read_study
    from deepnic.study.cohorts import read_cohorts

    for source in settings.cohorts.values():
        options.ready_key(source.pseudonymise, output)
    cohorts, settings = read_cohorts(settings)
    options.say_what_was_read(cohorts)
    keeps(f"folds and arms in {output} are kept: run the same command again and it goes on")
    deepnic.run_study(cohorts, output, settings)
    page = deepnic.write_report(output)
    results = read_study(output)
    console.print(summary_table(find(results)))
    console.print(f"report: {page}", soft_wrap=True)
    _check_whole(results.facts, output)


def _check_whole(facts: dict[str, Any], output: Path) -> None:
    """Tell of what could not be made, when all else is done."""
    if lacking := len(facts["failures"]):
        raise EngineError(
            f"{lacking} parts of the study in {output} could not be made, the page tells which and "
            "why; run the same again to try them, and only them, once more"
        )


def pretrain(
    source: Annotated[
        Path | None, typer.Argument(help="Settings (TOML): the cohorts to learn from, the prior.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write or go on with.")
    ] = Path("pretrained"),
    init: Annotated[
        Path | None,
        typer.Option(help="Only write the settings, each explained, into this TOML file to edit."),
    ] = None,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
) -> None:
    """Train a network on simulated and real cohorts, that reads patients of any other.

    It needs no training where it is used: by `deepnic predict --network FILE`, and as an arm of a
    study. An interrupted pretraining goes on where it stopped.
    """
    from deepnic.config import checked, read_toml
    from deepnic.pretrain.run import pretrain as run
    from deepnic.pretrain.settings import PretrainSettings
    from deepnic.study.cohorts import read_cohorts
    from deepnic.study.toml import beside

    if init is not None:
        example = {"cohorts": {"mine": {"file": "mine.csv"}}}
        _write_settings(checked(PretrainSettings, example), init, "pretrain")
        return
    if source is None:
        raise InputError("no settings were named; give their file, or --init pretrain.toml")
    settings = checked(PretrainSettings, read_toml(source))
    named = settings.model_copy(update={"cohorts": beside(source.parent, settings.cohorts)})
    cohorts, named = read_cohorts(named)
    with options.dask_scheduler(workers, scheduler):
        file = run(cohorts, output, named)
    console.print(f"networks: {file}", soft_wrap=True)
