"""What a network, or a forest, looks at in patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepnic.cli.app import console
from deepnic.cli.options import reads_patients
from deepnic.cli.training import to_predict
from deepnic.errors import InputError
from deepnic.extras import needs

if TYPE_CHECKING:
    import pandas as pd

SAID = 10  # genes that are named
UNSURE = 0.5  # agreement up to which networks tell different stories


@reads_patients
def attribute(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[CHECKPOINT]... SOURCE",
            help="checkpoint.pt of a run's folder, or of several that were trained alike with "
            "other seeds; then what they are to explain: a table of patients, a store or a table "
            "of pixels, as for `predict`. A store of `deepnic grow` alone: how its trees vote.",
        ),
    ],
    *,
    how: dict[str, Any],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")],
    item: Annotated[
        list[str] | None,
        typer.Option(help="Only this patient, or gene of gene images; may be given again."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(help="Your own network as module:function, where one was trained."),
    ] = None,
) -> None:
    """Tell which genes, combinations and conditions a network's answers are made of, and for whom.

    Of a store alone, which genes' trees voted for and against each patient that they were not
    grown on. Patients' ids, or pseudonyms, are in what is written.
    """
    from deepnic.files import check_new

    check_new(output)
    *checkpoints, source = paths
    if not checkpoints:
        _votes(source, output, item, how)
        return
    needs("train", "explain", "report")
    from deepnic.learn import attribute, load_network
    from deepnic.report.overlay import Overlay
    from deepnic.runs.attribution import OVERLAY, write_attributions

    networks = [load_network(one, network=network) for one in checkpoints]
    if len({one.classes for one in networks}) > 1:
        raise InputError("the networks are of different classes; give those trained alike")
    items = _chosen(to_predict(source, how, networks[0]), item)
    found = [one for network in networks for one in attribute(network, items)]
    first = found[: len(found) // len(networks)]
    names = [OVERLAY.format(k) for k in range(1, len(first) + 1)]
    pictures = {name: Overlay.of(one).content() for name, one in zip(names, first, strict=True)}
    tables = write_attributions(output, found, checkpoints, pictures)
    _say(tables, len(networks))
    console.print(f"tables and pictures in {output}", soft_wrap=True)


def _chosen(items: Any, names: list[str] | None) -> Any:
    """Those of the patients, or genes, that were named, of whatever is to be explained."""
    if names is None:
        return items
    if isinstance(items, dict):
        return {label: _chosen(one, names) for label, one in items.items()}
    if isinstance(items, list | tuple):
        return [_chosen(one, names) for one in items]
    from deepnic.variables import kind_of

    dims = {"cohort": "observation", "forest": "observation", "counts": "gene"}
    dim = dims.get(kind_of(items), "item")
    place = items[dim].to_index().get_indexer_for(names)
    if (place < 0).any():
        lacking = ", ".join(name for name in names if name not in items[dim].to_index())
        raise InputError(f"there is no item {lacking}; give ids as they are in the source")
    return items.isel({dim: place})


def _votes(source: Path, output: Path, names: list[str] | None, how: dict[str, Any]) -> None:
    """Write which genes' trees of a store voted for and against each patient."""
    if source.suffix == ".pt":
        raise InputError(
            f"only {source} was named, and nothing that it is to explain; give a table of patients "
            "too, or a store"
        )
    from deepnic.cli.training import check_store
    from deepnic.explain.votes import SHOWN, gene_votes, list_patients, list_votes
    from deepnic.runs.attribution import write_votes
    from deepnic.store import open_forest

    check_store(source, how)
    votes = gene_votes(_chosen(open_forest(source), names))
    patients = list_patients(votes)
    write_votes(output, source, patients=patients, votes=list_votes(votes))
    console.print(
        f"{len(patients)} patients; of each the {SHOWN} genes whose trees are least divided, in "
        f"{output / 'votes.csv'}",
        soft_wrap=True,
    )


def _say(tables: "dict[str, pd.DataFrame]", n: int) -> None:
    """Name what is looked at most, and how far networks or pipelines agree on it."""
    part = next(iter(tables))
    for label, ranked in tables[part].groupby("class", sort=False):
        column = part.removesuffix("s")
        if column in ranked:
            first = ", ".join(ranked[column].head(SAID))
            console.print(f"{label}, looked at most: {first}", soft_wrap=True)
    if n == 1:
        console.print("one network tells what it learnt; others may tell another story")
    if "agreement" in tables:
        agreed = tables["agreement"]
        for between, pairs in agreed[agreed["what"] == part.removesuffix("s")].groupby("between"):
            mean = pairs["agreement"].mean()
            unsure = "; they tell different stories" if mean < UNSURE else ""
            console.print(
                f"{between} agree on {part} by {mean:.2f} (Spearman's correlation, mean of "
                f"{len(pairs)} pairs){unsure}",
                soft_wrap=True,
            )
