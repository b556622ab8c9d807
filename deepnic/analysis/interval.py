"""A mean and its interval, and the ways to write it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval; NaN where undefined.

    Examples
    --------
    >>> str(Interval(0.9, 0.85, 0.94)), str(Interval(0.9)), str(Interval())
    ('0.900 (0.850 to 0.940)', '0.900', 'undefined')
    """

    mean: float = np.nan
    low: float = np.nan
    high: float = np.nan

    @classmethod
    def of(cls, row: Any) -> Self:
        """Take the columns mean, low and high of a row."""
        return cls(row.mean, row.low, row.high)

    def __str__(self) -> str:
        if np.isnan(self.mean):
            return "undefined"
        if not self.bounded:
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def bounded(self) -> bool:
        """Whether both ends are known."""
        return not np.isnan(self.low + self.high)

    @property
    def sign(self) -> int:
        """1 if all of it is above 0, -1 if all of it is below, 0 if that is not known."""
        return int(self.low > 0) - int(self.high < 0)

    def short(self) -> str:
        """Return it in a few characters, for a column."""
        if np.isnan(self.mean):
            return "undefined"
        return f"{self.mean:.3f} {self.low:.2f}-{self.high:.2f}"

    def percent(self) -> str:
        """Return it in per cent, for a sentence."""
        if not self.bounded:
            return f"{self.mean:.1%}"
        return f"{self.mean:.1%} (95% interval {self.low:.1%} to {self.high:.1%})"

    def points(self) -> str:
        """Return a difference in points of per cent, with its sign: −1.2 (−3.0 to +0.6)."""
        if np.isnan(self.mean):
            return "undefined"
        mean = _signed(100 * self.mean)
        return f"{mean} ({self.span()})" if self.bounded else mean

    def span(self) -> str:
        """Return the two ends of a difference, in points of per cent."""
        return f"{_signed(100 * self.low)} to {_signed(100 * self.high)}"


def over_cohorts(differences: Iterable[float]) -> Interval:
    """Mean of a difference over cohorts, with Student's 95% interval."""
    known = np.array([value for value in differences if not np.isnan(value)])
    mean = float(known.mean()) if known.size else np.nan
    if known.size < 2:
        return Interval(mean)
    half = stats.t.ppf(0.975, known.size - 1) * known.std(ddof=1) / np.sqrt(known.size)
    return Interval(mean, mean - float(half), mean + float(half))


def power_of(shift: float, n: int, level: float) -> float:
    """How often Student's one-sided test of the mean of n values finds it above 0.

    ``shift`` is the true mean in standard errors. The statistic is noncentral t there: Cohen
    (1988), Statistical power analysis for the behavioral sciences, 2nd edition, chapter 2.

    Examples
    --------
    >>> round(power_of(0, 20, 0.05), 3), round(power_of(2.58, 20, 0.05), 2)
    (0.05, 0.8)
    """
    return float(stats.nct.sf(stats.t.isf(level, n - 1), n - 1, shift))


def of_wholes(differences: pd.Series, whole: Mapping[str, str]) -> pd.Series:
    """Differences of cohorts, the mean where several are parts of one (`whole`, by name)."""
    names = [whole.get(name, name) for name in map(str, differences.index)]
    return differences.groupby(np.array(names, object), sort=False).mean()


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
