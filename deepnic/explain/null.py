"""How sure: the same trees with the values of some genes permuted, and q-values from them.

Permuted *labels* are the wrong comparison: where some genes separate the classes, every gene that
shares a tree with one of them has perfect trees, and under permuted labels none has (of 2,000 genes
20 of which differ by 2.5 standard deviations, 300 to 700 pass at a q of 10 % by permuted labels).
So labels and companions stay as they are, and it is a gene's own values that are permuted: a gene
that tells nothing, by itself or with others, has as many perfect trees after as before. Both are
counted over the same trees, those in which no companion is permuted along.
"""

import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from scipy.special import rel_entr

from deepnic.compute import of_this_process
from deepnic.errors import InputError
from deepnic.explain.cohorts import grown_on
from deepnic.files import locked
from deepnic.rop.draws import Parameters, gene_trees, tree_members
from deepnic.rop.forest import grow_forest
from deepnic.rop.origin import ORIGIN, asked_of, parameters_of
from deepnic.store import open_forest, write_forest
from deepnic.store.estimate import Estimate, estimate_growth
from deepnic.store.table import open_store, write_store
from deepnic.variables import PERFECT, describe

PARTS = 20
"""Permutations in which each gene is permuted once. Trees of two permuted genes do not count, as
they have a companion less that may tell something: one in twenty for each companion of a tree."""

SATURATED = 0.9
"""Share of perfect trees of permuted genes from which on a condition is told to say nothing."""


class Counts(NamedTuple):
    """Trees of N genes under each condition whose other genes are permuted another time."""

    perfect: NDArray[np.int64]  # (N, V, R): how many are perfect
    trees: NDArray[np.int64]  # (N, V, R): of how many


