"""What a limit to the bag costs and saves where there are many patients.

``python -m studies.experiments.bags`` grows forests of 1,000 made patients and of Wisconsin with
all limits, and prints, a line each: seconds of the processor, share of perfect trees, AUROC of the
patients by the out-of-bag votes of perfect trees and of all, and how genes are ranked by the number
of their perfect trees: AUROC of the genes that differ; for Wisconsin the rank correlation with the
absolute t.
"""

from collections.abc import Iterable, Sequence
from time import process_time

import dask
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import spearmanr, ttest_ind
from sklearn.metrics import roc_auc_score

import deepnic
from deepnic.nic.observations import forest_vote

LIMITS = (12, 25, 50, 100, 200, None)
CONDITIONS = {"n_trees": 20, "weight_ranges": (3, 4, 5), "tree_sizes": (3, 4, 5, 6)}
INFORMATIVE = 10  # each so many-th gene of the made cohort


def made(n: int = 1000, n_genes: int = 200, shift: float = 0.6, seed: int = 0) -> xr.Dataset:
    """Noise, and a tenth of the genes that differ between two classes by so many deviations."""
    random = np.random.default_rng(seed)
    state = np.arange(n) % 2
    expression = random.normal(size=(n, n_genes))
    expression[:, ::INFORMATIVE] += shift * state[:, None]
    names = [f"g{k}" for k in range(n_genes)], [f"o{k}" for k in range(n)]
    return deepnic.make_cohort(expression, state.astype(str), *names, positive="1")


def measure(cohort: xr.Dataset, limits: Iterable[int | None], **parameters: object) -> pd.DataFrame:
    """Grow a forest with each limit, and judge its votes and its ranking of genes."""
    informative = np.arange(cohort.sizes["gene"]) % INFORMATIVE == 0
    rows = []
    for max_bag in limits:
        lazy = deepnic.grow_forest(cohort, max_bag=max_bag, **parameters)  # type: ignore[arg-type]
        start = process_time()
        with dask.config.set(scheduler="sync"):
            forest = lazy.compute()
        seconds = process_time() - start
        perfect = forest["signature"].values > 0
        rate = perfect.mean(axis=(0, 1, 2))
        everyone = forest["vote"].values.sum(axis=(0, 1, 2, 3), dtype=np.int64)
        rows.append(
            {
                "at most of a class": "all" if max_bag is None else max_bag,
                "seconds": seconds,
                "perfect": perfect.mean(),
                "by perfect trees": _auroc(cohort, forest_vote(forest)),
                "by all trees": _auroc(cohort, everyone),
                "genes": (
                    roc_auc_score(informative, rate)
                    if "source" not in cohort.attrs
                    else spearmanr(rate, np.abs(_t(cohort)))[0]
                ),
            }
        )
    return pd.DataFrame(rows)


def _auroc(cohort: xr.Dataset, vote: NDArray[np.generic]) -> float:
    return float(roc_auc_score(cohort["state"].values == 1, vote))


def _t(cohort: xr.Dataset) -> NDArray[np.float64]:
    values, sick = cohort["expression"].values, cohort["state"].values == 1
    return np.asarray(ttest_ind(values[sick], values[~sick], equal_var=False).statistic)


def main(limits: Sequence[int | None] = LIMITS) -> None:
    """Print both tables."""
    for name, cohort in {"made": made(), "Wisconsin": deepnic.demo_cohort()}.items():
        table = measure(cohort, limits, **CONDITIONS)
        print(f"{name}, {cohort.sizes['observation']} x {cohort.sizes['gene']}")
        print(table.to_string(index=False, float_format="{:.3f}".format), flush=True)


if __name__ == "__main__":
    main()
