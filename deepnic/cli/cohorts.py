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
        bool,
        typer.Option(
            "--suspects", help="In the clean copy, keep what looks like one patient's together."
        ),
    ] = False,
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
    if suspects and output is None:
        raise InputError("--suspects is for the clean copy; name that by --output")
    options.ready_key(how["pseudonymise"], output)
    data, *_ = options.read_classes(file, how).values()
    _say_more(data)
    if "group" not in data.coords:
        data = _say_related(data, suspects)
    elif suspects:
        raise InputError("the cohort has groups already; leave out --suspects")
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


def _say_related(data: Any, suspects: bool) -> Any:
    """Warn of observations that look like one patient's, and make groups of them if wished."""
    from deepnic.cohort.related import MOST, find_related

    if data.sizes["observation"] > MOST and not suspects:
        console.print(f"more than {MOST:,} observations: pairs of one patient are not looked for")
        return data
    found = find_related(data)
    rules = [
        ("near-duplicates", found.twins, "each is by far the other's nearest"),
        ("pairs by order", found.rows, "more alike than from one pair to the next"),
    ]
    for name, pairs, rule in rules:
        if pairs:
            console.print(
                f"{name}: {len(pairs)} pairs of observations ({_numbers(pairs)}), {rule}, apart "
                "from class and batch; if a pair is of one patient, name the column of patients by "
                "--groups, or have one written into the clean copy by --suspects",
                soft_wrap=True,
            )
    if not suspects:
        return data
    groups = found.groups(data["observation"].values)
    console.print(f"groups: {len({*groups})}, as suspected")
    return data.assign_coords(group=("observation", groups))


def _numbers(pairs: list[tuple[int, int]]) -> str:
    """Numbers of observations, from 1, as their ids are nobody's business."""
    told = [f"{first + 1} and {second + 1}" for first, second in pairs]
    return "numbers " + ", ".join(told if len(told) < 4 else [*told[:2], "...", told[-1]])


def _draw(data: Any, picture: Path) -> None:
    from deepnic.analysis.components import explained
    from deepnic.report.figures.components import write_components

    chart = write_components(data, picture)
    shares = ", ".join(f"{share:.0%}" for share in explained(chart.frame()))
    console.print(
        f"picture: {picture}; the classes explain {shares} of its first and second component",
        soft_wrap=True,
    )
