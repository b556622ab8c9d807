"""Training on what `grow` and `pixels` left, and predicting with what was trained."""

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from deepnic.cli.app import console
from deepnic.cli.options import Device, Slurm, words
from deepnic.errors import InputError

Source = Annotated[
    Path | None,
    typer.Argument(help="Table of `deepnic pixels`, or store of `deepnic grow` (genes, --config)."),
]


def train(
    context: typer.Context,
    source: Source = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: data, labels, assembly, training, run."),
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="linear, snail, earthworm, pacman or hilbert.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="What is laid along the path: pixel or tile.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="small, residual, or your own as module:function.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Items of a batch, all workers together.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Ray workers, data-parallel; 0 trains in this process.")
    ] = None,
    elastic: Annotated[
        bool | None, typer.Option("--elastic", help="Go on with fewer workers when some are lost.")
    ] = None,
    device: Device = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the runs; shared by machines.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the same run where it was interrupted.")
    ] = False,
    slurm: Slurm = None,
) -> None:
    """Assemble by one path and train the network; predict the items held out.

    Options stand over what --config says.
    """
    from deepnic.report import ranking_table, write_report
    from deepnic.runs.config import read_config
    from deepnic.runs.run import run

    given: dict[str, dict[str, Any]] = {
        "data": {"source": source},
        "assembly": {"path": path, "unit": unit},
        "training": {
            "network": network, "epochs": epochs, "batch_size": batch_size, "seed": seed
        },
        "run": {"workers": workers, "elastic": elastic, "device": device, "output": output},
    }  # fmt: skip
    checked = read_config(config, given)
    if slurm is not None:
        from deepnic.cluster.slurm.jobs import read_profile, train_job

        if not checked.run.workers:
            raise InputError("no Ray workers were asked for; give --workers, one for each node")
        arguments = words(context, without="slurm")
        raise typer.Exit(train_job(read_profile(slurm), arguments, elastic=checked.run.elastic))
    logging.basicConfig(format="%(message)s")
    logging.getLogger("deepnic").setLevel(logging.INFO)
    result, ranking = run(checked, resume=resume)
    for name, value in result.metrics.items():
        shown = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
        console.print(f"{name.replace('_', ' ')}: {shown}")
    if ranking is not None:
        console.print(ranking_table(ranking))
    if result.folder is not None:
        console.print(f"report: {write_report(result.folder)}", soft_wrap=True)


def predict(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a run's folder.")],
    source: Annotated[
        Path, typer.Argument(help="Store of `deepnic grow`, or table with the same pixels.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file to write.")],
) -> None:
    """Predict the items of a store or table with a trained network."""
    from deepnic.learn import load_network
    from deepnic.store import open_items

    if output.exists():
        raise InputError(f"{output} exists already; choose another path, or delete it first")
    predictions = load_network(checkpoint).predict(open_items(source))
    output.parent.mkdir(parents=True, exist_ok=True)
    predictions.to_csv(output, index=False)
    counts = predictions["predicted"].value_counts()
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
