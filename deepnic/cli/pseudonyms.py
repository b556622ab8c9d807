"""The way back from pseudonyms to ids, for who has the key."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console


@options.reads_cohort
def pseudonyms(
    cohort: options.CohortFile,
    how: dict[str, Any],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file to write.")],
    key: Annotated[Path | None, typer.Option(help=options.KEY)] = None,
) -> None:
    """Write whose the pseudonyms of a cohort are, groups as well, for its owner's eyes alone."""
    import pandas as pd

    import deepnic
    from deepnic.cohort.pseudonyms import default_key, open_key, pseudonym
    from deepnic.files import check_new, csv_text, whole

    check_new(output)
    secret = open_key(key or default_key(), make=False)
    data, *_ = deepnic.read_classes(cohort, **how).values()
    names = [*data["observation"].values]
    if "group" in data.coords:
        names += [*pd.unique(data["group"].values)]
    hashed = [pseudonym(secret, name) for name in names]
    table = pd.DataFrame({"id": names, "pseudonym": hashed})
    with whole(output, mode=0o600) as partial:
        partial.write_text(csv_text(table), encoding="utf-8", newline="")
    console.print(f"{len(table)} ids and their pseudonyms: {output}", soft_wrap=True)
