"""The whole comparison, and its page."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

from deepnic.cli.app import console
from deepnic.cli.options import (
    CohortFile,
    Epochs,
    Kept,
    Log2,
    Positive,
    Ranges,
    Rate,
    Scheduler,
    Seed,
    Sizes,
    State,
    Subsample,
    Trees,
    Workers,
    dask_scheduler,
    integers,
    rate,
    read,
)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path("demo"),
    seed: Seed = 0,
) -> None:
    """Run the whole way on the bundled Wisconsin cohort, to the report, in a few minutes."""
    import deepnic
    from deepnic.study import StudySettings

    # 455 training observations: trees grown on a fifth of them are perfect often enough
    workers = min(2, os.cpu_count() or 1)
    settings = StudySettings(n_genes=None, n_trees=20, subsample=0.2, workers=workers, seed=seed)
    _study(deepnic.demo_cohort(), output, settings)


def study(
    cohort: CohortFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="New folder; study-COHORT here if left out."),
    ] = None,
    state: State = None,
    positive: Positive = None,
    log2: Log2 = False,
    paths: Annotated[str, typer.Option(help="Paths compared, by commas.")] = (
        "linear,snail,earthworm,pacman,hilbert"
    ),
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    repeats: Annotated[int, typer.Option(help="Repeats of the cross-validation.")] = 1,
    seeds: Annotated[int, typer.Option(help="Networks for each path and fold.")] = 1,
    n_genes: Annotated[
        int, typer.Option(help="Genes chosen in the training fold; 0 takes all.")
    ] = 200,
    n_trees: Trees = 20,
    weight_ranges: Ranges = "3-5",
    tree_sizes: Sizes = "3-8",
    subsample: Subsample = 0.5,
    k: Kept = 1024,
    fdr: Rate = 0.05,
    epochs: Epochs = 40,
    permute: Annotated[bool, typer.Option(help="Permute the labels first: a control.")] = False,
    train_workers: Annotated[
        int, typer.Option(help="Show the best path data-parallel on so many Ray workers.")
    ] = 0,
    seed: Seed = 0,
    workers: Workers = 0,
    scheduler: Scheduler = None,
) -> None:
    """Compare the assemblies and the baselines by cross-validation, and write the report."""
    from deepnic.store import check_new
    from deepnic.study import StudySettings

    settings = StudySettings(
        paths=tuple(paths.split(",")),
        folds=folds,
        repeats=repeats,
        seeds=seeds,
        n_genes=n_genes or None,
        n_trees=n_trees,
        weight_ranges=integers("weight-ranges", weight_ranges),
        tree_sizes=integers("tree-sizes", tree_sizes),
        subsample=subsample,
        k=k,
        fdr=rate(fdr),
        epochs=epochs,
        permute=permute,
        workers=train_workers,
        seed=seed,
    )
    output = output or Path(f"study-{cohort.stem}")
    check_new(output)
    data = read(cohort, state, positive, log2)
    with dask_scheduler(workers, scheduler):
        _study(data, output, settings)


def report(
    study: Annotated[
        Path, typer.Argument(help="Folder of `deepnic study`, or of a run of `deepnic train`.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Page to write.")] = None,
) -> None:
    """Write the page of a study, or of a training run, again."""
    import deepnic

    console.print(f"report: {deepnic.write_report(study, output)}", soft_wrap=True)


def _study(cohort: xr.Dataset, output: Path, settings: Any) -> None:
    import deepnic
    from deepnic.show import summary_table

    summary = deepnic.run_study(cohort, output, settings)
    page = deepnic.write_report(output)
    console.print(summary_table(summary))
    console.print(f"report: {page}", soft_wrap=True)
