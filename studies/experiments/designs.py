"""Is balanced = stratified, and at what cost: `python -m studies.experiments.designs [COHORT]`.

Claim: under each condition a gene's signature has one law, whichever design grew its tree. Only the
joint law of the genes of a draw differs: in a balanced draw V genes share a tree. Given the cohort
draws are independent, so the draw, never the gene, is the unit of both tests:

- *frequency*: share of a draw's genes that have a signature. Two-sided Welch test of the designs'
  draws, for each signature met often enough (`LEAST_COUNT`).
- *gene* by gene: one-hot gene x signature of a stratified draw, less its mean over V balanced
  draws. Under the claim these differences have expectation 0 in every entry, so inner products of
  two of them are uncorrelated with expectation 0; otherwise it is the squared distance of the two
  laws, summed over genes. One-sided t test over the pairs (cf. Chen and Qin 2010), one for all
  signatures of a condition; it also shows what cancels in the mean over genes.

A balanced draw has 1/V of the trees, so V times as many are drawn: both designs grow equally many.
P values are Holm's over all tests of all conditions. The smallest detectable difference is found
with power 0.9 at Bonferroni's level (noncentral t), a bound: Holm rejects no less. For the gene
test it is the share of a draw's genes that exchange their signatures at random, which leaves all
frequencies as they were; beyond 100 % no exchange is found for sure. Controls inject differences
of these sizes, and of twice them (at most 100 %).
"""

import time
from pathlib import Path
from typing import Annotated
from unittest import mock

import dask
import numpy as np
import pandas as pd
import typer
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats
from scipy.special import nctdtrinc

import deepnic
from deepnic.rop.signatures import N_SIGNATURES

ALON = Path(__file__).resolve().parents[3] / "shared" / "data" / "alon.npz"
CONDITIONS = [(V, R) for V in range(3, 9) for R in (3, 4, 5)]
LEVEL, POWER = 0.05, 0.9
LEAST_COUNT = 50  # times a signature is expected, and expected absent: its mean is about normal
LEAST_DRAWS, VECTORS = 8, 3e8  # stratified draws; weight vectors that more of them may search
COLUMNS = "V,R,balanced trees,stratified trees,balanced s,stratified s,ratio a draw,"
COLUMNS += "tests,least p,points,gene p,exchanged %"
CAPTION = "s: of the processor; p: Holm's; points (worst signature), exchanged: found with power .9"
GENE = -1  # its test, beside those of the signatures

Signatures = NDArray[np.uint8]  # (draw, gene)


def grow(
    cohort: xr.Dataset, V: int, R: int, n_trees: int, seed: int
) -> tuple[Signatures, Signatures, dict[str, float]]:
    """Signatures of both designs, balanced first; processor seconds of each, and trees."""
    signatures, cost = [], {}
    # of their own seeds: at one seed both designs draw the same bags, and would not be independent
    for design, n, own in ("balanced", n_trees * V, 0), ("stratified", n_trees, 1):
        options = {"n_trees": n, "design": design, "seed": 2 * seed + own}
        with mock.patch("deepnic.rop.graph.JOINED_SECONDS", 0.5):  # work for all cores
            forest = deepnic.grow_forest(cohort, tree_sizes=[V], weight_ranges=[R], **options)
        start = time.process_time()  # of all threads, and of no other program
        with dask.config.set(scheduler="threads"):
            signatures.append(forest["signature"].values[0, 0])
        cost[design] = time.process_time() - start
        cost[f"{design} trees"] = n * forest.sizes["tree"]
    return *signatures, cost


def compare(balanced: Signatures, stratified: Signatures) -> pd.DataFrame:
    """Both tests under one condition: rows are the signatures tested, and `GENE`."""
    a, b = _frequency(balanced), _frequency(stratified)
    expected = (a.mean(axis=0) + b.mean(axis=0)) / 2 * stratified.size
    often = np.minimum(expected, stratified.size - expected) >= LEAST_COUNT
    a, b = a[:, often], b[:, often]
    welch = stats.ttest_ind(a, b, equal_var=False)
    blocks = np.split(balanced, len(stratified))
    x = np.stack([_one_hot(block).mean(axis=0) for block in blocks]) - _one_hot(stratified)
    products = _pairs(x)
    gene = stats.ttest_1samp(products, 0, alternative="greater")
    error = np.hypot(stats.sem(a), stats.sem(b))
    values = {"sides": 2, "error": error, "freedom": welch.df, "p": welch.pvalue}
    rows = pd.DataFrame(values, index=np.flatnonzero(often))
    tested = stats.sem(products), gene.df, gene.pvalue
    rows.loc[GENE] = 1, *(tested if often.any() else (np.nan, np.nan, 1))
    return rows


def _frequency(signatures: Signatures) -> NDArray[np.float64]:
    """Share of the genes of each draw that have each signature."""
    return np.stack([(signatures == k).mean(axis=1) for k in range(N_SIGNATURES)], axis=1)


def _one_hot(signatures: Signatures) -> NDArray[np.float32]:
    """(draw, gene x signature)."""
    return np.eye(N_SIGNATURES, dtype=np.float32)[signatures].reshape(len(signatures), -1)


def _pairs(x: NDArray) -> NDArray[np.float64]:
    """Inner products of all pairs of rows."""
    return (x @ x.T).astype(float)[np.triu_indices(len(x), 1)]


