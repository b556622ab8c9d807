"""Options that several commands have, and what their words mean."""

import inspect
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli.app import console
from deepnic.cli.interrupts import patiently
from deepnic.cli.words import in_own_words
from deepnic.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from deepnic.cluster.ssh.inventory import Inventory

CANCELLED = 30.0  # seconds for Slurm to take jobs back
ANSWER = 15.0  # seconds for a scheduler to say what it is

CohortFile = Annotated[
    Path, typer.Argument(help="Table (CSV, Excel, Parquet), GEO series matrix, GCT, .h5ad or .npz.")
]

READING: dict[str, Any] = {
    "state": (str | None, None, "Column that holds the state; of GEO, a line, key or LINE~REGEX."),
    "positive": (str | None, None, "Label that is state 1, against all others."),
    "labels": (Path | None, None, "Table of states apart, matched by id."),
    "groups": (str | None, None, "Column of what stays together in folds and bags: patients."),
    "log2": (bool, False, "Take log2 of linear intensities."),
    "genes_in": (str | None, None, "Where the genes are, if that is unclear: rows or columns."),
    "genes": (str | None, None, "Which columns are genes: a regular expression, or a file."),
    "genes_from": (str | None, None, "Column that names the genes, of one row a gene."),
    "drop": (list[str] | None, None, "Column to leave out; may be given again."),
    "duplicates": (str | None, None, "Genes of one name: mean, max or first."),
    "impute": (str | None, None, "Missing values: median or knn, fitted in the training part."),
    "annotation": (Path | None, None, "Table of gene ids, such as probe sets, and symbols."),
    "layer": (str | None, None, "Of an .h5ad, the layer to read, or raw; left out, X."),
}
"""How a cohort is read, for every command that reads one: type, default and help."""

KEY = "File of the key of the pseudonyms; left out, one in ~/.config/deepnic."
HIDING: dict[str, Any] = {
    "pseudonymise": (bool, False, "Put keyed hashes in the place of patients' ids."),
    "key": (Path | None, None, KEY),
}
"""How ids are hidden, for every command that reads a cohort and has no key of its own."""


LABELLING = ("state", "positive", "labels", "groups", "genes", "impute", "annotation")
"""Those of `READING` that patients to predict have no need of."""


