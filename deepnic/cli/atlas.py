"""Pages of all genes, to look at without a server."""

from pathlib import Path
from typing import Annotated

import typer

from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps


def atlas(
    store: Annotated[Path, typer.Argument(help="Store of `deepnic grow`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "atlas"
    ),
    genes: Annotated[
        Path | None,
        typer.Option(help="List of the genes (CSV) whose q, direction and symbol to show."),
    ] = None,
) -> None:
    """Write the pages of all genes of a forest; a browser opens them from the folder, offline.

    No patient is in them. The folder can be put on a share or mailed.
    """
    import deepnic

    keeps(f"{store} is as it was and nothing of {output} is written: run the same command again")
    page = deepnic.write_atlas(deepnic.open_forest(store), output, genes=genes, title=store.stem)
    console.print(f"atlas: open {page} in a browser", soft_wrap=True)
