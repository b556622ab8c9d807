"""What a study of genes found: its answer in sentences, and the tables of its page."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from deepnic.analysis.gene_scores import CONTROL, Law
from deepnic.analysis.interval import Interval
from deepnic.analysis.ranking import BASELINE, OURS, RANDOM, rows
from deepnic.analysis.results import GeneResults

SURE = 0.95  # probability from which a difference is called one


@dataclass(frozen=True)
class GeneFindings:
    """Findings of a study of genes.

    Attributes
    ----------
    answer : list of str
        Do paths matter, what images add, what uninformative pixels do, and whether paths matter
        among them; a sentence each.
    tasks : list of str
        What was asked, without the control.
    placements : DataFrame
        Differences of paths and placements from the random placement of the same pixels.
    paths : DataFrame
        Differences between paths.
    dose : DataFrame
        Value by task, arm and dose: task, label, dose, filler, held, mean, low, high.
    control : DataFrame
        Each arm where labels were permuted: arm, mean, low, high (Bonferroni), off_chance.
    costs : DataFrame
        Mean seconds of an arm: arm, n, seconds, core_seconds; and of stages.
    """

    answer: list[str]
    tasks: list[str]
    placements: pd.DataFrame
    paths: pd.DataFrame
    dose: pd.DataFrame
    control: pd.DataFrame
    costs: pd.DataFrame


def find_genes(study: GeneResults) -> GeneFindings:
    """Judge a study of genes."""
    told = study.summary.drop_duplicates("arm").set_index("arm")
    apart = study.differences.assign(
        kind=study.differences["arm"].map(told["kind"]),
        role=study.differences["arm"].map(told["role"]),
    )
    apart = apart[apart["task"] != CONTROL]
    by_chance = apart["other"].map(told["role"]) == RANDOM
    dosed = apart["kind"] == "dose"
    placements, paths = apart[by_chance & ~dosed], apart[~by_chance & ~dosed]
    dose = _dose(study.summary)
    tasks = [task for task in study.summary["task"].unique() if task != CONTROL]
    answer = [
        _on_paths(placements),
        _on_images(study.summary, tasks),
        _on_dose(dose),
        _on_paths_of_dose(apart[by_chance & dosed]),
    ]
    return GeneFindings(
        answer=[sentence for sentence in answer if sentence],
        tasks=tasks,
        placements=placements,
        paths=paths,
        dose=dose,
        control=_control(study.scores),
        costs=_costs(study.costs),
    )


def _on_paths(placements: pd.DataFrame) -> str:
    """Is any path beyond a random placement of the same pixels, and if none, within which bound."""
    ours = placements[placements["role"] == OURS]
    if ours.empty:
        return ""
    better, worse = (ours[ours[side] > SURE] for side in ("better", "worse"))
    lead = _largest_lead(ours)
    if ours["low"].isna().all():
        return (
            f"Of {len(ours)} comparisons with a random placement of the same pixels the largest "
            f"lead of a path is {lead}; a single cut in halves says nothing of chance."
        )
    if better.empty:
        bound = 100 * max(ours["low"].abs().max(), ours["high"].abs().max())
        same = (ours["same"] > SURE).sum()
        sentence = (
            f"No path is ahead of a random placement of the same pixels by more than a point (with "
            f"a probability above {SURE:.0%}, in {len(ours)} comparisons): the largest lead is "
            f"{lead}; {same} are within a point for sure, and every interval is within "
            f"{bound:.1f} points of none"
        )
    else:
        sentence = (
            f"In {len(better)} of {len(ours)} comparisons a path is ahead of a random placement of "
            f"the same pixels by more than a point (with a probability above {SURE:.0%}); the "
            f"largest lead is {lead}"
        )
    found = 100 * ours["detectable"].median()
    sentence += f"; a lead of {found:.1f} points (median) would have been found four times in five"
    behind = f"; in {len(worse)} it is behind by as much" if len(worse) else ""
    return f"{sentence}{behind}."


def _on_images(summary: pd.DataFrame, tasks: list[str]) -> str:
    """What images add to simple statistics, task by task: the best assembly."""
    ours = summary[(summary["role"] == OURS) & (summary["column"] == "added")]
    ours = ours[ours["kind"] != "dose"].dropna(subset="mean")
    parts = []
    for task in tasks:
        best = ours[ours["task"] == task].sort_values("mean", ascending=False)
        if len(best):
            parts.append(f"{Interval.of(next(rows(best))).points()} in {task}")
    if not parts:
        return ""
    return (
        "Beside the best ranking by simple statistics of the same patients, the best assembly of "
        f"images adds, in points: {'; '.join(parts)}."
    )


def _on_dose(dose: pd.DataFrame) -> str:
    """What the paths lose among uninformative pixels."""
    some = dose[~dose["held"] & (dose["role"] != BASELINE)]
    parts = []
    for task, of_task in some.groupby("task", sort=False):
        means = of_task.pivot_table("mean", "role", "dose")
        if OURS in means.index and means.shape[1] > 1:
            first, last = means.columns[0], means.columns[-1]
            lost = {role: _signed(one[last] - one[first]) for role, one in means.iterrows()}
            chance = f" (a random placement {lost[RANDOM]})" if RANDOM in lost else ""
            parts.append(f"{lost[OURS]} points in {task} at {last:g} times as many{chance}")
    if not parts:
        return ""
    return f"Among uninformative pixels the paths change by {'; '.join(parts)}."


def _on_paths_of_dose(apart: pd.DataFrame) -> str:
    """Is any path beyond a random placement of the same pixels among uninformative ones."""
    ours = apart[(apart["role"] == OURS) & apart["low"].notna()]
    if ours.empty:
        return ""
    return (
        f"Among uninformative pixels a path is ahead of a random placement by more than a point in "
        f"{(ours['better'] > SURE).sum()} of {len(ours)} comparisons (with a probability above "
        f"{SURE:.0%}); the largest lead is {_largest_lead(ours)}."
    )


def _largest_lead(ours: pd.DataFrame) -> str:
    """Name the path and task of the largest difference, and how large it is."""
    best = next(rows(ours.sort_values("difference", ascending=False)))
    return f"{best.arm} in {best.task}, {points(best).points()} points"


def _signed(value: float) -> str:
    return Interval(value).points()


def points(row: Any) -> Interval:
    """Return the interval of a row of differences."""
    return Interval(row.difference, row.low, row.high)


def _dose(summary: pd.DataFrame) -> pd.DataFrame:
    names = ["task", "arm", "role", "family", "dose", "filler", "held", "mean", "low", "high"]
    if "dose" not in summary:
        return pd.DataFrame(columns=names)
    dosed = summary[(summary["kind"] == "dose") & (summary["column"] == "value")]
    return dosed[names].assign(held=dosed["held"].astype(bool)).sort_values("dose", kind="stable")


def _control(scores: pd.DataFrame) -> pd.DataFrame:
    """Arms where nothing can be known; so wide that all intervals hold chance in 95 % of cases."""
    scores = scores[scores["task"] == CONTROL]
    arms = scores.groupby("arm", sort=False)
    lines = []
    for arm, group in arms:
        law = Law.of(group.groupby(["cohort", "half"])["value"].mean())
        low, high = law.interval(1 - 0.05 / arms.ngroups)
        lines.append((arm, law.mean, low, high, low > 0 or high < 0))
    return pd.DataFrame(lines, columns=["arm", "mean", "low", "high", "off_chance"])


def _costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Mean cost of each stage and of each arm."""
    stage = costs["stage"].map({"forest": "growing the forest", "filter": "filtering the pixels"})
    named = costs.assign(name=stage.fillna(costs["arm"])).sort_values("arm", na_position="first")
    by_name = named.groupby("name", sort=False)[["seconds", "core_seconds"]]
    return by_name.mean().assign(n=by_name.size()).reset_index()