def reads_patients(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `reads_cohort` that do not ask for states or genes."""
    return reads_cohort(command, without=LABELLING)


def reads_cohort(
    command: Callable[..., None], *, without: Sequence[str] = ()
) -> Callable[..., None]:
    """Give a command the options of `READING` and `HIDING`, in place of its parameter ``how``."""
    own = inspect.signature(command, eval_str=True).parameters
    hides = not {*HIDING} & {*own}
    asked = READING | HIDING if hides else READING
    asked = {name: option for name, option in asked.items() if name not in without}

    @wraps(command)
    def run(**given: Any) -> None:
        how = {name: given.pop(name) for name in asked}
        how["drop"] = how["drop"] or ()
        if hides:
            how["pseudonymise"] = pseudonyms(how["pseudonymise"], how.pop("key"))
        command(**given, how=how)

    kept = [one.replace(kind=one.KEYWORD_ONLY) for name, one in own.items() if name != "how"]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default,
            annotation=Annotated[kind, typer.Option(f"--{name.replace('_', '-')}", help=words)],
        )
        for name, (kind, default, words) in asked.items()
    ]  # fmt: skip
    run.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in [*kept, *added]}
    return run


Trees = Annotated[int, typer.Option(help="Trees of each gene under each condition.")]
Ranges = Annotated[str, typer.Option(help="Weight ranges R, such as 3-5 or 3,5.")]
Sizes = Annotated[str, typer.Option(help="Genes of a tree V, such as 3-8 or 3,5.")]
Subsample = Annotated[float, typer.Option(help="Share of each class that a tree is grown on.")]
MaxBag = Annotated[
    int | None,
    typer.Option(min=1, help="Observations of each class that a tree is grown on at most."),
]
Kept = Annotated[int, typer.Option("--k", min=1, help="Pixels kept at most.")]
Rate = Annotated[float, typer.Option(help="False discovery rate of the filter; 1 turns it off.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Cores = Annotated[
    int, typer.Option(min=1, help="With --estimate: also for so many cores like these.")
]
Workers = Annotated[
    int, typer.Option(min=0, help="Dask workers started for this command; 0: threads.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        envvar="DASK_SCHEDULER_ADDRESS", help="Dask scheduler: address or scheduler file."
    ),
]
Slurm = Annotated[
    Path | None,
    typer.Option(help="Run on the nodes of this profile (TOML); see cluster/slurm/README.md."),
]


def hosts_and_secrets(inventory: Path) -> tuple["Inventory", Path]:
    from deepnic.cluster.ssh.inventory import read_inventory

    return read_inventory(inventory), inventory.absolute().parent / "secrets"


def pseudonyms(pseudonymise: bool, key: Path | None) -> bool | Path:
    """What `deepnic.read_cohort` is told of pseudonyms."""
    if key is not None and not pseudonymise:
        raise InputError("--key is for pseudonyms; add --pseudonymise")
    return key or pseudonymise


def ready_key(pseudonymise: bool | Path, output: Path | None) -> None:
    """Have the key of pseudonyms, if there are to be any, apart from what will be written."""
    if not pseudonymise:
        return
    from deepnic.cohort.pseudonyms import check_apart, default_key, open_key

    key = default_key() if pseudonymise is True else Path(pseudonymise).expanduser()
    if output is not None:
        check_apart(key, output)
    if not key.exists():
        open_key(key)
        console.print(
            f"{key} is the key of the pseudonyms, and new: keep it, apart from data and results; "
            "without it nobody can tell whose they are",
            soft_wrap=True,
        )


def read(path: Path, how: dict[str, Any]) -> "xr.Dataset":
    import deepnic

    cohort = deepnic.read_cohort(path, **how)
    say_what_was_read({path.name: cohort})
    return cohort


def read_classes(path: Path, how: dict[str, Any]) -> "dict[str, xr.Dataset]":
    """Cohorts by label: of several classes, of which none is named, each against the rest."""
    import deepnic

    cohorts = deepnic.read_classes(path, **how)
    first = next(iter(cohorts.values()))
    if len(cohorts) == 1:
        say_what_was_read({path.name: first})
        return cohorts
    counts = first["label"].to_series().value_counts()
    classes = ", ".join(f"{label} {counts[label]}" for label in cohorts)
    console.print(
        f"{path.name}: {_sizes(first)}, {len(cohorts)} classes, each taken against the rest: "
        f"{classes}",
        soft_wrap=True,
    )
    _say_more(path.name, first)
    return cohorts


def say_what_was_read(cohorts: "Mapping[str, xr.Dataset]") -> None:
    """Say what each cohort is; of classes of one cohort, what they share once."""
    said = set()
    for name, cohort in cohorts.items():
        ones = int((cohort["state"] == 1).sum())
        console.print(f"{name}: {_sizes(cohort)}, {ones} of state 1 ({cohort.attrs['positive']})")
        if (whole := cohort.attrs.get("one_of", name)) not in said:
            _say_more(whole, cohort)
        said.add(whole)


def _sizes(cohort: "xr.Dataset") -> str:
    return f"{cohort.sizes['observation']} observations x {cohort.sizes['gene']} genes"


def _say_more(name: str, cohort: "xr.Dataset") -> None:
    """Say what was assumed of a cohort, whichever class is against the rest."""
    if cohort.attrs.get("id_column") == "":
        console.print("no id column was found; ids were made up")
    say_notes(name, cohort.attrs.get("notes", "").split("\n"))
    if cohort.attrs["constant_genes"]:
        console.print(f"{cohort.attrs['constant_genes']} genes are constant and score 0 everywhere")


def say_notes(name: str, notes: Iterable[str]) -> None:
    for note in filter(None, notes):
        console.print(f"{name}: {in_own_words(note)}", soft_wrap=True)


def integers(name: str, words: str) -> tuple[int, ...]:
    """Read 3-8 or 3,5 (both may be mixed)."""
    numbers: list[int] = []
    try:
        for word in words.split(","):
            low, _, high = word.partition("-")
            numbers += (span := range(int(low), int(high or low) + 1))
            if not span:
                raise ValueError("the range is empty")
    except ValueError as error:
        raise InputError(f"--{name} {words!r} is not a list such as 3-8 or 3,5") from error
    return tuple(numbers)


def rate(fdr: float) -> float | None:
    if not 0 < fdr <= 1:
        raise InputError("--fdr must lie above 0 and up to 1; 0.05 is usual, 1 turns it off")
    return None if fdr == 1 else fdr


@contextmanager
def dask_scheduler(
    workers: int, scheduler: str | None, slurm: Path | None = None
) -> Iterator[None]:
    """Use threads, workers started for the time of a command, or a scheduler that runs."""
    if slurm is not None:
        if scheduler is not None or workers:
            raise InputError(
                "--slurm starts workers by itself; leave out --workers and --scheduler"
            )
        from deepnic.cluster.slurm.jobs import dask_workers, read_profile

        with patiently(CANCELLED), dask_workers(read_profile(slurm)):
            yield
        return
    if scheduler is None and not workers:
        yield
        return
    from deepnic.compute import dask_settings, local_workers

    if scheduler is not None and workers:
        raise InputError("--workers starts workers here and --scheduler uses others; choose one")
    if scheduler is None:
        with local_workers(workers):
            yield
    else:
        from distributed import Client

        dask_settings()
        with Client(_answering(scheduler), timeout="30s"):
            yield


def _answering(scheduler: str) -> str:
    """Address of a scheduler, once one has said there that it is one.

    A client would wait for ever for what listens and is none, and one that cannot connect leaves a
    half-open one behind, which later calls would wait for.
    """
    import asyncio

    from distributed.comm import get_address_host_port

    file = Path(scheduler)
    if ":" not in scheduler and not file.exists():
        raise InputError(f"no scheduler file {scheduler}; start a Dask scheduler or check the path")
    try:
        address = json.loads(file.read_text())["address"] if file.exists() else scheduler
        socket.create_connection(get_address_host_port(address), timeout=10).close()
        what = asyncio.run(asyncio.wait_for(_kind(address), ANSWER))
    except Exception as error:  # whatever the words of something else are read as
        raise InputError(
            f"no Dask scheduler answers at {scheduler}; start it, or correct the port (a "
            "dashboard's is another one) and for tls:// the certificates"
        ) from error
    if what != "Scheduler":
        raise InputError(f"a Dask {what} answers at {scheduler}; give the scheduler's address")
    return address


async def _kind(address: str) -> str:
    """What a Dask process at an address is: Scheduler, Worker or Nanny."""
    from distributed.core import rpc
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=ANSWER, connection_args=arguments) as process:
        return str((await process.identity())["type"])
