"""The command line: thin words around the public functions."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr
from rich.console import Console

from deepnic.errors import InputError

app = typer.Typer(
    help="One gene, one image: ROP-images, filtered, assembled and compared by deep learning. "
    "--debug shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()

CohortFile = Annotated[Path, typer.Argument(help="CSV table, or .npz with its .labels.csv beside.")]
State = Annotated[str | None, typer.Option(help="Column that holds the state.")]
Positive = Annotated[str | None, typer.Option(help="Label that is state 1, against all others.")]
Log2 = Annotated[bool, typer.Option(help="Take log2 of linear intensities.")]
Trees = Annotated[int, typer.Option(help="Trees of each gene under each condition.")]
Ranges = Annotated[str, typer.Option(help="Weight ranges R, such as 3-5 or 3,5.")]
Sizes = Annotated[str, typer.Option(help="Genes of a tree V, such as 3-8 or 3,5.")]
Subsample = Annotated[float, typer.Option(help="Share of each class that a tree is grown on.")]
Kept = Annotated[int, typer.Option("--k", min=1, help="Pixels kept at most.")]
Rate = Annotated[float, typer.Option(help="False discovery rate of the filter; 1 turns it off.")]
Epochs = Annotated[int, typer.Option(help="Epochs of each network.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Workers = Annotated[
    int, typer.Option(min=0, help="Dask workers started for this command; 0: threads.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        envvar="DASK_SCHEDULER_ADDRESS", help="Dask scheduler: address or scheduler file."
    ),
]


def main() -> None:
    """Run the command line: exit code 0, 1 (failed) or 2 (bad use); traceback on --debug."""
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(arguments, prog_name="deepnic")
    except InputError as error:
        if debug:
            raise
        _fail(str(error), 2)
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error} (run again with --debug for the traceback)", 1)


def _fail(sentence: str, code: int) -> None:
    one_line = " ".join(sentence.split())
    Console(stderr=True, soft_wrap=True).print(f"error: {one_line}", markup=False, highlight=False)
    sys.exit(code)


@app.command()
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


@app.command()
def grow(
    cohort: CohortFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Zarr store to make or finish.")
    ] = None,
    state: State = None,
    positive: Positive = None,
    log2: Log2 = False,
    n_trees: Trees = 100,
    weight_ranges: Ranges = "3-5",
    tree_sizes: Sizes = "3-8",
    subsample: Subsample = 0.8,
    design: Annotated[str, typer.Option(help="balanced or stratified.")] = "balanced",
    hold_out: Annotated[
        float, typer.Option(help="Share of the observations whose label is hidden, to test on.")
    ] = 0.0,
    seed: Seed = 0,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only tell the time, memory and disk it will take.")
    ] = False,
    cores: Annotated[
        int, typer.Option(min=1, help="With --estimate: also for so many cores like these.")
    ] = 36,
    workers: Workers = 0,
    scheduler: Scheduler = None,
) -> None:
    """Grow the forest of a cohort into a store; an interrupted run goes on where it stopped."""
    import deepnic
    from deepnic.store import write_forest

    data = _read(cohort, state, positive, log2)
    if hold_out:
        data = _hold_out(data, hold_out, seed)
    parameters: dict[str, Any] = {
        "n_trees": n_trees,
        "weight_ranges": _integers("weight-ranges", weight_ranges),
        "tree_sizes": _integers("tree-sizes", tree_sizes),
        "subsample": subsample,
        "design": design,
        "seed": seed,
    }
    if estimate:
        from deepnic.estimate import estimate_growth
        from deepnic.show import estimate_table

        console.print(estimate_table(estimate_growth(data, **parameters), cores))
        return
    if output is None:
        raise InputError("no store was named; give its path with -o, or ask for an --estimate")
    forest = deepnic.grow_forest(data, **parameters)
    with _dask(workers, scheduler):
        written = write_forest(forest, output)
    console.print(f"{written} blocks of trees grown; the store {output} is complete")


@app.command()
def pixels(
    store: Annotated[Path, typer.Argument(help="Store of `deepnic grow`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Table (Zarr) to write.")],
    items: Annotated[str, typer.Option(help="observations or genes.")] = "observations",
    k: Kept = 1024,
    fdr: Rate = 0.05,
    max_undefined: Annotated[
        float, typer.Option(help="Share of items in which a pixel may be undefined.")
    ] = 0.5,
    redundancy: Annotated[bool, typer.Option(help="Choose the k by mRMR.")] = False,
    workers: Workers = 0,
    scheduler: Scheduler = None,
) -> None:
    """Filter the pixels of a store's images into a table, and say what was removed."""
    import deepnic
    from deepnic.pixels import account
    from deepnic.show import account_table
    from deepnic.store import check_new, open_forest, write_table

    check_new(output)
    forest = open_forest(store)
    if items not in ("observations", "genes"):
        raise InputError(f"unknown items {items!r}; choose observations or genes")
    images = (
        deepnic.observation_images(forest)
        if items == "observations"
        else deepnic.rop_images(forest, family="distinct")
    )
    with _dask(workers, scheduler):
        table = deepnic.filter_pixels(
            images, max_undefined=max_undefined, fdr=_rate(fdr), k=k, redundancy=redundancy
        )
    write_table(table, output)
    console.print(account_table(account(table)))


