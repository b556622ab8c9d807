"""What a training run found: how often its network is right, and what its ranking is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from deepnic.analysis.differences import VERDICTS
from deepnic.analysis.grouped import are_enough, design_effect, number_groups
from deepnic.analysis.interval import Interval
from deepnic.analysis.limits import share
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.results import RunResults

PARTS = ("training", "validation", "test")
"""Of the items, in the order in which they are shown."""

NETWORK, RIVAL = "network", "|t| of the first half"
"""Rankings of genes that the headline compares, as ``ranking.csv`` calls them."""

MEASURES = METRIC_TITLES | {
    "average_precision": "average precision",
    "loss": "loss (cross-entropy, nats)",
}

BESIDE = {
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
        """What the network is beside this ranking."""
        return VERDICTS[self.difference.sign] if self.difference.bounded else "undefined"


@dataclass(frozen=True)
class RunFindings:
    """What a training run found.

    ``counts`` of the items of known class by part (of `PARTS`), where there are any; ``measures``
    by title, then by part, of validation at ``kept_epoch``: that of the least validation loss,
    whose network was kept, None without validation; ``rankings`` by title of the metric, empty
    unless genes were ranked; ``headline``, one honest sentence.
    """

    counts: dict[str, int]
    measures: dict[str, dict[str, Interval]]
    rankings: dict[str, list[Ranking]]
    kept_epoch: int | None
    headline: str


def find_run(run: RunResults) -> RunFindings:
    """Judge the results of a training run."""
    facts, rankings = run.facts | {"n_test": run.n_judged}, _rankings(run.ranking)
    accuracy = _test_accuracy(facts, run.patients)
    kept = pd.Series(dtype=float)
    if "validation_loss" in run.history:
        kept = run.history.nsmallest(1, "validation_loss").iloc[0]
    counts = {part: facts[f"n_{part}"] for part in PARTS}
    return RunFindings(
        counts={part: count for part, count in counts.items() if count},
        measures=_measures(facts, kept, accuracy),
        rankings=rankings,
        kept_epoch=int(kept["epoch"]) if len(kept) else None,
        headline=headline(facts, rankings, accuracy),
    )


def _test_accuracy(facts: Mapping[str, Any], patients: pd.DataFrame | None) -> Interval | None:
    """Accuracy on the items held out by Wilson's interval, over the groups of patients in such."""
    value, n_test = facts["metrics"].get("test_accuracy"), facts["n_test"]
    if value is None or not n_test:
        return None
    if patients is None or "group" not in patients or n_test < 2:
        return share(value, n_test)
    right, group = 1 - patients["wrong"].to_numpy(), number_groups(patients["group"])
    everyone = [np.arange(n_test)]
    if not are_enough(group, everyone):
        return Interval(value)
    effect = design_effect(lambda left: (left @ right / left.sum(axis=-1))[None], group, everyone)
    return share(value, n_test, effect=float(effect[0]))


def headline(
    facts: Mapping[str, Any], rankings: Mapping[str, Sequence[Ranking]], accuracy: Interval | None
) -> str:
    """One honest sentence: the network beside the first half's |t|, or else its test accuracy."""
    metrics, items, n_test = facts["metrics"], facts["items"], facts["n_test"]
    if rankings:
        rivals = ["the first half’s own |t|", *["it"] * (len(rankings) - 1)]
        pairs = zip(rankings.items(), rivals, strict=True)
        beside = " and ".join(_beside(rival, metric, rows) for (metric, rows), rival in pairs)
        return (
            f"At ranking {n_test:,} held-out genes, replicating ones first, the network is "
            f"{beside}."
        )
    if accuracy is None:
        return (
            f"The network is right for {metrics['training_accuracy']:.1%} of the "
            f"{facts['n_training']:,} {items} it was trained on; none of known class was held out, "
            "so how well it predicts is not known."
        )
    sentence = f"The network is right for {accuracy.percent()} of the {n_test:,} {items} held out"
    if (balanced := metrics.get("test_balanced_accuracy")) is not None:
        guess = 1 / len(facts["classes"])
        sentence += f"; its balanced accuracy is {balanced:.3f}, where guessing gives {guess:.3f}"
    return sentence + "."


def _beside(rival: str, metric: str, rankings: Sequence[Ranking]) -> str:
    by_name = {ranking.name: ranking for ranking in rankings}
    ours, theirs, gap = by_name[NETWORK].value, by_name[RIVAL].value, by_name[RIVAL].difference
    return (
        f"{BESIDE[by_name[RIVAL].verdict]} {rival} by {metric} ({ours.mean:.3f} against "
        f"{theirs.mean:.3f}: difference {gap.mean:.3f}, 95% interval "
        f"{gap.low:.3f} to {gap.high:.3f})"
    )


def _measures(
    facts: Mapping[str, Any], kept: pd.Series, accuracy: Interval | None
) -> dict[str, dict[str, Interval]]:
    values = facts["metrics"] | kept.filter(like="validation_").to_dict()
    measures: dict[str, dict[str, Interval]] = {}
    for name, value in values.items():
        part, _, measure = name.partition("_")
        if part in PARTS:
            interval = Interval(np.nan if value is None else value)
            if name == "test_accuracy" and accuracy is not None:
                interval = accuracy
            measures.setdefault(MEASURES.get(measure, measure), {})[part] = interval
    return measures


def _rankings(ranking: pd.DataFrame | None) -> dict[str, list[Ranking]]:
    """Rankings by metric, as the table has them."""
    if ranking is None:
        return {}
    value, difference = ["mean", "low", "high"], ["difference", "difference_low", "difference_high"]
    return {
        MEASURES[str(metric)]: [
            Ranking(name, Interval(*values), Interval(*differences))
            for name, values, differences in zip(
                rows["ranking"], rows[value].values, rows[difference].values, strict=True
            )
        ]
        for metric, rows in ranking.groupby("metric", sort=False)
    }
