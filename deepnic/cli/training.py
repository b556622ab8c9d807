"""Training on what `grow` and `pixels` left, and predicting with what was trained."""

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps, patiently
from deepnic.cli.options import CANCELLED, Slurm, reads_patients, ready_key, say_notes
from deepnic.errors import InputError
from deepnic.extras import needs

if TYPE_CHECKING:
    import pandas as pd

    from deepnic.learn import OneVsRest, Predictor
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
    cohort: Annotated[
        Path | None,
        typer.Option(
            help="File of the cohort, if it is not any more where `grow` read it: its trees go "
            "into the checkpoint, which then predicts patients of any table."
        ),
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

    Of a group of tables, a network of each class against the rest, and one checkpoint of all.
    Options stand over what --config says.
    """
    from deepnic.runs.config import read_config

    given: dict[str, dict[str, Any]] = {
        "data": {"source": source, "cohort": cohort},
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
    from deepnic.runs.classes import JoinedResult
    from deepnic.runs.run import run

    result, ranking = run(settings, resume=resume)
    of_classes = result.of_classes if isinstance(result, JoinedResult) else {}
    for label, one in of_classes.items():
        console.print(f"{label} against the rest", soft_wrap=True)
        _say_metrics(one.metrics)
        if one.folder is not None:
            write_report(one.folder)
    if of_classes:
        console.print(f"all {len(of_classes)} classes at once; balanced accuracy is macro-averaged")
    _say_metrics(result.metrics)
    console.print(result.predictor.meaning, soft_wrap=True)
    if ranking is not None:
        console.print(ranking_table(ranking))
    if result.folder is not None:
        console.print(f"report: {write_report(result.folder)}", soft_wrap=True)


def _say_metrics(metrics: dict[str, float]) -> None:
    for name, value in metrics.items():
        number = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
        console.print(f"{name.replace('_', ' ')}: {number}")


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


@reads_patients
def predict(
    checkpoint: Annotated[
        Path | None,
        typer.Argument(help="checkpoint.pt of a run's folder; none for a pretrained network."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Argument(
            help="Table of patients, in any format that `grow` reads, with or without states; or a "
            "store of `deepnic grow` or table of `deepnic pixels`."
        ),
    ] = None,
    *,
    how: dict[str, Any],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file to write.")],
    network: Annotated[
        str | None,
        typer.Option(
            help="`pretrained`, or a file of `deepnic pretrain`, in the place of a checkpoint, for "
            "tables of parts; or your own network as module:function, where one was trained."
        ),
    ] = None,
) -> None:
    """Predict patients of a table, or the items of a store, with a trained network.

    A table needs neither the training cohort nor its store, where the network was trained with
    its cohort at hand. A pretrained network needs no training: it reads the tables of a cohort
    that was grown in parts.
    """
    from deepnic.files import check_new, write_csv
    from deepnic.learn import load_network

    check_new(output)
    if checkpoint is None:
        raise InputError("nothing to predict was named; give a checkpoint and a table of patients")
    if source is None:
        predictions, meaning = _predict_pretrained(checkpoint, how, network)
    else:
        predictor = load_network(checkpoint, network=network)
        predictions = predictor.predict(to_predict(source, how, predictor))
        meaning = predictor.meaning
    write_csv(output, predictions)
    say_notes((source or checkpoint).name, predictions.attrs["notes"])
    counts = predictions["predicted"].value_counts()
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    console.print(meaning, soft_wrap=True)
    if "remark" in predictions:
        _say_known(predictions["remark"])


def _predict_pretrained(
    source: Path, how: dict[str, Any], network: str | None
) -> tuple["pd.DataFrame", str]:
    """Predict the tables of a cohort by a network of others."""
    from deepnic.learn.calibration import meaning
    from deepnic.runs.pretrained import predict_pretrained

    if network is None or ":" in network:
        raise InputError(
            f"only {source} was named; give a checkpoint and what it is to predict, or --network "
            "pretrained for the tables of a cohort that was grown in parts"
        )
    check_store(source, how)
    predictions, calibration = predict_pretrained(source, network)
    return predictions, meaning(calibration)


def _say_known(remarks: "pd.Series[str]") -> None:
    """Say of how many patients something was known."""
    from deepnic.learn.trees import TRAINED_ON

    if n := remarks.str.contains(TRAINED_ON).sum():
        console.print(
            f"{n} are of the training: only trees that left them out were asked, but the network "
            "itself knows them, so these probabilities are too good",
            soft_wrap=True,
        )


def check_store(source: Path, how: dict[str, Any]) -> None:
    """Refuse options for tables of patients where a store is read."""
    if given := [name for name, value in how.items() if value]:
        raise InputError(
            f"--{given[0].replace('_', '-')} is for tables of patients, and {source} is a "
            "store; leave it out"
        )


def to_predict(source: Path, how: dict[str, Any], predictor: "Predictor | OneVsRest") -> Any:
    """Read patients, or open the store or table of items, or those of each class."""
    if source.is_dir() or source.suffix == ".zarr":
        check_store(source, how)
        from deepnic.learn import OneVsRest
        from deepnic.store import open_classes  # seconds, for those who need it
        from deepnic.store.group import check_single, read_group
        from deepnic.variables import CLASSES

        of_classes = read_group(source)[0] == CLASSES
        if of_classes and not isinstance(predictor, OneVsRest):
            check_single(source)
        stores = open_classes(source)
        return stores if of_classes else next(iter(stores.values()))
    from deepnic.cohort import read_patients

    ready_key(how["pseudonymise"], None)
    patients = read_patients(source, predictor.genes, **how)
    if patients.attrs["id_column"] == "":
        console.print("no id column was found; ids were made up")
    say_notes(source.name, patients.attrs["notes"].split("\n"))
    return patients
