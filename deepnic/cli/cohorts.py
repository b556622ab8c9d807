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
        Path | None, typer.Option("-o", "--output", help="Clean .npz, .csv or .h5ad to write.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="PNG of the first two principal components, to look for batches."),
    ] = None,
    suspects: Annotated[
        Path | None,
        typer.Option(help="CSV of labels and the patients that are suspected, for --labels."),
    ] = None,
) -> None:
    """Say what a file is understood as, and write it as a clean table on request."""
    from deepnic.cohort.write import check_output, write_cohort
    from deepnic.extras import needs
    from deepnic.files import check_new

    if output is not None:
        check_output(output)
    if picture is not None:
        needs("report")
        check_new(picture)
        if picture.suffix != ".png":
            raise InputError(f"{picture} is no .png; name one")
    if suspects is not None:
        check_new(suspects)
    options.ready_key(how["pseudonymise"], output)
    data, *_ = options.read_classes(file, how).values()
    _say_more(data)
    _say_related(data, suspects)
    if output is not None:
        write_cohort(data, output)
        console.print(f"written: {output}", soft_wrap=True)
    if picture is not None:
        _draw(data, picture)


def _say_more(data: Any) -> None:
    """Say of classes, values, what is missing and what is kept together."""
    import numpy as np

    classes = data["label"].to_series().value_counts()
    values = data["expression"].values
    low, middle, high = np.nanquantile(values, [0, 0.5, 1])
    missing = int(np.isnan(values).sum())
    lines = [
        "classes: " + ", ".join(f"{name or 'to predict'} {n}" for name, n in classes.items()),
        f"values: {low:.4g} to {high:.4g}, median {middle:.4g}; transform: "
        f"{data.attrs['transform']}; missing: {missing or 'none'}",
    ]
    if "group" in data.coords:
        lines.append(f"groups: {len(np.unique(data['group'].values))}")
    for line in lines:
        console.print(line, soft_wrap=True)


def _say_related(data: Any, suspects: Path | None) -> None:
    """Warn of observations that look like one patient's, where no groups are given."""
    from deepnic.cohort.related import find_related
    from deepnic.cohort.write import write_facts

    if "group" in data.coords:
        if suspects is not None:
            raise InputError(f"the cohort has groups already; leave out --suspects {suspects}")
        return
    found = find_related(data)
    remedy = "if they are one patient's, name a column of patients with --groups"
    if found.twins:
        console.print(
            f"near-duplicates: {len(found.twins)} pairs of observations are far more alike than "
            f"others; {remedy}",
            soft_wrap=True,
        )
    if found.rows:
        console.print(
            f"pairs by order: {len(found.rows)} pairs ({found.arrangement}) are more alike than "
            f"others; {remedy}",
            soft_wrap=True,
        )
    if suspects is not None:
        groups = found.groups(data["observation"].values)
        write_facts(data.assign_coords(group=("observation", groups)), suspects)
        console.print(f"written: {suspects}, to be read with --labels", soft_wrap=True)


def _draw(data: Any, picture: Path) -> None:
    from deepnic.analysis.components import explained
    from deepnic.report.figures.components import write_components

    chart = write_components(data, picture)
    shares = ", ".join(f"{share:.0%}" for share in explained(chart.frame()))
    console.print(
        f"picture: {picture}; the classes explain {shares} of its first and second component",
        soft_wrap=True,
    )
