"""More than two classes: one network of each against the rest, and the class they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from deepnic.analysis.interval import Interval
from deepnic.analysis.metrics import RESAMPLES, probability
from deepnic.analysis.ranking import MEASURE, OURS, rows

ACCURACY = "accuracy"


@dataclass(frozen=True)
class Multiclass:
    """What the arms say of a cohort of more than two classes.

    Attributes
    ----------
    cohort : str
    classes : tuple of str
    arms : DataFrame
        Every arm that gives probabilities: arm, kind, role, family, metric (accuracy, or
        balanced_accuracy: the mean of the classes' recalls, each counting alike), mean, low, high
        (95 % interval over patients), best first.
    best : str
        Our arm of the highest mean recall, the best of all where there is none of ours.
    confusion : DataFrame
        Of the best: truth, predicted, share of the truth's predictions.
    """

    cohort: str
    classes: tuple[str, ...]
    arms: pd.DataFrame
    best: str
    confusion: pd.DataFrame


def multiclass(
    predictions: pd.DataFrame, facts: Mapping[str, Mapping[str, str]]
) -> tuple[Multiclass, ...]:
    """Join the cohorts that are one class of another one against the rest.

    Predictions are those of a study under the true labels, `facts` those of its cohorts by name:
    ``one_of`` names the other one, ``positive`` the class. Cohorts that lack a class are left out.
    """
    families: dict[str, dict[str, str]] = {}
    for name, of in facts.items():
        if "one_of" in of and name in set(predictions["cohort"]):
            families.setdefault(of["one_of"], {})[name] = of["positive"]
    found = []
    for cohort, classes in families.items():
        everything = {label for name in classes for label in facts[name]["classes"]}
        decided = decide(predictions, classes)
        if {*classes.values()} == everything and len(decided):
            found.append(_judge(cohort, classes, decided, predictions))
    return tuple(found)


def decide(predictions: pd.DataFrame, classes: Mapping[str, str]) -> pd.DataFrame:
    """Take for each observation the class whose network gives it the highest probability.

    `classes` are labels by cohort. Returns arm, repeat, seed, item, truth and predicted; arms
    whose scores are no probabilities, and what not every class was tested with, are left out.
    """
    table = predictions[predictions["cohort"].isin(classes)]
    table = table.assign(probability=probability(table)).dropna(subset="probability")
    keys = ["arm", "repeat", "seed", "item"]
    chance, state = (
        table.pivot_table(name, keys, "cohort", sort=False).reindex(columns=[*classes])
        for name in ("probability", "state")
    )
    tested = chance.notna().all(axis=1)
    labels = np.array([*classes.values()], object)
    answers = {
        "truth": labels[state[tested].to_numpy().argmax(axis=1)],
        "predicted": labels[chance[tested].to_numpy().argmax(axis=1)],
    }
    return chance[tested].index.to_frame(index=False).assign(**answers)


def _judge(
    cohort: str, classes: Mapping[str, str], decided: pd.DataFrame, predictions: pd.DataFrame
) -> Multiclass:
    labels = tuple(classes.values())
    rows = []
    for arm, of_arm in decided.groupby("arm", sort=False):
        right = of_arm.assign(right=of_arm["truth"] == of_arm["predicted"])
        shares = right.groupby(["truth", "item"])["right"].mean()
        by_class = [shares.loc[label].to_numpy() for label in labels]
        for metric, statistic in ((ACCURACY, _pooled), (MEASURE, _macro)):
            rows.append((arm, metric, *_interval(by_class, statistic)))
    facts = predictions[["arm", "kind", "role", "family"]].drop_duplicates("arm")
    table = pd.DataFrame(rows, columns=["arm", "metric", "mean", "low", "high"]).merge(facts)
    table = table.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)
    of_measure = table[table["metric"] == MEASURE]
    ours = of_measure[of_measure["role"] == OURS]
    best = str((ours if len(ours) else of_measure)["arm"].iloc[0])
    of_best = decided[decided["arm"] == best]
    share = pd.crosstab(of_best["truth"], of_best["predicted"], normalize="index")
    share = share.reindex(index=labels, columns=labels, fill_value=0)
    long = share.reset_index().melt("truth", var_name="predicted", value_name="share")
    return Multiclass(cohort, labels, table, best, long)


def _macro(*by_class: NDArray, axis: int) -> NDArray:
    """Mean of the classes' means."""
    return np.mean([values.mean(axis=axis) for values in by_class], axis=0)


def _pooled(*by_class: NDArray, axis: int) -> NDArray:
    """Mean over all patients."""
    return np.concatenate(by_class, axis=axis).mean(axis=axis)


def _interval(by_class: Sequence[NDArray], statistic: object) -> tuple[float, float, float]:
    """Value, low and high, by SciPy's percentile bootstrap over patients within each class."""
    value = float(statistic(*by_class, axis=-1))  # type: ignore[operator]
    if min(map(len, by_class)) < 2:
        return value, np.nan, np.nan
    interval = stats.bootstrap(
        by_class, statistic, vectorized=True, n_resamples=RESAMPLES, method="percentile", rng=0
    ).confidence_interval
    return value, float(interval.low), float(interval.high)


def said(every: Sequence[Multiclass]) -> tuple[str, ...]:
    """Say what the best arm makes of all classes, and how the cohorts that follow hang together."""
    sentences = []
    for one in every:
        table = one.arms[one.arms["metric"] == MEASURE]
        others = table[table["role"] != OURS]
        named = [("assembly", table[table["arm"] == one.best])] if len(others) < len(table) else []
        named += [("of all others", others.head(1))] if len(others) else []
        tops = [
            f"the best {what}, “{row.arm}”, {Interval.of(row).percent()}"
            for what, rows_of in named
            for row in rows(rows_of)
        ]
        sentences.append(
            f"Balanced accuracy over the {len(one.classes)} classes of {one.cohort} at once, "
            f"macro-averaged (the mean of their recalls): {'; '.join(tops)}, each picked after the "
            f"results; guessing has {1 / len(one.classes):.0%}."
        )
    if every:
        sentences.append(
            "What follows takes one class against the rest at a time; these are the same patients, "
            "so nothing is tested over the classes."
        )
    return tuple(sentences)
