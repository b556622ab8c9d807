"""How far one arm leads another on the same observations, and the answer of a study in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from deepnic.analysis.ranking import BASELINES, MEASURE, RANDOM, Interval, best, by_cohort, records

PICKED = "the best baseline, both picked on the other cohorts"
SIDES = {"assemblies": ("assembly",), "baselines": BASELINES}
VERDICTS = {1: "better", -1: "worse", 0: "not distinguishable"}


@dataclass(frozen=True)
class Lead:
    """An arm beside another one in a cohort.

    Attributes
    ----------
    cohort, arm, other : str
    value, other_value : Interval
        Balanced accuracy of each.
    patients : Interval
        The arm's less the other's; bootstrap over patients.
    folds : Interval
        The same by the corrected resampled t test over folds, which allows for the choice of the
        training observations too; undefined where there is one fold.
    """

    cohort: str
    arm: str
    other: str
    value: Interval
    other_value: Interval
    patients: Interval
    folds: Interval

    @property
    def sign(self) -> int:
        """1 or -1 if every interval there is leaves out 0 on that side, 0 otherwise."""
        signs = {one.sign for one in (self.patients, self.folds) if one.bounded}
        return signs.pop() if len(signs) == 1 else 0

    @property
    def verdict(self) -> str:
        """What the arm is beside the other one: one of `VERDICTS`."""
        return VERDICTS[self.sign]


def leads(
    table: pd.DataFrame, predictions: pd.DataFrame, arms: pd.Series, others: pd.Series
) -> list[Lead]:
    """Compare one arm with another one in every cohort.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    predictions : DataFrame
        Columns cohort, arm, kind, repeat, fold, seed, item, state, score, predicted.
    arms, others : Series
        Names of arms by cohort.

    Returns
    -------
    list of Lead
        Of the cohorts where both are named.
    """
    from deepnic.analysis.compare import compare_arms  # imports the networks

    values = {
        (row.cohort, row.arm): Interval(row.mean, row.low, row.high) for row in records(table)
    }
    found = []
    for cohort in arms.index.intersection(others.index, sort=False):
        pair = arms[cohort], others[cohort]
        own = predictions[(predictions["cohort"] == cohort) & predictions["arm"].isin(pair)]
        [gap] = records(compare_arms(own, pair[1]).groupby("metric").get_group(MEASURE))
        mine, theirs = (values[cohort, arm] for arm in pair)
        patients = Interval(gap.difference, gap.low, gap.high)
        middle = (gap.t_low + gap.t_high) / 2
        folds = Interval(middle, gap.t_low, gap.t_high)
        found.append(Lead(cohort, *pair, mine, theirs, patients, folds))
    return found


def picked_elsewhere(
    table: pd.DataFrame, kinds: Iterable[str], cohorts: Sequence[str]
) -> pd.Series:
    """Pick an arm for each cohort by its mean over the other cohorts: before its results.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    kinds : iterable of str
    cohorts : sequence of str

    Returns
    -------
    Series
        Names of arms by cohort; empty for a lone cohort.

    Examples
    --------
    >>> rows = [("x", "a", 0.9), ("x", "b", 0.8), ("y", "a", 0.6), ("y", "b", 0.7)]
    >>> table = pd.DataFrame(rows, columns=["cohort", "arm", "mean"]).assign(kind="assembly")
    >>> picked_elsewhere(table, ["assembly"], ["x", "y"]).to_dict()
    {'x': 'b', 'y': 'a'}
    """
    known = table[table["kind"].isin([*kinds])]
    means = by_cohort(known[known["cohort"].isin(cohorts)])
    if len(cohorts) < 2 or means.empty:
        return pd.Series(dtype=str)
    return pd.Series({name: means.drop(columns=name).mean(axis=1).idxmax() for name in cohorts})


def over_cohorts(differences: Iterable[float]) -> Interval:
    """Mean of a difference over cohorts, with Student's 95% interval.

    Examples
    --------
    >>> str(over_cohorts([0.01, 0.02, 0.03]))
    '0.020 (-0.005 to 0.045)'
    """
    known = np.array([one for one in differences if not np.isnan(one)])
    mean = float(known.mean()) if known.size else np.nan
    if known.size < 2:
        return Interval(mean)
    half = stats.t.ppf(0.975, known.size - 1) * known.std(ddof=1) / np.sqrt(known.size)
    return Interval(mean, mean - float(half), mean + float(half))


def rivals(
    table: pd.DataFrame, predictions: pd.DataFrame, cohorts: Sequence[str]
) -> dict[str, list[Lead]]:
    """Compare the best assembly of each cohort with the best of each other way.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    predictions : DataFrame
        As in `leads`.
    cohorts : sequence of str
        Those that are no transfers.

    Returns
    -------
    dict of list of Lead
        By name of the way; last, under `PICKED`, an assembly and a baseline that were picked for
        each cohort on the others.
    """
    ours = best(table, ["assembly"])
    placed = {
        "DeepInsight’s placement": table[table["path"] == "DeepInsight"],
        RANDOM: table[table["family"] == RANDOM],
    }
    found = {"the best baseline": leads(table, predictions, ours, best(table, BASELINES))}
    for name, rows in placed.items():
        found[name] = leads(table, predictions, ours, best(rows, ["placement"]))
    picked = [picked_elsewhere(table, kinds, cohorts) for kinds in (["assembly"], BASELINES)]
    found[PICKED] = leads(table, predictions, *picked)
    return {name: rows for name, rows in found.items() if rows}


def headline(
    table: pd.DataFrame, found: Mapping[str, Sequence[Lead]], cohorts: Sequence[str]
) -> list[str]:
    """Answer in words, made of the numbers: the best assembly beside everything else.

    Parameters
    ----------
    table : DataFrame
        From `deepnic.analysis.ranking.scores`.
    found : mapping of str to sequence of Lead
        From `rivals`.
    cohorts : sequence of str
        Those counted.

    Returns
    -------
    list of str
        Sentences.
    """
    counted = {
        name: [lead for lead in rows if lead.cohort in cohorts] for name, rows in found.items()
    }
    counted = {name: rows for name, rows in counted.items() if rows}
    if not counted:
        return ["No assembly can be compared with another way: there is nothing to answer."]
    if len(cohorts) == 1:
        return _of_one({name: rows[0] for name, rows in counted.items()})
    return _of_many(table[table["cohort"].isin(cohorts)], counted)


def _of_one(found: Mapping[str, Lead]) -> list[str]:
    first = next(iter(found.values()))
    beside = [
        f"{_height(lead.patients)} {name} (“{lead.other}”, {lead.other_value.mean:.1%}), "
        f"{_worth(lead)}"
        for name, lead in found.items()
    ]
    return [
        f"The best assembly, “{first.arm}”, has a balanced accuracy of {first.value.percent()} on "
        "observations it was not trained on; guessing has 50%.",
        f"It is {'; '.join(beside)}.",
    ]


def _of_many(table: pd.DataFrame, found: Mapping[str, Sequence[Lead]]) -> list[str]:
    said = [_tops(table)]
    if PICKED in found:
        mean = over_cohorts(lead.patients.mean for lead in found[PICKED])
        chance = "beyond chance, were the picks independent" if mean.sign else "which may be chance"
        said.append(
            "Where both are picked on the other cohorts, as one has to, the assembly is on "
            f"average {_height(mean)} the baseline, {chance}."
        )
    counts = [_counts(name, rows) for name, rows in found.items() if name != PICKED]
    n = max(map(len, found.values()))
    said.append(
        f"Taken after the results, the best assembly of each of the {n} cohorts is "
        f"{'; '.join(counts)}."
    )
    return said


def _tops(table: pd.DataFrame) -> str:
    """Tell the assembly and the baseline of highest mean over the cohorts."""
    tops = []
    for what, kinds in SIDES.items():
        means = by_cohort(table[table["kind"].isin(kinds)]).mean(axis=1)
        if len(means):
            tops.append(f"the best of {len(means)} {what}, “{means.idxmax()}”, {means.max():.1%}")
    return (
        f"Balanced accuracy on unseen observations, mean over {table['cohort'].nunique()} "
        f"cohorts: {'; '.join(tops)}."
    )


def _counts(name: str, rows: Sequence[Lead]) -> str:
    """Tell in how many cohorts the best assembly is above and below, and where beyond chance."""
    points = [np.sign(round(100 * lead.patients.mean, 1)) for lead in rows]
    sure = [
        f"{where} in {_listed(cohorts)}"
        for sign, where in ((1, "above"), (-1, "below"))
        if (cohorts := [lead.cohort for lead in rows if lead.sign == sign])
    ]
    beyond = f"beyond chance {' and '.join(sure)}" if sure else "nowhere beyond chance"
    return f"above {name} in {points.count(1)} and below it in {points.count(-1)} ({beyond})"


def _height(difference: Interval) -> str:
    """How far above or below, with the interval."""
    points = round(100 * difference.mean, 1)
    where = "above" if points > 0 else "below" if points < 0 else "from"
    interval = f" (95% interval {difference.span()})" if difference.bounded else ""
    return f"{abs(points):.1f} points{interval} {where}"


def _worth(lead: Lead) -> str:
    if lead.sign:
        return "beyond chance"
    if lead.patients.sign:
        return "beyond chance over patients, but not over training sets"
    return "which may be chance"


def _listed(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
