"""Two arms named beforehand, judged over cohorts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from deepnic.analysis import find
from deepnic.analysis.goal import judge_goal, said_of_goal
from deepnic.report.sections.goal import section

ASKED = {"image": "ours", "classical": "theirs", "margin": 0.03}


def make_arms(differences, brier=-0.01, theirs=0.8):
    """Scores of two arms in cohorts that differ by so much, alike in all measures but one."""
    rows = []
    for k, difference in enumerate(differences):
        for metric in ("balanced_accuracy", "auroc", "brier"):
            lead = brier + difference / 10 if metric == "brier" else difference
            for arm, value in (("theirs", theirs), ("ours", theirs + lead), ("other", 0.5)):
                rows.append({"cohort": f"c{k}", "arm": arm, "metric": metric, "mean": value})
    return pd.DataFrame(rows)


def whole_of(arms):
    return {name: name for name in arms["cohort"].unique()}


def test_judge_goal__not_worse_by_the_margin_is_the_one_sided_t_test():
    random = np.random.default_rng(0)
    found = set()
    for _ in range(40):
        differences = random.normal(-0.01, 0.03, 12)
        arms = make_arms(differences)
        goal = judge_goal(ASKED, arms, whole_of(arms))
        test = stats.ttest_1samp(differences, -0.03, alternative="greater")
        found.add(goal.measures[0].holds)
        assert goal.measures[0].holds == (test.pvalue < 0.025)
        expected = stats.ttest_1samp(differences, 0).confidence_interval()
        assert goal.measures[1].difference.low == pytest.approx(expected.low)
        assert goal.n_cohorts == 12
    assert found == {True, False}


def test_judge_goal__better_in_the_brier_score_is_lower():
    arms = make_arms(np.linspace(-0.01, 0.01, 9), brier=-0.02)
    goal = judge_goal(ASKED, arms, whole_of(arms))
    assert goal.reached
    worse = make_arms(np.linspace(-0.01, 0.01, 9), brier=0.02)
    assert not judge_goal(ASKED, worse, whole_of(worse)).measures[2].holds


def test_judge_goal__power_is_how_often_it_is_shown():
    random = np.random.default_rng(1)
    pattern = random.normal(size=10)
    pattern = 0.04 * (pattern - pattern.mean()) / pattern.std(ddof=1)
    arms = make_arms(pattern)
    one = judge_goal(ASKED, arms, whole_of(arms)).measures[0]
    draws = random.normal(0, 0.04, (20000, 10))
    shown = stats.ttest_1samp(draws, -0.03, axis=1, alternative="greater").pvalue < 0.025
    assert one.power == pytest.approx(shown.mean(), abs=0.015)
    draws = random.normal(0, 0.04, (20000, int(one.needed)))
    shown = stats.ttest_1samp(draws, -0.03, axis=1, alternative="greater").pvalue < 0.025
    assert shown.mean() == pytest.approx(0.8, abs=0.04)


def test_judge_goal__classes_of_a_cohort_are_one_unit():
    arms = make_arms([0.01, 0.03, 0.05, 0.02])
    whole = {"c0": "c0", "c1": "khan", "c2": "khan", "c3": "c3"}
    goal = judge_goal(ASKED, arms, whole)
    assert goal.n_cohorts == 3
    assert goal.measures[0].difference.mean == pytest.approx(np.mean([0.01, 0.04, 0.02]))
    assert goal.measures[0].classical == pytest.approx(0.8)


def test_judge_goal__names_saturated_cohorts_and_says_nothing_where_nothing_is_asked():
    arms = make_arms([0.0, 0.0, 0.001], theirs=0.99)
    assert judge_goal(ASKED, arms, whole_of(arms)).saturated == ("c0", "c1", "c2")
    arms = make_arms([-0.02, 0.0], theirs=0.99)
    assert judge_goal(ASKED, arms, whole_of(arms)).saturated == ("c1",)
    assert judge_goal(None, arms, whole_of(arms)) is None
    assert judge_goal(ASKED | {"image": "no such"}, arms, whole_of(arms)) is None
    assert said_of_goal(None) == ()


def test_judge_goal__what_a_cohort_does_not_tell_is_not_shown():
    arms = make_arms(np.linspace(-0.01, 0.01, 9), brier=-0.02)
    lacking = (arms["cohort"] == "c3") & (arms["arm"] == "ours") & (arms["metric"] == "brier")
    arms.loc[lacking, "mean"] = np.nan
    goal = judge_goal(ASKED, arms, whole_of(arms))
    assert [one.holds for one in goal.measures] == [True, True, False]
    assert goal.n_cohorts == 9
    arms.loc[arms["metric"] == "brier", "mean"] = np.nan
    assert judge_goal(ASKED, arms, whole_of(arms)) is None


def test_judge_goal__of_one_cohort_shows_nothing():
    arms = make_arms([0.1])
    goal = judge_goal(ASKED, arms, whole_of(arms))
    assert not any(one.holds for one in goal.measures)
    assert "not shown to be not worse by 3 points in AUROC" in said_of_goal(goal)[0]


def test_find__says_first_what_was_named_beforehand(results, findings):
    assert findings.goal is None
    assert section(results, findings) is None
    goal = {"image": "snail, 64 pixels", "classical": "logistic regression", "margin": 0.03}
    facts = results.facts | {"settings": results.facts["settings"] | {"goal": goal}}
    asked = type(results)(**results.__dict__ | {"facts": facts})
    found = find(asked)
    assert found.answer[0].startswith("Named before the study: “snail, 64 pixels” beside")
    assert found.answer[1:] == findings.answer
    shown = section(asked, found)
    assert [row[0] for row in shown.content["numbers"].rows] == [
        "balanced accuracy", "AUROC", "Brier score"
    ]  # fmt: skip
