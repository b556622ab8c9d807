"""What the page of a training run says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from deepnic.analysis.ranking import TITLES, Interval
from deepnic.report.figures import curves as charts
from deepnic.report.figures import style as drawing
from deepnic.report.folder import TrainingFolder

RIVAL = "|t| of the first half"
MEASURES = TITLES | {"average_precision": "average precision", "loss": "loss (cross-entropy, nats)"}
VERDICTS = {
    "better": "better than",
    "worse": "worse than",
    "not distinguishable": "not distinguishable from",
    "undefined": "not comparable with",
}


@dataclass(frozen=True)
class Ranking:
    """How well one ranking does by one metric, and the network's value minus this one's."""

    name: str
    value: Interval
    difference: Interval

    @property
    def verdict(self) -> str:
        """What the network is beside this ranking: one of `VERDICTS`.

        Examples
        --------
        >>> Ranking("NIC1", Interval(0.7), Interval(0.1, 0.05, 0.15)).verdict
        'better'
        >>> Ranking("NIC1", Interval(0.7), Interval(0.1, -0.05, 0.25)).verdict
        'not distinguishable'
        """
        if np.isnan(self.difference.low + self.difference.high):
            return "undefined"
        if self.difference.low > 0:
            return "better"
        return "worse" if self.difference.high < 0 else "not distinguishable"


def content(run: TrainingFolder) -> dict[str, Any]:
    """Everything the template shows, by name; never the id of an item."""
    facts, rankings = run.facts | {"n_test": run.n_judged}, _rankings(run.ranking)
    drawn = {"learning": charts.learning(run.history)}
    if rankings:
        values = {by: {one.name: one.value for one in rows} for by, rows in rankings.items()}
        drawn["rankings"] = charts.rankings(values)
    counts = {part: facts[f"n_{part}"] for part in charts.SETS}
    shown = ("name", "items", "classes", "canvas", "config", "device", "device_name", "workers")
    return {
        **{name: facts[name] for name in (*shown, "machine", "command", "seconds")},
        "headline": headline(facts, rankings),
        "counts": {part: count for part, count in counts.items() if count},
        "measures": _measures(facts, run.history),
        "rankings": rankings,
        "figures": {name: drawing.svg_address(figure) for name, figure in drawn.items()},
    }


def headline(facts: Mapping[str, Any], rankings: Mapping[str, Sequence[Ranking]]) -> str:
    """One honest sentence: the network beside the first half's |t|, or else its test accuracy.

    Examples
    --------
    >>> facts = {"items": "genes", "n_training": 90, "n_test": 100, "classes": ["a", "b"]}
    >>> headline(facts | {"metrics": {"test_accuracy": 0.8}}, {})
    'The network is right for 80.0% (95% interval 71.1% to 86.7%) of the 100 genes held out.'
    >>> headline(facts | {"metrics": {"training_accuracy": 0.9}}, {})  # doctest: +ELLIPSIS
    'The network is right for 90.0% of the 90 genes it was trained on; ... is not known.'
    """
    metrics, items, n_test = facts["metrics"], facts["items"], facts["n_test"]
    if rankings:
        rivals = ["the first half’s own |t|", *["it"] * (len(rankings) - 1)]
        pairs = zip(rankings.items(), rivals, strict=True)
        said = " and ".join(_beside(rival, by, rows) for (by, rows), rival in pairs)
        return (
            f"At ranking {n_test:,} held-out genes, replicating ones first, the network is {said}."
        )
    if not n_test or metrics.get("test_accuracy") is None:
        return (
            f"The network is right for {metrics['training_accuracy']:.1%} of the "
            f"{facts['n_training']:,} {items} it was trained on; none of known class was held out, "
            "so how well it predicts is not known."
        )
    accuracy = share(metrics["test_accuracy"], n_test)
    said = f"The network is right for {accuracy.percent()} of the {n_test:,} {items} held out"
    if (balanced := metrics.get("test_balanced_accuracy")) is not None:
        guess = 1 / len(facts["classes"])
        said += f"; its balanced accuracy is {balanced:.3f}, where guessing gives {guess:.3f}"
    return said + "."


def share(right: float, n: int) -> Interval:
    """A share of n independent items, with Wilson's 95% interval.

    Examples
    --------
    >>> str(share(1.0, 20))
    '1.000 (0.839 to 1.000)'
    """
    interval = binomtest(round(right * n), n).proportion_ci(method="wilson")
    return Interval(right, float(interval.low), float(interval.high))


def _beside(rival: str, metric: str, rankings: Sequence[Ranking]) -> str:
    by_name = {one.name: one for one in rankings}
    ours, theirs, gap = by_name["network"].value, by_name[RIVAL].value, by_name[RIVAL].difference
    return (
        f"{VERDICTS[by_name[RIVAL].verdict]} {rival} by {metric} ({ours.mean:.3f} against "
        f"{theirs.mean:.3f}: difference {gap.mean:.3f}, 95% interval {gap.low:.3f} to "
        f"{gap.high:.3f})"
    )


def _measures(facts: Mapping[str, Any], history: pd.DataFrame) -> dict[str, dict[str, Interval]]:
    """Each measure in each part of the items: validation at the epoch whose network was kept."""
    values = dict(facts["metrics"])
    if "validation_loss" in history:
        values |= history.nsmallest(1, "validation_loss").iloc[0].filter(like="validation_")
    found: dict[str, dict[str, Interval]] = {}
    for name, value in values.items():
        part, _, measure = name.partition("_")
        if part in charts.SETS:
            one = Interval(np.nan if value is None else value)
            if name == "test_accuracy" and facts["n_test"]:
                one = share(one.mean, facts["n_test"])
            found.setdefault(MEASURES.get(measure, measure), {})[part] = one
    return found


def _rankings(ranking: pd.DataFrame | None) -> dict[str, list[Ranking]]:
    """Rankings by metric, as the table has them."""
    if ranking is None:
        return {}
    value, difference = ["mean", "low", "high"], ["difference", "difference_low", "difference_high"]
    return {
        MEASURES[str(metric)]: [
            Ranking(name, Interval(*one), Interval(*other))
            for name, one, other in zip(
                rows["ranking"], rows[value].values, rows[difference].values, strict=True
            )
        ]
        for metric, rows in ranking.groupby("metric", sort=False)
    }
