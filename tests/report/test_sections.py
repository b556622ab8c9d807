"""What the sections show, against the tables they were made of, and when they show nothing."""

from dataclasses import replace

import numpy as np
import pytest

from deepnic.analysis import find
from deepnic.assembly.paths import PATHS
from deepnic.report.page import render_section
from deepnic.report.sections import (
    account,
    answer,
    calibration,
    chosen,
    comparison,
    control,
    factors,
    filters,
    images,
    kept,
    made,
    ranks,
    training,
)
from deepnic.report.tables import Strong
from tests.made_study import GENE
from tests.report.conftest import Page


def by_name(table):
    """Cells of every row by its first one."""
    plain = [
        [cell.cell if isinstance(cell, Strong) else cell for cell in row] for row in table.rows
    ]
    return {name: cells for name, *cells in plain}


def strong_names(table):
    return {row[0].cell for row in table.rows if isinstance(row[0], Strong)}


@pytest.mark.parametrize("module", [filters, kept, factors, ranks, control])
def test_sections__of_one_cohort_and_strength_bow_out(module, small_results, small_findings):
    assert module.section(small_results, small_findings) is None


def test_sections__bow_out_where_there_is_nothing(small_results):
    none = replace(
        small_results,
        calibration=small_results.calibration.iloc[:0],
        history=small_results.history.iloc[:0],
        examples={},
    )
    findings = find(none)
    assert calibration.section(none, findings) is None
    assert images.section(none, findings) is None
    assert training.section(none, findings).content["curves"] is None
    assert account.section(none, replace(findings, accounts={})) is None


def test_chosen__most_often_first_with_direction(results, findings):
    cohorts = chosen.section(results, findings).content["cohorts"]
    assert [*cohorts] == [*findings.tested]
    rows = cohorts["golub"]["table"].rows
    assert len(rows) == chosen.SHOWN < cohorts["golub"]["n"]
    assert rows[0] == [f"{GENE} (DDR1)", "higher in “malignant”", "20 of 20", "5.0%"]
    assert rows[2] == ["gene 1 (SYM)", "unclear", "18 of 20", "5.0%"]
    assert chosen.section(replace(results, chosen_genes=None), findings) is None


def test_images__say_the_mean_of_an_observation(results, findings):
    page = render_section(images.section(results, findings))
    snail = results.examples["alon"]["observation_image"].isel(shown=0).sel(path="snail")
    assert f"their mean is +{np.nanmean(snail):.2f}. The sign" in page
    assert "class “malignant”" in page


def test_answer__holds_every_difference(results, findings):
    content = answer.section(results, findings).content
    assert content["sides"] == "30 assemblies, 11 baselines"
    lines = content["differences"].rows
    every = [each for differences in findings.rivals.values() for each in differences]
    assert [(line[0], line[1], line[3]) for line in lines] == [
        (each.cohort, each.arm, each.other) for each in every
    ]
    assert [line[0] for line in content["rivals"].rows] == [*findings.tested]


def test_answer__marks_what_is_beyond_chance(results, sure_findings):
    content = answer.section(results, sure_findings).content
    points = "+10.0 (+5.0 to +15.0)"
    cells = {row[0]: row[1] for row in content["rivals"].rows}
    assert cells == {
        "alon": points, "golub": Strong(points), "singh": "", "golub-to-singh": ""
    }  # fmt: skip
    verdicts = [row[-1] for row in content["differences"].rows]
    assert verdicts == ["not distinguishable", "better"]
    assert "<strong>+10.0 (+5.0 to +15.0)</strong>" in render_section(
        answer.section(results, sure_findings)
    )


def test_answer__of_arms_that_are_all_undefined_claims_nothing(small_results):
    nothing = small_results.summary.assign(mean=np.nan, low=np.nan, high=np.nan)
    none = replace(small_results, summary=nothing)
    findings = find(none)
    html = Page(render_section(answer.section(none, findings)))
    assert "there is nothing to answer" in html.text
    assert not {tag for tag, _ in html.tags} & {"table"}


