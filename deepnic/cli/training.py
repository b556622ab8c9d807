"""Training on what `grow` and `pixels` left, and predicting with what was trained."""

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps, patiently
from deepnic.cli.options import CANCELLED, Slurm
from deepnic.errors import InputError
from deepnic.extras import needs

if TYPE_CHECKING:
    from deepnic.runs.config import TrainConfig

Source = Annotated[
    Path | None,
    typer.Argument(help="Table of `deepnic pixels`, or store of `deepnic grow` (genes, --config)."),
]


def train(
    source: Source = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: data, labels, assembly, training, run."),
    ] = None,
    path: Annotated[str | None, typer.Option(help="{deepnic.assembly:PATHS}.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="Laid along the path: {deepnic.assembly.canvas:UNITS}.")
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
    device: Annotated[str | None, typer.Option(help="{deepnic.learn.settings:DEVICES}.")] = None,
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
    from deepnic.runs.config import read_config

    given: dict[str, dict[str, Any]] = {
        "data": {"source": source},
        "assembly": {"path": path, "unit": unit},
        "training": {
            "network": network, "epochs": epochs, "batch_size": batch_size, "seed": seed
        },
        "run": {"workers": workers, "elastic": elastic, "device": device, "output": output},
    }  # fmt: skip
    settings = read_config(config, given)
    keeps(
        "nothing is kept of a training without a folder: name one by -o, and it can be resumed"
        if settings.run.output is None
        else f"the epochs in {settings.run.output} are kept: run the same command with --resume "
        "and it goes on"
    )
    if slurm is not None:
        with patiently(CANCELLED):
            raise typer.Exit(_submit(settings, slurm, resume))
    needs("train", "report")
    from deepnic.report import ranking_table, write_report
    from deepnic.runs.run import run

    result, ranking = run(settings, resume=resume)
    for name, value in result.metrics.items():
        number = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
        console.print(f"{name.replace('_', ' ')}: {number}")
    if ranking is not None:
        console.print(ranking_table(ranking))
    if result.folder is not None:
        console.print(f"report: {write_report(result.folder)}", soft_wrap=True)


def _submit(settings: "TrainConfig", slurm: Path, resume: bool) -> int:
    """Train as a job of Slurm; it reads the settings, options included, from a file of its own."""
    from deepnic.cluster.slurm.jobs import read_profile, train_job
    from deepnic.config import to_toml

    if not settings.run.workers:
        raise InputError("no Ray workers were asked for; give --workers, one for each node")
    profile = read_profile(slurm)
    logs = profile.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=logs, prefix="train-", suffix=".toml", delete=False
    ) as file:
        file.write(to_toml(settings.model_dump(mode="json")))
    arguments = ["--config", file.name, *(["--resume"] if resume else [])]
    return train_job(profile, arguments, elastic=settings.run.elastic)


def predict(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a run's folder.")],
    source: Annotated[
        Path, typer.Argument(help="Store of `deepnic grow`, or table with the same pixels.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file to write.")],
    network: Annotated[
        str | None,
        typer.Option(help="Your own network as module:function, where it was trained with that."),
    ] = None,
) -> None:
    """Predict the items of a store or table with a trained network."""
    from deepnic.files import write_csv
    from deepnic.learn import load_network
    from deepnic.store import open_items

    if output.exists():
        raise InputError(f"{output} exists already; choose another path")
    predictions = load_network(checkpoint, network=network).predict(open_items(source))
    write_csv(output, predictions)
    counts = predictions["predicted"].value_counts()
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
