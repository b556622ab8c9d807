"""What a file is understood as, before anything is grown from it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.errors import InputError


@options.reads_cohort
def cohort(
    file: options.CohortFile,
    how: dict[str, Any],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Clean .npz or .csv to write.")
    ] = None,
) -> None:
    """Say what a file is understood as, and write it as a clean table on request."""
    import numpy as np

    from deepnic.files import check_new

    if output is not None:
        if output.suffix not in (".npz", ".csv"):
            raise InputError(f"{output} is neither a .npz nor a .csv; name one of these")
        check_new(output)
        if output.suffix == ".npz":
            check_new(output.with_suffix(".labels.csv"))
    options.ready_key(how["pseudonymise"], output)
    data = options.read(file, how)
    classes = data["label"].to_series().value_counts()
    console.print(
        "classes: "
        + ", ".join(f"{name or 'to predict'} {count}" for name, count in classes.items())
    )
    low, middle, high = np.quantile(data["expression"], [0, 0.5, 1])
    console.print(
        f"values: {low:.4g} to {high:.4g}, median {middle:.4g}; transform: "
        f"{data.attrs['transform']}"
    )
    if output is not None:
        _write(data, output)
        console.print(f"written: {output}", soft_wrap=True)


def _write(data: Any, output: Path) -> None:
    """Write an archive with its labels beside, or a table."""
    import numpy as np

    from deepnic.files import whole

    facts = data["label"].to_series().rename_axis("sample_id").to_frame("label")
    if "group" in data.coords:
        facts["patient"] = data["group"].values
    if output.suffix == ".csv":
        with whole(output) as partial:
            facts.join(data["expression"].to_pandas()).to_csv(partial)
        return
    names = {"genes": data["gene"].values, "samples": data["observation"].values}
    words = {name: ids.astype(str) for name, ids in names.items()}
    with whole(output.with_suffix(".labels.csv")) as partial:
        facts.to_csv(partial)
    with whole(output) as partial, partial.open("wb") as file:
        np.savez_compressed(file, X=data["expression"].values, **words)