class Null(NamedTuple):
    """Perfect trees of genes as they are, and of permuted ones, which tell nothing."""

    own: Counts  # of each gene of the forest
    permuted: Counts  # N = permuted genes of all permutations
    n_trees: int  # of a gene of the forest
    conditions: pd.MultiIndex  # (V, R) flat: tree_size, weight_range

    def check(self, forest: xr.Dataset) -> None:
        """Refuse a forest of other conditions or another number of trees."""
        axes = [forest[name].values for name in self.conditions.names]
        same = self.conditions.equals(pd.MultiIndex.from_product(axes))
        if not same or self.n_trees != forest.sizes["draw"]:
            raise InputError("the null is of another forest; permute genes of this one")

    @property
    def rate(self) -> NDArray[np.float64]:
        """Share of perfect trees (V, R), half a tree added to either side: none is 0 or 1."""
        perfect, trees = self.permuted
        return (perfect.sum(axis=0) + 0.5) / (trees.sum(axis=0) + 1)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Correlation (V, R) of two trees of one permuted gene, 0 at least, by moments.

        They share its values, which may separate by chance.
        """
        rate, (perfect, trees) = self.rate, self.permuted
        coin = rate * (1 - rate)
        beyond = (perfect - trees * rate) ** 2 - trees * coin
        of_pairs = (trees * (trees - 1) * coin).sum(axis=0)
        return np.maximum(beyond.sum(axis=0) / np.maximum(of_pairs, coin), 0)

    def residuals(
        self, perfect: NDArray[np.integer], trees: NDArray[np.integer] | int
    ) -> NDArray[np.float64]:
        """Scaled deviance residuals (gene, V, R) of counts of perfect trees, of so many.

        The signed root of the binomial deviance from `rate`, over the variance of a sum of coins
        with the `correlation` of trees, in times of that of as many without one (McCullagh and
        Nelder 1989): about standard normal for a permuted gene, of however many trees. No count has
        a large one where nearly all trees of permuted genes are perfect: such a condition counts
        for nothing by itself.
        """
        rate, share = self.rate, perfect / np.maximum(trees, 1)
        of_one = rel_entr(share, rate) + rel_entr(1 - share, 1 - rate)
        dispersion = 1 + np.maximum(trees - 1, 0) * self.correlation
        return np.sign(share - rate) * np.sqrt(2 * trees * of_one / dispersion)

    def test(self) -> pd.DataFrame:
        """``score``, ``p`` and ``q`` of the genes of the forest, in its order.

        The score is the mean residual over all conditions. p is (1 + the permuted genes that score
        as high or higher) / (1 + all N of them), which are pooled, as every gene is alike in who it
        meets; q is p adjusted over the genes (Benjamini and Hochberg 1995; SciPy). Where a gene is
        independent of all else, its own trees and those of its permuted copy change places.
        """
        score, pooled = (
            self.residuals(*counts).mean(axis=(1, 2)) for counts in (self.own, self.permuted)
        )
        as_high = len(pooled) - np.searchsorted(np.sort(pooled), score, side="left")
        p = (1 + as_high) / (1 + len(pooled))
        return pd.DataFrame({"score": score, "p": p, "q": stats.false_discovery_control(p)})

    def table(self) -> pd.DataFrame:
        """What each condition can tell: a row each.

        Columns: ``tree_size``, ``weight_range``, ``permuted`` (`rate`), ``correlation``, ``most``,
        the residual of a gene all of whose trees are perfect, and whether it is ``saturated``.
        """
        most = self.residuals(np.full((1, *self.rate.shape), self.n_trees), self.n_trees)
        facts = {"permuted": self.rate, "correlation": self.correlation, "most": most}
        table = pd.DataFrame({name: one.ravel() for name, one in facts.items()}, self.conditions)
        return table.assign(saturated=table["permuted"] >= SATURATED).reset_index()


def permutation_null(
    forest: xr.Dataset, cohort: xr.Dataset, folder: str | Path, *, permutations: int = PARTS
) -> Null:
    """Grow the trees of permuted genes that a folder lacks, and count the perfect ones.

    Of a permuted gene the trees count in which no companion is permuted too; of the gene as it is
    the same trees, as of the first permutation that takes it.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.
    cohort : Dataset
        What it was grown on.
    folder : path
        Folder of the counts, a store a permutation. A permutation is grown into a store beside, as
        `write_forest` does, which goes on where it was interrupted.
    permutations : int
        In each of them one gene in `PARTS` is permuted, see `permute_genes`; with n of them p is
        no lower than about `PARTS` / (n x genes).

    Returns
    -------
    Null

    Raises
    ------
    InputError
        The cohort is not what the forest was grown on, or the folder is of another forest.

    Notes
    -----
    Ours. Draws, companions, bags and labels are the forest's. Copies of features with permuted
    values among the others are what Boruta compares with (Kursa and Rudnicki 2010).

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=8, weight_ranges=[3], tree_sizes=[3])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     null = permutation_null(forest, cohort, folder, permutations=2)
    >>> null.permuted.trees.shape, deepnic.rank_genes(forest, cohort, null)["q"].between(0, 1).all()
    ((4, 1, 1), np.True_)
    """
    cohort, folder = grown_on(forest, cohort), Path(folder)
    asked = asked_of(forest.attrs[ORIGIN])
    counts = [_permuted(cohort, asked, folder, k) for k in range(permutations)]
    own = count_alone(forest, parts_of(cohort.sizes["gene"], 0, seed=asked["seed"]))
    axes = {name: forest[name].values for name in ("tree_size", "weight_range")}
    conditions = pd.MultiIndex.from_product([*axes.values()], names=[*axes])
    permuted = Counts(*map(np.concatenate, zip(*counts, strict=True)))
    return Null(own, permuted, forest.sizes["draw"], conditions)


def _permuted(cohort: xr.Dataset, asked: dict[str, Any], folder: Path, k: int) -> Counts:
    """Counts of a permutation, as the folder holds them or of trees that are grown."""
    place, growing = folder / f"{k}.zarr", folder / f"{k}-growing.zarr"
    permuted, genes = permute_genes(cohort, k, seed=asked["seed"])
    trees = grow_forest(permuted, genes=genes, **asked)
    with locked(place):
        if not place.exists():
            write_forest(trees, growing)
            part = parts_of(cohort.sizes["gene"], k, seed=asked["seed"])
            write_store(stored(count_alone(open_forest(growing), part), trees), place)
        shutil.rmtree(growing, ignore_errors=True)
        counts = open_store(place, "null", load=True)
    if counts.attrs[ORIGIN] != trees.attrs[ORIGIN]:
        raise InputError(f"{place} is of another forest; choose another folder, or remove that one")
    return Counts(*(counts[name].values.astype(int) for name in Counts._fields))


def count_alone(forest: xr.Dataset, part: NDArray[np.integer]) -> Counts:
    """Count the trees of each gene of a forest none of whose other genes is of the gene's part."""
    drawn = {name: forest.attrs[name] for name in ("n_genes", "seed", "design")}
    asked = forest["gene_position"].values
    axes = [forest[name].values for name in ("tree_size", "weight_range")]
    counts = np.zeros((2, asked.size, *map(len, axes)), np.int64)
    for (v, V), (r, R) in product(*map(enumerate, axes)):
        signature = forest["signature"].isel(tree_size=v, weight_range=r).transpose("draw", "gene")
        drawn |= {"tree_size": int(V), "weight_range": int(R)}
        for draw, of_genes in enumerate(signature.compute(scheduler=of_this_process()).values):
            tree, _ = gene_trees(draw=draw, **drawn)
            members = tree_members(draw=draw, **drawn)[tree[asked]]
            alone = (part[members] == part[asked, None]).sum(axis=1) == 1
            counts[:, :, v, r] += [alone & (of_genes > 0), alone]
    return Counts(*counts)


