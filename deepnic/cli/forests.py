"""From a cohort to its forest, and from the forest to a table of pixels."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps
from deepnic.errors import InputError, choose

if TYPE_CHECKING:
    import xarray as xr

ITEMS = ("observations", "genes")


@options.reads_cohort
def grow(
    cohort: options.CohortFile,
    how: dict[str, Any],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Zarr store to make or finish.")
    ] = None,
    n_trees: options.Trees = 100,
    weight_ranges: options.Ranges = "3-5",
    tree_sizes: options.Sizes = "3-8",
    subsample: options.Subsample = 0.8,
    max_bag: options.MaxBag = None,
    design: Annotated[str, typer.Option(help="{deepnic.rop.draws:DESIGNS}.")] = "balanced",
    hold_out: Annotated[
        float, typer.Option(help="Share of the observations whose label is hidden, to test on.")
    ] = 0.0,
    parts: Annotated[
        int, typer.Option(min=1, help="Of the patients: a forest without the labels of each.")
    ] = 1,
    seed: options.Seed = 0,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only tell the time, memory and disk it will take.")
    ] = False,
    cores: options.Cores = 36,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
    slurm: options.Slurm = None,
) -> None:
    """Grow the forest of a cohort into a store; an interrupted run goes on where it stopped.

    Of more than two classes, none of which --positive names, a group of stores, of each against the
    rest. To train a network on patients, a group of --parts 5: the forest without a part's labels
    shows the patients of the part, as it shows new ones.
    """
    import deepnic
    from deepnic.cohort.holdout import held_out

    options.ready_key(how["pseudonymise"], output)
    classes = options.read_classes(cohort, how)
    if hold_out:
        classes = held_out(classes, hold_out, seed)
    pipelines = _pipelines(classes, parts, seed)
    parameters: dict[str, Any] = {
        "n_trees": n_trees,
        "weight_ranges": options.integers("weight-ranges", weight_ranges),
        "tree_sizes": options.integers("tree-sizes", tree_sizes),
        "subsample": subsample,
        "max_bag": max_bag,
        "design": design,
        "seed": seed,
    }
    if estimate:
        from deepnic.report import estimate_table
        from deepnic.store.estimate import Estimate, estimate_growth

        forests = [one for of_class in pipelines.values() for one in of_class]
        job = Estimate.of_all([estimate_growth(data, **parameters) for data in forests])
        console.print(estimate_table(job, cores))
        if job.counted_up:
            console.print(
                f"trees of {job.counted_up} conditions take too long to try with all observations, "
                "and are counted up from fewer: expect half or twice that time",
                soft_wrap=True,
            )
        return
    if output is None:
        raise InputError("no store was named; give its path with -o, or ask for an --estimate")
    keeps(f"the trees in {output} are kept: run the same command again and it goes on")
    with options.dask_scheduler(workers, scheduler, slurm), _places(pipelines, output) as places:
        written = 0
        several = len(classes) > 1
        classes.clear()  # a forest has what it needs of a cohort, which may be large
        for label in [*pipelines]:
            if several:
                console.print(f"{label} against the rest", soft_wrap=True)
            read = how | {"positive": label} if several else how
            for one, place in zip(pipelines.pop(label), places[label], strict=True):
                forest = deepnic.grow_forest(one, **parameters)
                forest = forest.assign_attrs(cohort=_read_from(cohort, read))
                written += deepnic.write_forest(forest, place)
    console.print(f"{written} blocks of trees grown; the store {output} is complete")


def _pipelines(
    classes: "dict[str, xr.Dataset]", parts: int, seed: int
) -> "dict[str, list[xr.Dataset]]":
    """What each forest is grown on: a cohort, or the cohort without the labels of each part."""
    if parts == 1:
        return {label: [cohort] for label, cohort in classes.items()}
    from deepnic.assembly.cross_fitted import cut_parts, without_part
    from deepnic.cohort.holdout import numbered

    first = next(iter(classes.values()))
    part = cut_parts(numbered(classes), first.get("group"), parts=parts, seed=seed)
    n = int(part.max()) + 1
    console.print(
        f"{n} parts, and a forest without the labels of each"
        + f"; the smallest class has no more than {n} to cut" * (n < parts)
    )
    return {
        label: [without_part(cohort, part, k) for k in range(n)]
        for label, cohort in classes.items()
    }


@contextmanager
def _places(
    pipelines: "dict[str, list[xr.Dataset]]", output: Path
) -> Iterator[dict[str, list[Path]]]:
    """Where the store of each class, and of each part in it, is grown."""
    from deepnic.store.group import growing, part_names
    from deepnic.variables import CLASSES, PARTS

    with ExitStack() as groups:  # those within a group are finished before it
        places = dict.fromkeys(pipelines, output)
        if len(pipelines) > 1:
            places = groups.enter_context(growing(output, "forest", CLASSES, [*pipelines]))
        found = {label: [place] for label, place in places.items()}
        if (n := len(next(iter(pipelines.values())))) > 1:
            for label, place in places.items():
                parts = growing(place, "forest", PARTS, part_names(n))
                found[label] = [*groups.enter_context(parts).values()]
        yield found


def _read_from(cohort: Path, how: dict[str, Any]) -> str:
    """Where a cohort was read from, and how, for `train`; trees know nothing of hidden ids."""
    reading = {name: value for name, value in how.items() if value and name not in options.HIDING}
    for name in ("labels", "genes", "annotation"):
        if name in reading and Path(reading[name]).is_file():
            reading[name] = str(Path(reading[name]).absolute())
    return json.dumps({"file": str(cohort.absolute()), "reading": reading}, default=str)


def pixels(
    store: Annotated[Path, typer.Argument(help="Store of `deepnic grow`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Table (Zarr) to write.")],
    items: Annotated[str, typer.Option(help="{deepnic.cli.forests:ITEMS}.")] = "observations",
    k: options.Kept = 1024,
    fdr: options.Rate = 0.05,
    max_undefined: Annotated[
        float, typer.Option(help="Share of items in which a pixel may be undefined.")
    ] = 0.5,
    redundancy: Annotated[bool, typer.Option(help="Choose the k by mRMR.")] = False,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
) -> None:
    """Filter the pixels of a store's images into a table, and say what was removed.

    Of a group of stores, a group of tables.
    """
    from deepnic.files import check_new
    from deepnic.pixels import account
    from deepnic.report import account_table
    from deepnic.store import open_classes, write_classes

    check_new(output)
    how: dict[str, Any] = {
        "items": choose("items", items, ITEMS),
        "max_undefined": max_undefined,
        "fdr": fdr,
        "k": k,
        "redundancy": redundancy,
    }
    keeps(f"{store} is as it was and nothing of {output} is written: run the same command again")
    with options.dask_scheduler(workers, scheduler):
        forests = open_classes(store, "forest")
        tables = {
            label: [filtered(forest, how) for forest in pipelines]
            for label, pipelines in forests.items()
        }
    write_classes(tables, output)
    for label, pipelines in tables.items():
        if len(tables) > 1:
            console.print(f"{label} against the rest", soft_wrap=True)
        for k, table in enumerate(pipelines):
            if len(pipelines) > 1:
                console.print(f"without the labels of part {k}")
            console.print(account_table(account(table)))


def filtered(forest: "xr.Dataset", how: dict[str, Any]) -> "xr.Dataset":
    """Filter a forest's images; the table says how, so that it can be made again."""
    import deepnic

    images = (
        deepnic.observation_images(forest)
        if how["items"] == "observations"
        else deepnic.rop_images(forest, family="distinct")
    )
    limits = {name: value for name, value in how.items() if name != "items"}
    table = deepnic.filter_pixels(images, **limits | {"fdr": options.rate(how["fdr"])})
    origin = {name: forest.attrs[name] for name in ("cohort",) if name in forest.attrs}
    return table.assign_attrs(filter=json.dumps(how), **origin)
