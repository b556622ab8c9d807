"""Pages of all genes, to look at without a server."""

from pathlib import Path
from typing import Annotated

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps
from deepnic.errors import InputError


def atlas(
    store: Annotated[Path, typer.Argument(help="Store of `deepnic grow`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "atlas"
    ),
    genes: Annotated[
        Path | None,
        typer.Option(help="List of the genes (CSV) whose q, direction and symbol to show."),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="Folder of `deepnic study` whose findings to show.")
    ] = None,
    patients: Annotated[
        bool, typer.Option("--patients", help="Put patients in, under pseudonyms.")
    ] = False,
    pseudonymise: Annotated[
        bool,
        typer.Option(
            "--pseudonymise/--ids", help="Or by the ids of the store, which may be pseudonyms."
        ),
    ] = True,
    key: Annotated[Path | None, typer.Option(help=options.KEY)] = None,
) -> None:
    """Write the pages of all genes of a forest; a browser opens them from the folder, offline.

    No patient is in them, unless by --patients. The folder can be put on a share or mailed.
    """
    import deepnic

    if not patients and (key or not pseudonymise):
        raise InputError("--key and --ids are for patients; add --patients")
    hidden: bool | Path = options.pseudonyms(pseudonymise, key)
    options.ready_key(patients and hidden, output)
    keeps(f"{store} is as it was and nothing of {output} is written: run the same command again")
    page = deepnic.write_atlas(
        deepnic.open_forest(store), output, genes=genes, study=study, patients=patients,
        pseudonymise=hidden, title=store.stem,
    )  # fmt: skip
    console.print(f"atlas: open {page} in a browser", soft_wrap=True)
