"""The whole comparison, and its page."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.errors import EngineError, InputError
from deepnic.extras import needs


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
        "data_parallel": min(2, os.cpu_count() or 1),
        "cohorts": {DEMO: {"file": DEMO}},
        # 455 training observations: trees grown on a fifth of them are perfect often enough
        "forest": {"n_genes": 0, "subsample": 0.2},
        "arms": {"strengths": [1024]},
    }
    compare(checked(StudySettings, settings), output)


@options.reads_cohort
def study(
    source: Annotated[
        Path,
        typer.Argument(help="Settings of a study (TOML), or one cohort: as of `deepnic cohort`."),
    ],
    how: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder to write or go on with; study-SOURCE here."),
    ] = None,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
) -> None:
    """Compare the assemblies with all else by cross-validation, and write the report.

    What is compared, on which cohorts, is said in a TOML file; a cohort alone is studied with the
    defaults. An interrupted study goes on where it stopped.
    """
    from deepnic.config import checked
    from deepnic.study import StudySettings, read_settings

    output = output or Path(f"study-{source.stem}")
    if source.suffix.lower() == ".toml":
        if given := [name for name, value in how.items() if value]:
            raise InputError(
                f"--{given[0].replace('_', '-')} is for a single cohort; write it "
                f"under [cohorts.NAME] of {source}"
            )
        settings = read_settings(source)
    else:
        cohort = {"file": source} | how
        settings = checked(StudySettings, {"cohorts": {source.stem: cohort}})
    with options.dask_scheduler(workers, scheduler):
        compare(settings, output)


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
    cohorts = read_cohorts(settings)
    for name, cohort in cohorts.items():
        options.say_what_was_read(name, cohort)
    deepnic.run_study(cohorts, output, settings)
    page = deepnic.write_report(output)
    results = read_study(output)
    console.print(summary_table(find(results)))
    console.print(f"report: {page}", soft_wrap=True)
    if lacking := len(results.facts["failures"]):
        raise EngineError(
            f"{lacking} parts of the study in {output} could not be made, the page tells which and "
            "why; run the same again to try them, and only them, once more"
        )
