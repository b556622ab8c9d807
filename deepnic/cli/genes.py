"""Which genes of a store, and how sure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.cli.interrupts import keeps
from deepnic.errors import InputError
from deepnic.extras import needs

if TYPE_CHECKING:
    import pandas as pd

    from deepnic.explain import Null

LEVEL = 0.1  # of q, to count genes below


def genes(
    store: Annotated[Path, typer.Argument(help="Store of `deepnic grow`.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write the list into.")
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option(help="File of the cohort, if it is not any more where `grow` read it."),
    ] = None,
    permutations: Annotated[
        int,
        typer.Option(
            min=0, help="Permute one gene in 20 so often, for q: 20 permute each gene once."
        ),
    ] = 0,
    anndata: Annotated[
        bool, typer.Option("--anndata", help="Also the cohort as .h5ad, the list in its var.")
    ] = False,
    gmt: Annotated[
        Path | None,
        typer.Option(help="Sets of genes (GMT), to tell which are many among the first."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only tell what the --permutations will take.")
    ] = False,
    cores: options.Cores = 36,
    workers: options.Workers = 0,
    scheduler: options.Scheduler = None,
    slurm: options.Slurm = None,
) -> None:
    """List the genes whose trees are perfect most often, and with --permutations how sure that is.

    A gene is compared with genes whose own values are permuted, among the same companions. Of a
    group of stores, name one.
    """
    from deepnic.explain.cohorts import read_again
    from deepnic.explain.companions import find_companions
    from deepnic.explain.enrichment import enrich, read_gmt
    from deepnic.explain.folder import NULL, SHOWN, open_folder, ranking, write_genes
    from deepnic.explain.genes import rank_genes
    from deepnic.explain.null import estimate_null, permutation_null
    from deepnic.store import open_forest

    if anndata:
        needs("formats")
    if gmt is not None:
        needs("explain")
    sets = None if gmt is None else read_gmt(gmt)
    forest = open_forest(store)
    table = read_again(forest, cohort)
    if estimate:
        from deepnic.report import estimate_table

        if not permutations:
            raise InputError("without permutations a list takes a minute; add --permutations 20")
        console.print(estimate_table(estimate_null(forest, table, permutations), cores))
        return
    if output is None:
        raise InputError("no folder was named; give its path with -o, or ask for an --estimate")
    open_folder(output, forest)
    keeps(f"the permutations in {output} are kept: run the same command again and it goes on")
    null, others = None, {}
    if permutations:
        with options.dask_scheduler(workers, scheduler, slurm):
            null = permutation_null(forest, table, output / NULL, permutations=permutations)
        others["conditions"] = null.table()
    ranked = rank_genes(forest, table, null)
    if len(ranked) == forest.attrs["n_genes"]:
        others["companions"] = find_companions(forest, ranked["gene"].head(SHOWN).tolist())
    if sets is not None:
        others["enrichment"] = enrich(ranking(ranked), sets, seed=forest.attrs["seed"])
    write_genes(output, ranked, cohort=table if anndata else None, **others)
    _say(ranked, null)
    if sets is not None:
        _say_sets(others["enrichment"], len(sets))
    console.print(f"{len(ranked):,} genes in {output / 'genes.csv'}", soft_wrap=True)


def _say(ranked: "pd.DataFrame", null: "Null | None") -> None:
    """Name the first genes, and say how sure they are and which conditions tell nothing."""
    names = ranked["symbol"].where(ranked["symbol"] != "", ranked["gene"])
    console.print(f"first: {', '.join(names.head(10))}", soft_wrap=True)
    if null is None:
        return
    passing = int((ranked["q"] <= LEVEL).sum())
    console.print(f"{passing} genes have q up to {LEVEL}; the lowest is {ranked['q'].min():.2g}")
    conditions = null.table()
    saturated = conditions[conditions["saturated"]]
    if len(saturated):
        pairs = saturated[["tree_size", "weight_range"]].to_numpy()
        which = ", ".join(f"V{V} R{R}" for V, R in pairs)
        console.print(
            f"{len(saturated)} of {len(conditions)} conditions tell next to nothing, as trees of "
            f"permuted genes are perfect there too: {which}",
            soft_wrap=True,
        )


def _say_sets(enriched: "pd.DataFrame", n: int) -> None:
    """Name the first sets of genes, and say what their q is not."""
    first = ", ".join(enriched["set"].head(3))
    console.print(
        f"{len(enriched)} of {n} gene sets were tested, {(enriched['q'] <= LEVEL).sum()} have q up "
        f"to {LEVEL}; first: {first}; q takes genes for independent, which is too hopeful",
        soft_wrap=True,
    )
