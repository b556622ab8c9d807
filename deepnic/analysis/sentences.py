"""The answers of a study in words, made of its numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from deepnic.analysis.differences import PICKED, Difference
from deepnic.analysis.factors import (
    CANVAS,
    FILTER,
    UNFILTERED_CANVAS,
    Factor,
    random_placement,
)
from deepnic.analysis.interval import Interval, of_wholes, over_cohorts
from deepnic.analysis.ranking import BASELINE, OURS, means_by_cohort

SIDES = {"assemblies": OURS, "baselines": BASELINE}


def answer(
    table: pd.DataFrame, rivals: Mapping[str, Sequence[Difference]], cohorts: Sequence[str]
) -> tuple[str, ...]:
    """Say what the best assembly is beside everything else, in the cohorts named."""
    counted = {
        name: [each for each in differences if each.cohort in cohorts]
        for name, differences in rivals.items()
    }
    counted = {name: differences for name, differences in counted.items() if differences}
    if not counted:
        return ("No assembly can be compared with another way: there is nothing to answer.",)
    if len(cohorts) == 1:
        return _of_one({name: differences[0] for name, differences in counted.items()})
    return _of_many(table[table["cohort"].isin(cohorts)], counted)


def claim(factors: Sequence[Factor], unfiltered_pixels: float) -> tuple[str, ...]:
    """Say whether too many uninformative pixels make the assemblies lose their effect.

    Nothing is said of a study that holds no arm without a filter, or none with one.
    """
    filters = [factor for factor in factors if factor.question == FILTER]
    if not filters:
        return ()
    # every strength alike: the best one would be picked after the results
    gains = pd.concat([one.differences for one in filters], axis=1).mean(axis=1)
    gain = over_cohorts(of_wholes(gains, filters[0].whole))
    n = filters[0].differences.notna().sum()
    verdict = "neither bear out nor refute"
    if gain.bounded and gain.sign:
        verdict = "bear out" if gain.sign > 0 else "speak against"
    sentences = [
        f"{f'These {n} cohorts' if n > 1 else 'This cohort alone can'} {verdict} the claim that "
        "too many uninformative pixels make the assemblies lose their effect.",
        f"What the filter by relevance adds to their balanced accuracy is {gain.points()} points, "
        f"beside the {unfiltered_pixels:,.0f} pixels that vary most (mean over paths, units and "
        "strengths).",
        "Those are not the uninformative ones: a canvas made mostly of such is another test.",
    ]
    filtered, unfiltered = (random_placement(factors, q) for q in (CANVAS, UNFILTERED_CANVAS))
    if filtered and unfiltered:
        sentences.append(
            "What the paths add to a random placement of the same pixels is "
            f"{filtered.mean.points()} points with the filter and {unfiltered.mean.points()} "
            "without."
        )
    return tuple(sentences)


def _of_one(rivals: Mapping[str, Difference]) -> tuple[str, ...]:
    best = next(iter(rivals.values()))
    beside = [
        f"{_height(one.patients)} {name} (“{one.other}”, {one.other_value.mean:.1%}), {_worth(one)}"
        for name, one in rivals.items()
    ]
    return (
        f"The best assembly, “{best.arm}”, has a balanced accuracy of {best.value.percent()} on "
        "observations it was not trained on; guessing has 50%.",
        f"It is {'; '.join(beside)}.",
    )


def _of_many(table: pd.DataFrame, rivals: Mapping[str, Sequence[Difference]]) -> tuple[str, ...]:
    sentences = [_tops(table)]
    if PICKED in rivals:
        mean = over_cohorts(one.patients.mean for one in rivals[PICKED])
        chance = "beyond chance, were the picks independent" if mean.sign else "which may be chance"
        sentences.append(
            "Where both are picked on the other cohorts, as one has to, the assembly is on "
            f"average {_height(mean)} the baseline, {chance}."
        )
    counts = [_counts(name, every) for name, every in rivals.items() if name != PICKED]
    n = max(map(len, rivals.values()))
    sentences.append(
        f"Taken after the results, the best assembly of each of the {n} cohorts is "
        f"{'; '.join(counts)}."
    )
    return tuple(sentences)


def _tops(table: pd.DataFrame) -> str:
    """Tell the assembly and the baseline of highest mean over the cohorts."""
    tops = []
    for what, role in SIDES.items():
        means = means_by_cohort(table[table["role"] == role]).mean(axis=1)
        if len(means):
            tops.append(f"the best of {len(means)} {what}, “{means.idxmax()}”, {means.max():.1%}")
    return (
        f"Balanced accuracy on unseen observations, mean over {table['cohort'].nunique()} "
        f"cohorts: {'; '.join(tops)}."
    )


def _counts(name: str, differences: Sequence[Difference]) -> str:
    """Tell in how many cohorts the best assembly is above and below, and where beyond chance."""
    points = [np.sign(round(100 * one.patients.mean, 1)) for one in differences]
    sure = [
        f"{where} in {_listed(cohorts)}"
        for sign, where in ((1, "above"), (-1, "below"))
        if (cohorts := [one.cohort for one in differences if one.sign == sign])
    ]
    beyond = f"beyond chance {' and '.join(sure)}" if sure else "nowhere beyond chance"
    return f"above {name} in {points.count(1)} and below it in {points.count(-1)} ({beyond})"


def _height(difference: Interval) -> str:
    """How far above or below, with the interval."""
    points = round(100 * difference.mean, 1)
    where = "above" if points > 0 else "below" if points < 0 else "from"
    interval = f" (95% interval {difference.span()})" if difference.bounded else ""
    return f"{abs(points):.1f} points{interval} {where}"


def _worth(difference: Difference) -> str:
    if difference.sign:
        return "beyond chance"
    if difference.patients.sign:
        return "beyond chance over patients, but not over training sets"
    return "which may be chance"


def _listed(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
