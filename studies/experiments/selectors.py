"""Does the list of genes find what is planted, and what do other lists find?

    pip install ipss
    python -m studies.experiments.selectors [--repeats 4]

2,000 genes of golub and gravier keep their correlations and lose their labels, which are permuted;
then 20 or 50 genes of a kind are made to differ. Share of false genes among those that pass a q of
10 %, share of the planted ones that pass, average precision of the order, mean and interval over
repeats: of `deepnic.explain.rank_genes` by 20 permutations, of Welch's test with Benjamini and
Hochberg's control, and of integrated path stability selection with random forests (Melikechi and
Miller 2024; package ipss); the importance of a random forest has an order alone.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import typer
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score

from deepnic.analysis.interval import over_cohorts
from deepnic.cohort import make_cohort
from deepnic.explain import permutation_null, rank_genes
from deepnic.rop import grow_forest
from deepnic.study import read_settings
from deepnic.study.cohorts import read_cohorts

COHORTS = ("golub", "gravier")
N_GENES = 2000
Q = 0.1
SHARED = 6  # standard deviation of what the genes of a pair share
FOREST = {"n_trees": 20, "weight_ranges": [3], "tree_sizes": [3, 4, 5], "max_bag": 25}


def _shift(distance: float) -> Callable[..., NDArray]:
    """Higher in the sick, by some standard deviations."""
    return lambda values, state, rng: values + distance * state[:, None]


def _both_ways(values: NDArray, state: NDArray, rng: np.random.Generator) -> NDArray:
    """Higher in some of the sick and lower in others, by three: the means are alike."""
    way = rng.choice([-1, 1], values.shape) * state[:, None]
    return values + 3 * way


def _pairs(values: NDArray, state: NDArray, rng: np.random.Generator) -> NDArray:
    """Pairs whose difference has the classes three apart, behind what both share."""
    return _apart(values, state, rng.normal(size=(len(state), values.shape[1] // 2)))


def _module(values: NDArray, state: NDArray, rng: np.random.Generator) -> NDArray:
    """Two halves of a module: any gene of one and any of the other make such a pair."""
    shared = rng.normal(size=(len(state), 1))
    return _apart(values, state, np.repeat(shared, values.shape[1] // 2, axis=1))


def _apart(values: NDArray, state: NDArray, shared: NDArray) -> NDArray:
    """The first half of the genes higher in the sick, the second half lower."""
    way = np.repeat([1, -1], shared.shape[1])
    return values + SHARED * np.tile(shared, 2) + 3 / np.sqrt(2) * way * state[:, None]


KINDS = {
    "nothing": (0, _shift(0)),
    "shift of 1.25": (20, _shift(1.25)),
    "shift of 2": (20, _shift(2)),
    "shift of 2, 50 genes": (50, _shift(2)),
    "both ways": (20, _both_ways),
    "10 pairs": (20, _pairs),
    "module": (20, _module),
    "module of 50": (50, _module),
}


def planted(cohort: xr.Dataset, kind: str, seed: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
    """A cohort of permuted labels in which genes of a kind differ, and which they are."""
    n_planted, change = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    state = rng.permutation(cohort["state"].values)
    values = cohort["expression"].values.astype(np.float64)
    values = values[:, values.std(axis=0) > 0]
    values = values[:, rng.choice(values.shape[1], min(N_GENES, values.shape[1]), replace=False)]
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    values[:, :n_planted] = change(values[:, :n_planted], state, rng)
    genes = [f"g{k}" for k in range(values.shape[1])]
    made = make_cohort(
        values.astype(np.float32), state, genes, [f"o{k}" for k in range(len(state))]
    )
    return made, np.arange(values.shape[1]) < n_planted


def lists(cohort: xr.Dataset, seed: int) -> Iterator[tuple[str, NDArray, NDArray | None]]:
    """Name, score and q (None: no such thing) of each list of a cohort's genes."""
    from ipss import ipss

    values, state = cohort["expression"].values, cohort["state"].values
    forest = grow_forest(cohort, seed=seed, **FOREST).compute()
    with TemporaryDirectory() as folder:
        found = rank_genes(forest, cohort, permutation_null(forest, cohort, folder))
    found = found.set_index("gene").loc[cohort["gene"].values.tolist()]
    yield "deepnic", found["score"].to_numpy(), found["q"].to_numpy()
    test = stats.ttest_ind(values[state == 1], values[state == 0], equal_var=False)
    yield "t", np.abs(test.statistic), stats.false_discovery_control(test.pvalue)
    fitted = RandomForestClassifier(1000, random_state=seed).fit(values, state)
    yield "random forest", fitted.feature_importances_, None
    np.random.seed(seed)  # noqa: NPY002, it draws from NumPy's global state
    told = ipss(values.astype(np.float64), state.astype(np.float64), selector="rf")["q_values"]
    q = np.array([told[k] for k in range(values.shape[1])])
    yield "stability selection", -q, q


def judged(true: NDArray, score: NDArray, q: NDArray | None) -> dict[str, float]:
    """Share of false genes among those that pass, of planted ones that do, and the order."""
    told = dict.fromkeys(("false", "found", "precision"), np.nan)
    if q is not None:
        passes = q <= Q
        told["false"] = (passes & ~true).sum() / max(passes.sum(), 1)
        told["found"] = passes[true].mean() if true.any() else np.nan
    if true.any():
        told["precision"] = average_precision_score(true, score)
    return told


def measure(repeats: int, console: Console) -> pd.DataFrame:
    """A row for each list, kind, cohort and repeat."""
    settings = read_settings(Path(__file__).parents[1] / "study.toml")
    chosen = {name: settings.cohorts[name] for name in COHORTS}
    cohorts, _ = read_cohorts(settings.model_copy(update={"cohorts": chosen}))
    rows = []
    for cohort_name, cohort in cohorts.items():
        for kind in KINDS:
            for seed in range(repeats):
                made, true = planted(cohort, kind, seed)
                for name, score, q in lists(made, seed):
                    rows.append({"kind": kind, "list": name, **judged(true, score, q)})
            console.print(f"{cohort_name}, {kind}")
    return pd.DataFrame(rows)


def main(
    repeats: Annotated[int, typer.Option(help="Cohorts made of each kind and cohort.")] = 4,
) -> None:
    """Print the table."""
    table = measure(repeats, Console(stderr=True))
    of_one = table.groupby(["kind", "list"], sort=False)
    told = of_one.agg(lambda column: over_cohorts(column).short())
    Console(soft_wrap=True).print(told.to_markdown())


if __name__ == "__main__":
    typer.run(main)
