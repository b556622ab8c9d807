"""The arms of a study, compared: order, headline, table of the console."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from deepnic.errors import InputError
from deepnic.variables import METRICS

TITLES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auroc": "AUROC"}
COLUMNS = ("arm", "kind", "metric", "mean", "low", "high")


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval; NaN where undefined."""

    mean: float = np.nan
    low: float = np.nan
    high: float = np.nan

    def __str__(self) -> str:
        if np.isnan(self.mean):
            return "undefined"
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"

    def short(self) -> str:
        """Return the same in a few characters, for a column."""
        if np.isnan(self.mean):
            return "undefined"
        return f"{self.mean:.3f} {self.low:.2f}-{self.high:.2f}"

    def percent(self) -> str:
        """Return the same in per cent, for a sentence."""
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{self.mean:.1%}"
        return f"{self.mean:.1%} (95% interval {self.low:.1%} to {self.high:.1%})"

    def overlaps(self, other: "Interval") -> bool:
        """Tell whether two intervals share a value; an undefined one shares none."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Arm:
    """One way to predict: an assembly or a baseline."""

    name: str
    kind: str
    metrics: Mapping[str, Interval]

    @property
    def accuracy(self) -> Interval:
        return self.metrics["accuracy"]


def rank_arms(summary: pd.DataFrame) -> list[Arm]:
    """Arms of a summary: assemblies, then baselines, then other kinds; the most accurate first.

    Parameters
    ----------
    summary : DataFrame
        Columns arm, kind, metric, mean, low, high.

    Returns
    -------
    list of Arm
        Each with all of `METRICS`; what the summary lacks is undefined.

    Raises
    ------
    InputError
        A column is missing, or there is no arm.

    Examples
    --------
    >>> rows = [("svm", "baseline", "accuracy", 0.9, 0.8, 1.0)]
    >>> [arm] = rank_arms(pd.DataFrame(rows, columns=COLUMNS))
    >>> str(arm.accuracy), str(arm.metrics["auroc"])
    ('0.900 (0.800 to 1.000)', 'undefined')
    """
    lacking = [name for name in COLUMNS if name not in summary]
    if lacking or summary.empty:
        raise InputError(
            f"the summary has no {', '.join(lacking) or 'row'}; run `deepnic study` again"
        )
    arms = []
    for (kind, name), rows in summary.groupby(["kind", "arm"], sort=False):
        known = {row.metric: Interval(row.mean, row.low, row.high) for row in _numbers(rows)}
        metrics = {metric: known.get(metric, Interval()) for metric in METRICS}
        arms.append(Arm(str(name), str(kind), metrics))
    kinds = ["assembly", "baseline", *sorted({arm.kind for arm in arms})]
    best_first = sorted(arms, key=lambda arm: np.nan_to_num(-arm.accuracy.mean, nan=1.0))
    return sorted(best_first, key=lambda arm: kinds.index(arm.kind))


def majority_share(classes: Mapping[str, int], positive: str) -> float:
    """Accuracy of always answering the larger of the positive class and the rest.

    Examples
    --------
    >>> majority_share({"benign": 30, "malignant": 10}, "malignant")
    0.75
    """
    share = classes.get(positive, 0) / max(sum(classes.values()), 1)
    return max(share, 1 - share)


def headline(arms: Sequence[Arm], majority: float) -> str:
    """One honest paragraph: the best assembly against the best baseline.

    Examples
    --------
    >>> def arm(name, kind, *interval):
    ...     return Arm(name, kind, {"accuracy": Interval(*interval)})
    >>> arms = [arm("snail", "assembly", 0.8, 0.7, 0.85)]
    >>> print(headline(arms, 0.6))  # doctest: +NORMALIZE_WHITESPACE
    The best assembly, snail, is right for 80.0% (95% interval 70.0% to 85.0%) of the observations
    it was not trained on; always answering the larger class would be right for 60.0%.
    """
    assembly, baseline = best(arms, "assembly"), best(arms, "baseline")
    if assembly is None:
        return "No assembly has a defined accuracy: there is nothing to compare."
    said = (
        f"The best assembly, {assembly.name}, is right for {assembly.accuracy.percent()} of the "
        "observations it was not trained on"
    )
    if baseline is not None:
        said += f"; the best baseline, {baseline.name}, for {baseline.accuracy.percent()}. "
        said += _verdict(assembly.accuracy, baseline.accuracy) + " Always answering"
    else:
        said += "; always answering"
    said += f" the larger class would be right for {majority:.1%}"
    if assembly.accuracy.low <= majority:
        said += ", which the interval of the best assembly does not exclude"
    return said + "."


def off_chance(arms: Sequence[Arm]) -> list[Arm]:
    """Arms whose interval of balanced accuracy leaves out 0.5: none, if all goes well, under
    permuted labels.

    Examples
    --------
    >>> off_chance([Arm("snail", "assembly", {"balanced_accuracy": Interval(0.5, 0.4, 0.6)})])
    []
    """
    balanced = [arm.metrics["balanced_accuracy"] for arm in arms]
    chance = Interval(0.5, 0.5, 0.5)
    return [
        arm
        for arm, interval in zip(arms, balanced, strict=True)
        if not np.isnan(interval.low + interval.high) and not interval.overlaps(chance)
    ]


def best(arms: Sequence[Arm], kind: str) -> Arm | None:
    """Return the most accurate arm of a kind, or None if no accuracy is defined."""
    defined = [arm for arm in arms if arm.kind == kind and not np.isnan(arm.accuracy.mean)]
    return max(defined, key=lambda arm: arm.accuracy.mean, default=None)


def summary_table(summary: pd.DataFrame) -> Table:
    """Comparison of the arms for the console.

    Parameters
    ----------
    summary : DataFrame
        Columns arm, kind, metric, mean, low, high, as in a study's ``summary.csv``.

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> rows = [("svm", "baseline", "accuracy", 0.9, 0.8, 1.0)]
    >>> table = summary_table(pd.DataFrame(rows, columns=COLUMNS))
    >>> [list(column.cells)[-1] for column in table.columns][:2]
    [<text 'svm' [] ''>, <text '0.900 0.80-1.00' [] ''>]
    """
    title = "On unseen observations: mean and 95% interval"
    table = Table(title=title, box=SIMPLE, show_edge=False, padding=0)  # fits 80 columns
    table.add_column("arm")
    for metric in METRICS:
        table.add_column(TITLES[metric], justify="right", no_wrap=True)
    above = None
    for arm in rank_arms(summary):
        if above != arm.kind:
            table.add_section()
            table.add_row(Text(arm.kind, style="bold"))
        above = arm.kind
        cells = [arm.name, *(arm.metrics[metric].short() for metric in METRICS)]
        table.add_row(*map(Text, cells))  # Text: a bracket in a name is no markup
    return table


def _numbers(rows: pd.DataFrame) -> Any:
    return rows.astype({"mean": float, "low": float, "high": float}).itertuples(index=False)


def _verdict(assembly: Interval, baseline: Interval) -> str:
    points = 100 * abs(assembly.mean - baseline.mean)
    if points < 0.05:
        return "They are equal to a tenth of a point."
    word = "better" if assembly.mean > baseline.mean else "worse"
    said = f"The assembly is {word} by {points:.1f} points"
    if np.isnan(assembly.low + assembly.high + baseline.low + baseline.high):
        return f"{said}; an interval is undefined, so the difference cannot be judged."
    if assembly.overlaps(baseline):
        return f"{said}; the intervals overlap, so the difference may be chance."
    return f"{said}, and the intervals do not overlap."
