"""What is asked of a gene: to be told from one half of the patients, judged by the other."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from deepnic.analysis.gene_scores import CONTROL
from deepnic.cohort import filled, hide_labels
from deepnic.cohort.differential import welch

FDR = 0.05  # of the genes that replicate


class Halves(NamedTuple):
    """The patients in two halves, and what is known of a gene in each without images."""

    expression: tuple[NDArray[np.float32], NDArray[np.float32]]  # (observation, gene) of each
    state: tuple[NDArray[np.int8], NDArray[np.int8]]
    constant: NDArray[np.bool_]  # (gene,) in one half or in both: it is asked nothing


def halve(cohort: xr.Dataset, other: NDArray[np.bool_]) -> Halves:
    """Cut a cohort whose states are all known; what is missing in a half is filled from it alone.

    Examples
    --------
    >>> import deepnic
    >>> halves = halve(deepnic.demo_cohort(), np.arange(569) % 2 == 1)
    >>> [len(state) for state in halves.state], halves.constant.any()
    ([285, 284], np.False_)
    """
    parts, states = [], []
    for half in (~other, other):
        known = filled(hide_labels(cohort, ~half))["expression"].values
        parts.append(known[half])
        states.append(cohort["state"].values[half])
    constant = np.any([part.min(axis=0) == part.max(axis=0) for part in parts], axis=0)
    return Halves((parts[0], parts[1]), (states[0], states[1]), constant)


class Task(NamedTuple):
    """A question that every arm answers by a number for each gene."""

    ranked: bool  # the truth is a rank from 0 to 1; else it is 0 or 1
    of: Callable[[Halves], NDArray[np.float64]]  # truth of each gene; NaN = it is not asked
    words: str


def replication(halves: Halves) -> NDArray[np.float64]:
    """1 where a gene passes Welch's test with Benjamini and Hochberg's control, 0 where not."""
    _, p = welch(halves.expression[1], halves.state[1])
    asked = ~halves.constant
    truth = np.full(p.size, np.nan)
    truth[asked] = stats.false_discovery_control(p[asked]) <= FDR
    return truth


def strength(halves: Halves) -> NDArray[np.float64]:
    """Rank of the absolute t among all genes, from 0 to 1."""
    t, _ = welch(halves.expression[1], halves.state[1])
    asked = ~halves.constant
    truth = np.full(t.size, np.nan)
    truth[asked] = (stats.rankdata(np.abs(t[asked])) - 0.5) / asked.sum()
    return truth


def direction(halves: Halves) -> NDArray[np.float64]:
    """1 where the gene is higher in state 1, 0 where it is lower."""
    t, _ = welch(halves.expression[1], halves.state[1])
    return np.where(halves.constant | (t == 0), np.nan, t > 0)


TASKS = {
    "replication": Task(False, replication, "does the gene differ in the other half"),
    "strength": Task(True, strength, "how much the gene differs in the other half"),
    "direction": Task(False, direction, "which class is higher in the other half"),
    CONTROL: Task(True, strength, "the strength, with the other half's states permuted"),
}
"""Tasks by name; the control is asked of a cohort whose other half has permuted states.

Of a cohort with a planted rule there is a task of its own; see `plant`.
"""
