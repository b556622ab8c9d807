"""Time of a tree by observations and condition, and `tree_seconds` fitted to it.

python -m tests.benchmarks.trees 20 60 100 200 500 1000
"""

import sys
from collections.abc import Iterator, Sequence
from time import thread_time

import numpy as np
import pandas as pd
from rich.console import Console
from scipy.optimize import least_squares

from deepnic.rop.engine import draw_of, grow_some, walk, weights_of_range
from deepnic.rop.graph import tree_seconds
from tests.benchmarks.forests import made_cohort
from tests.benchmarks.table import Section, as_table

SECONDS = 0.6  # how long trees of a condition are grown, or for one tree


def measured(
    observations: Sequence[int],
    *,
    tree_sizes: Sequence[int] = range(3, 9),
    weight_ranges: Sequence[int] = (3, 4, 5),
    n_genes: int = 2000,
    seconds: float = SECONDS,
) -> pd.DataFrame:
    """Seconds of a tree of this thread, by n, V and R."""
    rows = []
    for n in observations:
        cohort = made_cohort(n, n_genes)
        expression = np.require(cohort["expression"].values.T, requirements=["C", "W"])
        for V in tree_sizes:
            for R in weight_ranges:
                times = list(_times(expression, cohort["state"].values, V, R, seconds))
                trees, spent = np.sum(times, axis=0)
                rows.append((n, V, R, spent / trees, tree_seconds(V, R, n)))
    return pd.DataFrame(rows, columns=["n", "V", "R", "seconds", "modelled"])


def _times(
    expression: np.ndarray, state: np.ndarray, V: int, R: int, seconds: float
) -> Iterator[tuple[int, float]]:
    """Trees of one draw by ever more at once, and the seconds they took."""
    draw = draw_of(
        {
            "n_trees": 1,
            "tree_sizes": [V],
            "weight_ranges": [R],
            "subsample": 0.8,
            "design": "balanced",
            "seed": 0,
            "n_genes": len(expression),
        },
        np.ascontiguousarray(state), None, V, R, 0,
    )  # fmt: skip
    weights = np.tile(weights_of_range(R), (V, 1))
    first = last = 0
    while last < len(draw.members) and seconds > 0:
        first, last = last, min(2 * last + 1, len(draw.members))
        some = slice(first, last)
        start = thread_time()
        walk(
            expression,
            grow_some(
                expression, state, draw.members[some], draw.in_bag[some], draw.keys[some], weights
            ),
        )
        taken = thread_time() - start
        seconds -= taken
        yield last - first, taken


def fitted(times: pd.DataFrame) -> list[float]:
    """The four numbers of `tree_seconds` that are never far from these times."""
    n, V, R, seconds = (times[name].to_numpy(float) for name in ("n", "V", "R", "seconds"))

    def modelled(logs: np.ndarray) -> np.ndarray:
        each, vector = np.exp(logs[:2])
        few = np.minimum(n, 300)
        visited = R ** (V * np.minimum(logs[2] + logs[3] * np.log(few), 1))
        return each * n + vector * np.maximum(few, 0.3 * n) * visited

    start = np.array([*np.log([1e-6, 1e-8]), 0.2, 0.1])
    close = least_squares(lambda logs: np.log(modelled(logs) / seconds), start).x
    # a high power: what counts is the condition that is furthest off
    fit = least_squares(lambda logs: 10 * np.log(modelled(logs) / seconds) ** 5, close).x
    return [*np.exp(fit[:2]), *fit[2:]]


def trees(times: pd.DataFrame) -> Section:
    """Milliseconds of a tree, and how many times as long as modelled."""
    columns = [f"V{V}" for V in times["V"].unique()]
    rows = [
        (
            f"n = {n}, R{R}",
            [f"{1e3 * t.seconds:.3g} ({t.seconds / t.modelled:.2f}x)" for t in some.itertuples()],
        )
        for (n, R), some in times.groupby(["n", "R"])
    ]
    return Section("ms a tree (of what is modelled)", columns, rows)


if __name__ == "__main__":
    measured([20], tree_sizes=[3], weight_ranges=[3], seconds=1e-3)  # compile
    found = measured([int(n) for n in sys.argv[1:]])
    Console(width=140).print(as_table([trees(found)]))
    print("fitted:", *(f"{number:.3g}" for number in fitted(found)))
