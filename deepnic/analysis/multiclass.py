"""More than two classes: one network of each against the rest, and the class they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deepnic.analysis.grouped import are_enough, design_effect, number_groups
from deepnic.analysis.interval import Interval
from deepnic.analysis.limits import mean_share, share
from deepnic.analysis.metrics import probability
from deepnic.analysis.ranking import MEASURE, OURS, rows
from deepnic.analysis.results import ClassesResults
from deepnic.analysis.training import NETWORK

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


def judge_run(run: ClassesResults) -> Multiclass | None:
    """Judge the networks of joined runs on the observations held out; None if a class has none."""
    labels = np.array(run.facts["classes"], object)
    held_out = run.predictions[run.predictions["truth"] >= 0]
    if held_out["truth"].nunique() < len(labels):
        return None
    answers = {name: labels[held_out[name]] for name in ("truth", "predicted")}
    decided = pd.DataFrame({"arm": NETWORK, "item": range(len(held_out)), **answers})
    if "group" in held_out:
        decided["group"] = held_out["group"].to_numpy()
    of_arm = pd.DataFrame({"arm": [NETWORK], "kind": "", "role": OURS, "family": NETWORK})
    return _judge("", {label: label for label in labels}, decided, of_arm)


def run_headline(run: ClassesResults, judged: Multiclass | None) -> str:
    """One honest sentence of joined runs."""
    if judged is None:
        return (
            "Not every class has observations of known class held out, so how well the networks "
            "tell the classes is not known."
        )
    value = {row.metric: Interval.of(row).percent() for row in rows(judged.arms)}
    n, count = int((run.predictions["truth"] >= 0).sum()), len(judged.classes)
    return (
        f"The networks name the right one of {count} classes for {value[ACCURACY]} of the {n:,} "
        f"observations held out; their balanced accuracy, macro-averaged (the mean of the classes’ "
        f"recalls), is {value[MEASURE]}, where guessing gives {1 / count:.1%}."
    )


def decide(predictions: pd.DataFrame, classes: Mapping[str, str]) -> pd.DataFrame:
    """Take for each observation the class whose network gives it the highest probability.

    `classes` are labels by cohort. Returns arm, repeat, seed, item, truth and predicted, and group
    where predictions have it; arms whose scores are no probabilities, and what not every class was
    tested with, are left out.
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
    decided = chance[tested].index.to_frame(index=False).assign(**answers)
    if "group" in table:
        of_item = table.drop_duplicates("item").set_index("item")["group"]
        decided["group"] = decided["item"].map(of_item)
    return decided


def _judge(
    cohort: str,
    classes: Mapping[str, str],
    decided: pd.DataFrame,
    predictions: pd.DataFrame,
) -> Multiclass:
    labels = tuple(classes.values())
    rows = []
    for arm, of_arm in decided.groupby("arm", sort=False):
        right = of_arm.assign(right=of_arm["truth"] == of_arm["predicted"])
        of_item = [name for name in ("group",) if name in right]
        shares = right.groupby(["truth", "item", *of_item])["right"].mean()
        by_class = [shares.loc[label].to_numpy() for label in labels]
        names = shares.loc[[*labels]].index.get_level_values(-1)
        group = number_groups(names) if of_item else None
        for metric, one in _intervals(by_class, group).items():
            rows.append((arm, metric, one.mean, one.low, one.high))
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


def _intervals(by_class: Sequence[NDArray], group: NDArray[np.intp] | None) -> dict[str, Interval]:
    """Accuracy and mean recall, of right predictions (item,) by class, by Wilson's intervals.

    ``group`` (item,) is of all, class after class.
    """
    right = np.concatenate(by_class)
    of_class = np.repeat(np.eye(len(by_class)), [*map(len, by_class)], axis=1)  # (class, item)

    def measure(left: NDArray[np.float64]) -> NDArray[np.float64]:
        recalls = (left * right) @ of_class.T / (left @ of_class.T)
        return np.stack([left @ right / left.sum(axis=-1), recalls.mean(axis=-1)])

    rows = [np.flatnonzero(one) for one in of_class]
    if not are_enough(group, rows):
        accuracy, mean = measure(np.ones(right.size)).tolist()
        return {ACCURACY: Interval(accuracy), MEASURE: Interval(mean)}
    effect, of_mean = design_effect(measure, group, rows).tolist()
    recalls = [share(float(one.mean()), one.size, effect=of_mean) for one in by_class]
    return {
        ACCURACY: share(float(right.mean()), right.size, effect=effect),
        MEASURE: mean_share(recalls),
    }


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