def stored(counts: Counts, forest: xr.Dataset) -> xr.Dataset:
    """Counts of a permutation as its store holds them."""
    named = {
        name: xr.DataArray(one.astype(PERFECT.dtype), dims=PERFECT.dims)
        for name, one in counts._asdict().items()
    }
    places = {name: forest[name] for name in PERFECT.dims}
    return describe(xr.Dataset(named, coords=places, attrs=forest.attrs), "null")


def parts_of(n_genes: int, k: int, *, seed: int) -> NDArray[np.intp]:
    """Part of each gene (gene,), at random: the number of the permutation that takes it.

    As of permutation ``k`` and those after or before it by which every gene is permuted once.
    """
    n_parts = min(PARTS, n_genes)
    part = np.empty(n_genes, np.intp)
    place = np.argsort(_words(seed, k // n_parts, 0, n_genes), kind="stable")
    part[place] = np.arange(n_genes) % n_parts
    return part


def permute_genes(cohort: xr.Dataset, k: int, *, seed: int) -> tuple[xr.Dataset, list[str]]:
    """Permute the values of one gene in `PARTS`, each by itself; and which they are.

    ``k`` is the number of the permutation: `PARTS` of them take every gene once. Observations of
    unknown state keep theirs. A group with both states is permuted within itself; groups of one
    state are moved whole, next to each other in a random order, so that those of one size change
    places exactly.
    """
    known = np.flatnonzero(cohort["state"].values >= 0)
    part = parts_of(cohort.sizes["gene"], k, seed=seed)
    genes = np.flatnonzero(part == k % (part.max() + 1))
    words = _words(seed, k, 1, genes.size * known.size).reshape(genes.size, -1)
    names = cohort["group"].values[known] if "group" in cohort.coords else np.arange(known.size)
    place, order = _orders(names, cohort["state"].values[known], words)
    values = cohort["expression"].values.copy()
    for gene, one in zip(genes, order, strict=True):
        values[known[place], gene] = cohort["expression"].values[known[one], gene]
    permuted = cohort.assign(expression=cohort["expression"].copy(data=values))
    return permuted, cohort["gene"].values[genes].tolist()


def _orders(
    names: NDArray[Any], state: NDArray[np.int8], words: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places (observation,), and whose value comes to each (gene, observation).

    Observations of one group follow each other in either; those of one state alone come last.
    """
    _, group = np.unique(names, return_inverse=True)
    sick, size = np.bincount(group, state), np.bincount(group)
    within = ((sick > 0) & (sick < size))[group]
    first = np.unique(group, return_index=True)[1]
    between = np.where(within, group.astype(np.uint64), words[:, first][:, group])
    inside = np.where(within, words, np.arange(group.size, dtype=np.uint64))
    alone = np.broadcast_to(~within, words.shape)
    return np.lexsort((group, ~within)), np.lexsort((inside, between, alone), axis=1)


def _words(seed: int, k: int, purpose: int, n: int) -> NDArray[np.uint64]:
    """Raw random words, a function of the arguments; a forest's have a key that ends in 0."""
    key = np.array([seed, 1], np.uint64)
    return np.random.Philox(key=key, counter=[0, k, purpose, 0]).random_raw(n)


def share_grown(parameters: Parameters, tree_size: int) -> float:
    """Share of a forest's trees that a permutation grows, about: those with a permuted gene."""
    of_genes = 1 / min(PARTS, parameters["n_genes"])
    return of_genes if parameters["design"] == "stratified" else 1 - (1 - of_genes) ** tree_size


def estimate_null(forest: xr.Dataset, cohort: xr.Dataset, permutations: int) -> Estimate:
    """What `permutation_null` will take, from a sample of the forest's own trees."""
    parameters = parameters_of(forest.attrs[ORIGIN])
    job = estimate_growth(grown_on(forest, cohort), **asked_of(forest.attrs[ORIGIN]))
    by_condition = {
        (V, R): permutations * share_grown(parameters, V) * seconds
        for (V, R), seconds in job.by_condition.items()
    }
    half = permutations // 2
    savings = {f"--permutations {half}": 1 - half / permutations} if half else {}
    return replace(job, by_condition=by_condition, savings=savings)
