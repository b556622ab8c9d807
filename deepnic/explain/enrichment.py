"""Sets of genes that are many among those that rank first: enrichment, by a user's own sets."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from deepnic.errors import InputError
from deepnic.extras import needs
from deepnic.files import as_path

PERMUTATIONS = 1000
LEAST, MOST = 5, 500
"""Genes of a set that are in the list, at least and at most."""


def read_gmt(file: str | Path) -> dict[str, list[str]]:
    """Read sets of genes: a line each, of a name, a remark and the genes, tabs between them.

    Raises
    ------
    InputError
        It is no such file.
    """
    file = as_path(file)
    if not file.is_file():
        raise InputError(f"no file of gene sets at {file}; give a GMT file, as of MSigDB")
    sets: dict[str, list[str]] = {}
    for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
        name, *rest = line.strip().split("\t")
        if not name and not rest:
            continue
        if len(rest) < 2:
            raise InputError(
                f"line {number} of {file} is no gene set: a GMT file has a name, a remark and "
                "genes in each line, with tabs between them"
            )
        if name in sets:
            raise InputError(f"{file} has two gene sets {name!r}; give each a name of its own")
        sets[name] = [*dict.fromkeys(gene for gene in rest[1:] if gene)]
    return sets


def enrich(ranking: pd.Series, sets: Mapping[str, list[str]], *, seed: int = 0) -> pd.DataFrame:
    """Test whether the genes of sets are many at an end of a ranking.

    Parameters
    ----------
    ranking : Series by gene
        As of `deepnic.explain.folder.ranking`: signed scores, each gene once.
    sets : mapping of str to list of str
        As of `read_gmt`, by the same names of genes. Those of which 5 to 500 are in the ranking
        are tested.
    seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        A row a set, by rising ``q`` and falling size of ``nes``: ``set``; ``nes``, the enrichment
        score, normalised, above 0 where its genes are higher in those at risk; ``p``, ``q``;
        ``genes``, how many are in the ranking; ``leading``, those before the score's peak.

    Raises
    ------
    InputError
        No set has 5 to 500 genes of the ranking.
    EngineError
        gseapy is not installed (extra ``explain``).

    Notes
    -----
    Subramanian et al. (PNAS 2005), preranked, weight 1, 1,000 permutations, by gseapy; nothing is
    downloaded. It permutes genes, as if they were independent: genes of a set rise and fall
    together, so that p and q are too small. Take q for an order of what to look at.

    Examples
    --------
    >>> ranking = pd.Series({f"g{k}": 50.5 - k for k in range(100)})
    >>> sets = {"first": [f"g{k}" for k in range(10)], "any": [f"g{k}" for k in range(0, 100, 9)]}
    >>> enrich(ranking, sets)[["set", "genes"]].values.tolist()
    [['first', 10], ['any', 12]]
    """
    needs("explain")
    held = {name: sum(gene in ranking.index for gene in genes) for name, genes in sets.items()}
    tested = {name: sets[name] for name, n in held.items() if LEAST <= n <= MOST}
    if not tested:
        raise InputError(
            f"none of {len(sets)} gene sets has {LEAST} to {MOST} of the {len(ranking)} ranked "
            "genes; check that both are of the same names: sets are mostly of symbols, which "
            "--annotation of `deepnic grow` gives to probe sets"
        )
    import gseapy

    with _quietly():
        found = gseapy.prerank(
            ranking.sort_values(ascending=False, kind="stable"), tested, ascending=None,
            outdir=None, no_plot=True, min_size=LEAST, max_size=MOST,
            permutation_num=PERMUTATIONS, seed=seed, threads=1,
        ).results  # fmt: skip
    table = pd.DataFrame(
        [
            (name, one["nes"], one["pval"], one["fdr"], held[name], one["lead_genes"])
            for name, one in found.items()
        ],
        columns=["set", "nes", "p", "q", "genes", "leading"],
    )
    order = pd.DataFrame({"q": table["q"], "size": -table["nes"].abs(), "set": table["set"]})
    return table.iloc[order.sort_values(["q", "size", "set"]).index].reset_index(drop=True)


@contextmanager
def _quietly() -> Iterator[None]:
    """Have gseapy not tell of ties, and of what pandas will not have any more."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