def judge(rows: pd.DataFrame) -> pd.DataFrame:
    """Add Holm's p values, and the difference found with that power at Bonferroni's level."""
    p, m = rows["p"].sort_values(), len(rows)
    holm = (p * np.arange(m, 0, -1)).cummax().clip(upper=1)
    critical = stats.t.isf(LEVEL / m / rows["sides"], rows["freedom"])
    shift = nctdtrinc(rows["freedom"], 1 - POWER, critical)
    return rows.assign(adjusted=holm, shift=shift, detectable=rows["error"] * shift)


def lose(signatures: Signatures, share: float) -> Signatures:
    """That share of all signatures becomes 0, not perfect: frequencies shift."""
    lost = np.random.default_rng(0).random(signatures.shape) < share
    return np.where(lost, np.uint8(0), signatures)


def exchange(signatures: Signatures, share: float) -> Signatures:
    """That share of the genes of each draw exchange their signatures: frequencies stay."""
    random, exchanged = np.random.default_rng(0), signatures.copy()
    for row in exchanged:
        genes = random.choice(row.size, round(share * row.size), replace=False)
        row[genes] = row[random.permutation(genes)]
    return exchanged


def control(rows: pd.DataFrame, balanced: Signatures, stratified: Signatures, m: int) -> dict:
    """Are the smallest detectable differences found when injected, and twice these?"""
    lost = rows["detectable"].get(0, np.nan) / np.mean(balanced > 0)
    # squared distance of the genes' laws from their mean law, summed over genes, unbiased
    between = _pairs(_one_hot(balanced)) - balanced.shape[1] * _pairs(_frequency(balanced))
    exchanged = np.sqrt(rows["detectable"][GENE] / max(between.mean(), 1e-9))
    found = {"exchanged": exchanged}
    for change, share, row in (lose, lost, 0), (exchange, exchanged, GENE):
        for times in 1, 2:
            p = pd.Series()
            if share <= 1:  # more cannot be injected; NaN: there is no test
                p = compare(change(balanced, min(times * share, 1)), stratified)["p"]
            answer = float(p[row] * m < LEVEL) if row in p else np.nan
            found[f"{change.__name__}, {times} x"] = answer
    return found


def show(grown: dict[tuple[int, int], tuple[Signatures, Signatures, dict[str, float]]]) -> None:
    """Test all conditions together; print a line for each, and what they say in all."""
    tests = judge(pd.concat({c: compare(*both) for c, (*both, _) in grown.items()}))
    controls = {c: control(tests.loc[c], *both, len(tests)) for c, (*both, _) in grown.items()}
    found = pd.DataFrame(controls).T
    cells, gene = tests.drop(GENE, level=2), tests.xs(GENE, level=2).dropna()
    table = Table(*COLUMNS.split(","), caption=CAPTION)
    for (V, R), (*_, cost) in grown.items():
        mine = cells[[key[:2] == (V, R) for key in cells.index]]
        numbers = [cost["balanced"], cost["stratified"], V * cost["stratified"] / cost["balanced"]]
        numbers += [len(mine), mine["adjusted"].min(), 100 * mine["detectable"].max()]
        numbers += [gene["adjusted"].get((V, R), np.nan), 100 * found["exchanged"][V, R]]
        trees = f"{cost['balanced trees']:,}", f"{cost['stratified trees']:,}"
        formats = ".1f", ".1f", ".1f", "", ".2f", ".2f", ".2f", ".0f"
        table.add_row(f"{V}", f"{R}", *trees, *map("{:{}}".format, numbers, formats))
    # conditions are independent given the cohort; exchanging a share moves z by its square
    stouffer = stats.combine_pvalues(gene["p"], method="stouffer").pvalue
    z = stats.norm.isf(LEVEL) + stats.norm.ppf(POWER)
    share = np.sqrt(z * np.sqrt(len(gene)) / (gene["shift"] / found.pop("exchanged") ** 2).sum())
    Console(width=132).print(
        table,
        f"{tests['error'].count()} tests: {(tests['p'] < LEVEL).sum()} p < {LEVEL} before Holm, "
        f"{(tests['adjusted'] < LEVEL).sum()} after, smallest {tests['adjusted'].min():.2f}",
        f"gene tests together (Stouffer): p {stouffer:.2f}, detectable {share:.0%} exchanged",
        f"detectable frequency: median {100 * cells['detectable'].median():.2f} points, "
        f"worst {100 * cells['detectable'].max():.2f}",
        *(f"control, {k} detectable: found {v.sum():.0f} of {v.count()}" for k, v in found.items()),
        sep="\n",
    )


def main(
    cohort: Annotated[Path, typer.Argument(help="what read_cohort reads")] = ALON,
    genes: Annotated[int, typer.Option(help="drawn from the cohort, at most")] = 2000,
    n_trees: Annotated[int, typer.Option(help="stratified draws of a cheap condition")] = 32,
    seed: int = 0,
) -> None:
    """Grow both designs on COHORT; compare every signature, and the cost."""
    if not cohort.exists():
        print(f"{cohort} is not there: nothing is compared")
        return
    data = deepnic.read_cohort(cohort)
    chosen = np.random.default_rng(seed).permutation(data.sizes["gene"])[:genes]
    data = data.isel(gene=np.sort(chosen))
    grow(data.isel(gene=slice(8)), 3, 3, 1, seed)  # compile before the clock runs
    grown = {}
    for V, R in track(CONDITIONS, "growing"):
        draws = np.clip(VECTORS // (chosen.size * R**V), LEAST_DRAWS, n_trees)
        grown[V, R] = grow(data, V, R, int(draws), seed)
    show(grown)


if __name__ == "__main__":
    typer.run(main)
