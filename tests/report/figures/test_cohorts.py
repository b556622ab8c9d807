"""What the charts of cohorts draw, read back from them."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from deepnic.report.figures.cohorts import (
    Calibration,
    Factors,
    Families,
    Filters,
    Ranks,
    UsesOfPixels,
)


def points(axes):
    """Single marks: (x, y, marker)."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker())
        for line in axes.lines
        if len(line.get_xdata()) == 1
    ]


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_visible()]


def test_families__draw_the_best_of_each_with_its_interval(findings):
    chart = Families(findings.best)
    figure = chart.draw()
    assert titles(figure) == ["alon", "golub", "singh", "golub-to-singh"]
    for axes in figure.axes:
        best = chart.frame().query("cohort == @axes.get_title()")
        drawn = points(axes)
        assert [x for x, _, _ in drawn] == best["mean"].tolist()
        assert [mark == "o" for _, _, mark in drawn] == best["kind"].eq("assembly").tolist()
        ends = [bar.get_segments()[0][:, 0].tolist() for bar in axes.collections]
        assert ends == best[["low", "high"]].to_numpy().tolist()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == findings.best["family"].drop_duplicates().tolist()
    assert chart.address().startswith("data:image/svg+xml;base64,")


def test_families__say_where_a_score_is_undefined(findings):
    best = findings.best
    without = best.assign(mean=best["mean"].where(best["family"] != "forest vote"))
    [axes] = Families(without[without["cohort"] == "alon"]).draw().axes
    assert [text.get_text() for text in axes.texts] == [" undefined"]


@pytest.fixture
def ours(findings):
    return findings.scores().query("role == 'ours'")


def test_filters__draw_every_assembly_once(ours):
    figure = Filters(ours).draw()
    assert titles(figure)[:3] == ["alon, pixels", "alon, tiles", "golub, pixels"]
    for axes in figure.axes:
        cohort, unit = axes.get_title().split(", ")
        expected = ours[(ours["cohort"] == cohort) & (ours["unit"] + "s" == unit)]
        drawn = np.concatenate([line.get_ydata() for line in axes.lines])
        assert sorted(drawn) == sorted(expected["mean"])
    for axes in figure.axes[-2:]:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["64", "1,024", "no filter"]
    [legend] = figure.legends
    assert len(legend.get_texts()) == 5


def test_filters__of_one_unit_name_the_cohort_alone(ours):
    figure = Filters(ours[ours["unit"] != "tile"]).draw()
    assert titles(figure) == ["alon", "golub", "singh", "golub-to-singh"]


def test_filters__have_room_for_more_paths_than_colours(ours):
    more = pd.concat([ours, *(ours.assign(path=ours["path"] + str(k)) for k in range(2))])
    figure = Filters(more).draw()
    x = np.concatenate([line.get_xdata() for line in figure.axes[0].lines])
    assert len(np.unique(x)) == len(x) == 15 * 3
    assert -0.5 < x.min() < x.max() < 2.5  # between the neighbours of the first and last strength


def test_uses_of_pixels__are_drawn_against_the_pixels_kept(findings):
    figure = UsesOfPixels(findings.uses).draw()
    alon = findings.scores().query("cohort == 'alon' and unit == 'pixel' and role == 'ours'")
    means = alon.groupby("strength")["mean"].mean()
    filtered, unfiltered = figure.axes[0].lines[:2]
    assert filtered.get_xdata().tolist() == [64, 1010]
    assert filtered.get_ydata() == pytest.approx(means[["64", "1024"]].to_numpy())
    assert unfiltered.get_xdata().tolist() == [1024]
    assert unfiltered.get_ydata() == pytest.approx([means["none"]])
    band, *_ = figure.axes[0].collections
    ends = alon.groupby("strength")["mean"].agg(["min", "max"]).loc[["64", "1024"]].to_numpy()
    assert {y for _, y in band.get_paths()[0].vertices} == {*ends.ravel()}
    [legend] = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[0] == "the paths, mean and range"
    assert len(names) == len(set(names)) == 5


def test_factors__draw_means_and_cohorts(findings):
    chart = Factors.of(findings.factors)
    frame = chart.frame()
    expected = pd.DataFrame([asdict(each.mean) for each in findings.factors])
    assert frame[["mean", "low", "high"]].to_numpy() == pytest.approx(100 * expected.to_numpy())
    [axes] = chart.draw().axes
    assert [x for x, _, mark in points(axes) if mark == "o"] == frame["mean"].tolist()
    ticks = [line.get_xdata() for line in axes.lines if line.get_marker() == "|"]
    differences = [100 * each.differences for each in findings.factors]
    assert np.array(ticks) == pytest.approx(np.array(differences))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [each.name for each in findings.factors]
    filled = [
        line.get_markerfacecolor() != "white" for line in axes.lines if line.get_marker() == "o"
    ]
    assert filled == [bool(each.mean.sign) for each in findings.factors]


def test_ranks__join_arms_that_do_not_differ():
    arms = list("abcd")
    p = pd.DataFrame(0.01, arms, arms)
    p.loc["a", "b"] = p.loc["b", "a"] = 0.5
    pairs = p.rename_axis("other").reset_index().melt("other", var_name="arm", value_name="p")
    pairs["rank"] = pairs["arm"].map(dict(zip(arms, [1.0, 2.0, 3.0, 4.0], strict=True)))
    [axes] = Ranks(pairs).draw().axes
    assert {text.get_text() for text in axes.texts} == {"a (1.0)", "b (2.0)", "(3.0) c", "(4.0) d"}
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() > 2]
    assert [sorted(bar) for bar in bars] == [[1.0, 2.0]]


def test_calibration__draws_a_curve_for_each_name(findings):
    table = findings.calibration.query("cohort in ['alon', 'golub'] and kind == 'assembly'")
    figure = Calibration(table.assign(name="images")).draw()
    assert titles(figure) == ["alon", "golub"]
    for axes in figure.axes:
        expected = table[table["cohort"] == axes.get_title()]
        _, curve = axes.lines
        assert curve.get_xydata().tolist() == expected[["predicted", "observed"]].values.tolist()


@pytest.mark.parametrize("cohorts", [["alon"], ["alon", "golub"]])
def test_calibration__has_its_whole_legend_inside(findings, cohorts):
    """Names as long as those of a study."""
    table = findings.calibration[findings.calibration["cohort"].isin(cohorts)]
    table = table.assign(name=table["kind"].map(lambda kind: f"{kind:_<38}"))
    figure = Calibration(table).draw()
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert len(figure.legends[0].get_texts()) == table["kind"].nunique() > 2