def test_comparison__holds_every_arm_and_metric_and_marks_the_best(results, findings):
    content = comparison.section(results, findings).content
    table = content["all_arms"]["All arms and metrics: golub"]
    assert len(table.rows) == findings.arms["arm"].nunique()
    of_golub = findings.scores().query("cohort == 'golub'").set_index("arm")
    ours = of_golub["role"] == "ours"
    assert strong_names(table) == {
        of_golub[ours]["mean"].idxmax(), of_golub[~ours]["mean"].idxmax()
    }  # fmt: skip
    vote = by_name(table)["forest vote"]
    assert vote[table.heads.index("Brier score") - 1] == "undefined"
    auroc = results.summary.query(
        "cohort == 'golub' and arm == 'forest vote' and metric == 'auroc'"
    ).iloc[0]
    expected = f"{auroc['mean']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})"
    assert vote[table.heads.index("AUROC") - 1] == expected


def test_comparison__of_families_has_an_interval_in_every_cohort(results, findings):
    best = comparison.section(results, findings).content["best"]
    rows = by_name(best)
    assert set(rows) == set(findings.arms["family"])
    snail = findings.scores().query("family == 'snail'").groupby("cohort")["mean"].max()
    assert [cell.mean for cell in rows["snail"]] == snail[[*findings.tested]].tolist()
    assert [title for title, _ in best.grouped] == [
        "assemblies", "other placements, the same network", "the same pixels without a canvas",
        "the forest itself", "expression, without images",
    ]  # fmt: skip
    marked = sum(isinstance(cell, Strong) for row in best.rows for cell in row)
    assert marked == 2 * len(findings.tested)


def test_comparison__of_one_cohort_shows_all_metrics_of_the_best(small_results, small_findings):
    content = comparison.section(small_results, small_findings).content
    assert set(by_name(content["best"])) == set(small_findings.best["arm"])
    assert not content["all_arms"]  # each family has one arm


def test_factors__are_in_points(results, findings):
    section = factors.section(results, findings)
    row = by_name(section.content["numbers"])["tiles rather than pixels"]
    factor = next(each for each in findings.factors if each.question == "the unit")
    assert row == [factor.mean.points(), *(factor.point(name) for name in findings.cohorts)]
    frame = section.content["factors"].frame().set_index("name")
    assert frame.loc["tiles rather than pixels", "mean"] == pytest.approx(100 * factor.mean.mean)


def test_control__marks_the_arm_that_leaks(results, findings):
    content = control.section(results, findings).content
    assert strong_names(content["numbers"]) == {"forest vote"}
    assert len(content["numbers"].rows) == len(results.control)


def test_control__of_clean_arms_says_so(results, findings):
    clean = replace(findings, control=findings.control.assign(off_chance=False))
    text = Page(render_section(control.section(results, clean))).text
    assert "The interval of every arm contains 0.5." in text
    assert "leaves out 0.5" not in text


def test_control__tells_of_all_image_arms_together(results, findings):
    found = findings.pool
    assert (found.n_units, found.n_cohorts, found.n_permutations) == (6, 3, 2)
    text = Page(render_section(control.section(results, findings))).text
    assert "AUROC less 0.5 is 0.000 in the mean over 6 units (3 cohorts, 2 permutations)" in text
    assert "That is no more than chance." in text
    assert f"A mean excess of {found.detectable:.3f} would be found 4 times in 5" in text
    assert "Fewer than 10 permutations: a small leak would not be found." in text
    leak = replace(findings, pool=replace(found, p=0.001, n_permutations=10))
    text = Page(render_section(control.section(results, leak))).text
    assert "Something leaks into them: not to be trusted above either." in text
    assert "no more than chance" not in text
    assert "Fewer than" not in text
    old = replace(findings, pool=None)  # of version 0.1.0
    assert "All image arms" not in render_section(control.section(results, old))