@app.command()
def train(
    table: Annotated[Path, typer.Argument(help="Table of `deepnic pixels`.")],
    path: Annotated[str, typer.Option(help="linear, snail, earthworm, pacman or hilbert.")] = (
        "linear"
    ),
    unit: Annotated[
        str, typer.Option(help="What is laid along the path: pixel or tile.")
    ] = "pixel",
    epochs: Epochs = 40,
    batch_size: Annotated[int, typer.Option(help="Items of a batch, all workers together.")] = 32,
    workers: Annotated[
        int, typer.Option(help="Ray workers, data-parallel; 0 trains in this process.")
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for checkpoints and predictions.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Assemble a table by one path and train the network; predict the observations held out."""
    import deepnic
    from deepnic.store import open_table

    items = open_table(table)
    if "state" not in items:
        raise InputError(f"{table} holds genes without classes; give a table of observations")
    images = deepnic.assemble(items, path=path, unit=unit, seed=seed)
    labels = items["label"].to_series()
    truth = (labels == items.attrs["positive"]).astype(int).where(labels != "", -1)
    result = deepnic.train(
        images,
        truth=truth,
        epochs=epochs,
        batch_size=batch_size,
        workers=workers,
        storage=output,
        seed=seed,
    )
    if output is not None:
        run = f"{path}-{unit}-seed{seed}"
        result.history.to_csv(output / f"{run}-history.csv", index=False)
        result.predictions.to_csv(output / f"{run}-predictions.csv", index=False)
    for name, value in result.metrics.items():
        console.print(f"{name.replace('_', ' ')}: {value:.4g}")


@app.command()
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
        weight_ranges=_integers("weight-ranges", weight_ranges),
        tree_sizes=_integers("tree-sizes", tree_sizes),
        subsample=subsample,
        k=k,
        fdr=_rate(fdr),
        epochs=epochs,
        permute=permute,
        workers=train_workers,
        seed=seed,
    )
    output = output or Path(f"study-{cohort.stem}")
    check_new(output)
    data = _read(cohort, state, positive, log2)
    with _dask(workers, scheduler):
        _study(data, output, settings)


@app.command()
def report(
    study: Annotated[Path, typer.Argument(help="Folder of `deepnic study`.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Page to write.")] = None,
) -> None:
    """Write the page of a study again."""
    import deepnic

    console.print(f"report: {deepnic.write_report(study, output)}")


def _study(cohort: xr.Dataset, output: Path, settings: Any) -> None:
    import deepnic
    from deepnic.show import summary_table

    summary = deepnic.run_study(cohort, output, settings)
    page = deepnic.write_report(output)
    console.print(summary_table(summary))
    console.print(f"report: {page}")


def _read(path: Path, state: str | None, positive: str | None, log2: bool) -> xr.Dataset:
    import deepnic

    cohort = deepnic.read_cohort(path, state=state, positive=positive, log2=log2)
    facts = f"{cohort.sizes['observation']} observations x {cohort.sizes['gene']} genes"
    ones = int((cohort["state"] == 1).sum())
    console.print(f"{path.name}: {facts}, {ones} of state 1 ({cohort.attrs['positive']})")
    if not cohort.attrs["id_column"]:
        console.print("no id column was found; ids were made up")
    if cohort.attrs["constant_genes"]:
        console.print(f"{cohort.attrs['constant_genes']} genes are constant and score 0 everywhere")
    return cohort


def _hold_out(cohort: xr.Dataset, share: float, seed: int) -> xr.Dataset:
    import numpy as np
    from sklearn.model_selection import train_test_split

    import deepnic

    if not 0 < share < 1:
        raise InputError("hold-out must lie between 0 and 1; 0.25 is usual")
    state = cohort["state"].values
    known = np.flatnonzero(state >= 0)
    try:
        _, test = train_test_split(
            known, test_size=share, stratify=state[known], random_state=seed % 2**32
        )
    except ValueError as error:
        raise InputError(
            f"hold-out of {share} cannot be drawn ({error}); choose another"
        ) from error
    return deepnic.hide_labels(cohort, np.isin(np.arange(state.size), test))


def _integers(name: str, words: str) -> tuple[int, ...]:
    """Read 3-8 or 3,5 (both may be mixed)."""
    numbers: list[int] = []
    try:
        for word in words.split(","):
            low, _, high = word.partition("-")
            numbers += (found := range(int(low), int(high or low) + 1))
            if not found:
                raise ValueError("the range is empty")
    except ValueError as error:
        raise InputError(f"--{name} {words!r} is not a list such as 3-8 or 3,5") from error
    return tuple(numbers)


def _rate(fdr: float) -> float | None:
    if not 0 < fdr <= 1:
        raise InputError("--fdr must lie above 0 and up to 1; 0.05 is usual, 1 turns it off")
    return None if fdr == 1 else fdr


@contextmanager
def _dask(workers: int, scheduler: str | None) -> Iterator[None]:
    """Use threads, workers started for the time of a command, or a scheduler that runs."""
    if scheduler is None and not workers:
        yield
        return
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None and workers:
        raise InputError("--workers starts workers here and --scheduler uses others; choose one")
    # a cohort rides in the graph, once, which Dask finds large
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
    if scheduler is None:
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        )
        with cluster, Client(cluster):
            yield
        return
    with Client(_answering(scheduler), timeout="30s"):
        yield


def _answering(scheduler: str) -> str:
    """Address of a scheduler, once something listens there.

    A client that cannot connect leaves a half-open one behind, which later calls would wait for.
    """
    from distributed.comm import get_address_host_port

    file = Path(scheduler)
    if ":" not in scheduler and not file.exists():
        raise InputError(f"no scheduler file {scheduler}; start a Dask scheduler or check the path")
    try:
        address = json.loads(file.read_text())["address"] if file.exists() else scheduler
        socket.create_connection(get_address_host_port(address), timeout=10).close()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler}; start it first") from error
    return address


if __name__ == "__main__":
    main()
