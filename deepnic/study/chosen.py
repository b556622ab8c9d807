"""Which genes the images of a study are made of, and how often."""

from collections.abc import Iterable
from pathlib import Path

import dask
import pandas as pd

from deepnic.columns import NO_FILTER
from deepnic.explain.criteria import direction_of, lead_of_positive
from deepnic.nic import count_signatures
from deepnic.store import open_forest
from deepnic.study.cohorts import Split
from deepnic.study.fold import has_tables, read_tables
from deepnic.study.settings import StudySettings


def chosen_genes(output: Path, splits: Iterable[Split], settings: StudySettings) -> pd.DataFrame:
    """List the genes whose pixels the strictest filter by relevance keeps, the most often first.

    A fit is the pipeline of a part of a training fold, under the true labels: no test label is seen
    by any. The direction is of all fits that choose the gene together, by the weights of its trees,
    as of `deepnic.rank_genes`. Empty where no filter is by relevance.

    Returns
    -------
    DataFrame
        cohort, gene, symbol (where there are any), direction, chosen, fits, pixels.
    """
    strengths = [int(k) for k in settings.arms.strengths if k != NO_FILTER]
    pipelines: dict[str, list[Path]] = {}
    for split in splits:
        if strengths and split.permutation < 0:
            parts = sorted((output / split.folder).glob("part-*"))
            made = [part for part in parts if has_tables(part, settings)]
            pipelines.setdefault(split.name, []).extend(made)
    tables = [
        _of_cohort(parts, settings, min(strengths)).assign(cohort=cohort)
        for cohort, parts in pipelines.items()
        if parts
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _of_cohort(parts: Iterable[Path], settings: StudySettings, strength: int) -> pd.DataFrame:
    """Genes of one cohort."""
    fits = [_of_fit(part, settings, strength) for part in parts]
    table = pd.concat(fits).groupby("gene", sort=False)
    chosen = table.agg(
        chosen=("share", "size"), pixels=("share", "sum"), lead=("lead", "sum"),
        **({"symbol": ("symbol", "first")} if "symbol" in fits[0] else {}),
    )  # fmt: skip
    chosen["direction"] = direction_of(chosen.pop("lead").to_numpy())
    chosen[["chosen", "pixels"]] /= len(fits)
    chosen = chosen.assign(fits=len(fits)).reset_index()
    return chosen.sort_values(["chosen", "pixels", "gene"], ascending=[False, False, True])


def _of_fit(part: Path, settings: StudySettings, strength: int) -> pd.DataFrame:
    """Genes of one pipeline: their share of the pixels, and by how many trees they are positive."""
    pixels = read_tables(part, settings)[strength].reset_coords()
    names = [name for name in ("gene", "symbol") if name in pixels]
    table = pd.DataFrame({name: pixels[name].values.astype(object) for name in names})
    table = table.assign(share=1 / len(table))
    table = table.groupby(names, sort=False)["share"].sum().reset_index()
    with dask.config.set(scheduler="threads"):  # workers may not see the folder
        forest = open_forest(part / "forest.zarr").sel(gene=table["gene"].to_numpy())
        counts = count_signatures(forest)["count"].values
    return table.assign(lead=lead_of_positive(counts))
