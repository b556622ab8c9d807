"""What the panels draw, read back from them."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.factors import choices
from deepnic.analysis.ranking import leaders, scores
from deepnic.report.figures import cohorts as panels
from deepnic.report.figures import style as drawing
from deepnic.report.folder import read_study
from deepnic.report.tables import kept_pixels


@pytest.fixture(scope="module")
def folder(study):
    return read_study(study)


@pytest.fixture(scope="module")
def table(folder):
    return scores(folder.summary)


def points(axes):
    """Single marks: (x, y, marker)."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker())
        for line in axes.lines
        if len(line.get_xdata()) == 1
    ]


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_visible()]


def test_families__draw_the_best_of_each_with_its_interval(table):
    figure = panels.families(table)
    assert titles(figure) == ["alon", "golub", "singh", "golub-to-singh"]
    first = leaders(table)
    for axes in figure.axes:
        own = first[first["cohort"] == axes.get_title()]
        drawn = points(axes)
        assert [x for x, _, _ in drawn] == own["mean"].tolist()
        assert [mark == "o" for _, _, mark in drawn] == own["kind"].eq("assembly").tolist()
        ends = [bar.get_segments()[0][:, 0].tolist() for bar in axes.collections]
        assert ends == own[["low", "high"]].to_numpy().tolist()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == first["family"].drop_duplicates().tolist()
    assert drawing.svg(figure).startswith(b"<?xml")


def test_families__say_where_a_score_is_undefined(table):
    without = table.assign(mean=table["mean"].where(table["family"] != "forest vote"))
    [axes] = panels.families(without[without["cohort"] == "alon"]).axes
    assert [text.get_text() for text in axes.texts] == [" undefined"]


def test_filters__draw_every_assembly_once(table):
    figure = panels.filters(table)
    assert titles(figure)[:3] == ["alon, pixels", "alon, tiles", "golub, pixels"]
    for axes in figure.axes:
        cohort, unit = axes.get_title().split(", ")
        own = table[(table["cohort"] == cohort) & (table["unit"] + "s" == unit)]
        own = own[own["kind"] == "assembly"]
        drawn = np.concatenate([line.get_ydata() for line in axes.lines])
        assert sorted(drawn) == sorted(own["mean"])
    for axes in figure.axes[-2:]:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["64", "1,024", "no filter"]
    [legend] = figure.legends
    assert len(legend.get_texts()) == 5


def test_filters__of_one_unit_name_the_cohort_alone(table):
    figure = panels.filters(table[table["unit"] != "tile"])
    assert titles(figure) == ["alon", "golub", "singh", "golub-to-singh"]


def test_kept__draws_scores_against_the_pixels_kept(folder, table):
    figure = panels.kept(table, kept_pixels(folder))
    axes = figure.axes[0]
    alon = table.query("cohort == 'alon' and unit == 'pixel' and kind == 'assembly'")
    means = alon.groupby("strength")["mean"].mean()
    filtered, unfiltered = axes.lines[:2]
    assert filtered.get_xdata().tolist() == [64, 1010]
    assert filtered.get_ydata() == pytest.approx(means[["64", "1024"]].to_numpy())
    assert unfiltered.get_xdata().tolist() == [1024]
    assert unfiltered.get_ydata() == pytest.approx([means["none"]])
    [legend] = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[0] == "the paths, mean and range"
    assert len(names) == len(set(names)) == 5


def test_choices__draw_means_and_cohorts(folder, table):
    found = choices(table, folder.own)
    [axes] = panels.choices(found).axes
    drawn = [x for x, _, mark in points(axes) if mark == "o"]
    assert drawn == pytest.approx([100 * one.mean.mean for one in found])
    ticks = [line.get_xdata() for line in axes.lines if line.get_marker() == "|"]
    assert np.array(ticks) == pytest.approx(np.array([100 * one.differences for one in found]))
    assert [label.get_text() for label in axes.get_yticklabels()] == [one.name for one in found]


def test_ranks__joins_arms_that_do_not_differ():
    arms = list("abcd")
    p = pd.DataFrame(0.01, arms, arms)
    p.loc["a", "b"] = p.loc["b", "a"] = 0.5
    pairs = p.rename_axis("other").reset_index().melt("other", var_name="arm", value_name="p")
    pairs["rank"] = pairs["arm"].map(dict(zip(arms, [1.0, 2.0, 3.0, 4.0], strict=True)))
    [axes] = panels.ranks(pairs).axes
    said = {text.get_text() for text in axes.texts}
    assert said == {"a (1.0)", "b (2.0)", "(3.0) c", "(4.0) d"}
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() > 2]
    assert [sorted(bar) for bar in bars] == [[1.0, 2.0]]


def test_calibration__draws_the_arm_of_each_cohort(folder):
    arms = {"image": {"alon": "snail, 64 pixels", "golub": "linear, 64 pixels"}}
    rows = folder.calibration.query("cohort in ['alon', 'golub']")
    figure = panels.calibration(rows, arms)
    assert titles(figure) == ["alon", "golub"]
    for axes in figure.axes:
        arm = arms["image"][axes.get_title()]
        own = rows[(rows["cohort"] == axes.get_title()) & (rows["arm"] == arm)]
        _, curve = axes.lines
        assert curve.get_xydata().tolist() == own[["predicted", "observed"]].to_numpy().tolist()