def test_account__adds_up(results, findings):
    tables = account.section(results, findings).content["tables"]
    assert [*tables] == [f"The account of {name}" for name in findings.tested]
    table = tables["The account of singh"]
    assert table.heads == ["stage", "64", "1,024", "no filter"]
    for column, kept_pixels in ((1, 64), (3, 1024)):
        left = 31_886_460
        (name, first), *rest = ((row[0], row[column]) for row in table.rows)
        assert (name, first) == (Strong("all pixels"), Strong("31,886,460"))
        for name, cell in rest:
            if isinstance(name, Strong):
                assert int(cell.cell.replace(",", "")) == left
            else:
                left -= int(cell.removeprefix("− ").replace(",", ""))
        assert left == kept_pixels


def test_account__draws_the_weakest_filter_by_relevance(results, findings):
    frame = account.section(results, findings).content["account"].frame()
    assert frame["pixels"].iloc[[0, -1]].tolist() == [31_886_460, 1010]


def test_training__gives_seconds_of_a_fold(results, findings):
    content = training.section(results, findings).content
    assert content["costs"].grouped[0][0] == "shared by the arms"
    rows = by_name(content["costs"])
    assert rows["the forest"] == ["20.0 s"] * 4 + ["40.0 s"]
    assert set(findings.arms["family"]) < set(rows)


def test_training__tells_of_a_data_parallel_run_if_there_was_one(small_results, small_findings):
    text = Page(render_section(training.section(small_results, small_findings))).text
    assert ": 10 epochs in 41.5 s" in text
    without = replace(small_results, facts=small_results.facts | {"data_parallel": None})
    assert "Ray" not in Page(render_section(training.section(without, small_findings))).text


def test_made__tells_what_was_filled(results, findings):
    name, *others = results.facts["cohorts"]
    imputed = results.facts["cohorts"][name] | {"impute": "knn", "missing": 1234}
    facts = results.facts | {"cohorts": results.facts["cohorts"] | {name: imputed}}
    table = by_name(made.section(replace(results, facts=facts), findings).content["cohorts"])
    assert table[name][-1] == "1,234, filled by knn within each fold"
    assert {table[other][-1] for other in others} == {"none"}


def test_made__groups_the_settings(results, findings):
    facts = made.section(results, findings).content["facts"]
    tables = {title: by_name(table) for title, table in facts.items()}
    assert [*tables] == ["Machine", "Settings", "Settings of the forest", "Settings of the arms"]
    assert tables["Settings of the forest"]["weight ranges R"] == ["3, 4, 5"]
    assert tables["Settings"]["folds"] == ["4"]


def test_sections__need_nothing_for_a_further_path_and_a_kind_of_a_user(small_results, monkeypatch):
    words = PATHS["hilbert"]._replace(words="from corner to corner", source="a user’s")
    monkeypatch.setitem(PATHS, "zigzag", words)
    renamed = {"hilbert": "zigzag", "hilbert, 64 pixels": "zigzag, 64 pixels", "forest": "mine"}
    summary = small_results.summary.replace(renamed)
    arms = small_results.facts["settings"]["arms"] | {"paths": ["snail", "zigzag"]}
    settings = small_results.facts["settings"] | {"arms": arms}
    results = replace(
        small_results,
        summary=summary,
        predictions=small_results.predictions.replace(renamed),
        facts=small_results.facts | {"settings": settings},
    )
    findings = find(results)
    best = comparison.section(results, findings).content["best"]
    assert dict(best.grouped)["mine"][0][0] == "forest vote"
    assert "zigzag, 64 pixels" in by_name(best)
    assert by_name(images.section(results, findings).content["paths"])["zigzag"] == [
        "from corner to corner", "a user’s"
    ]  # fmt: skip
