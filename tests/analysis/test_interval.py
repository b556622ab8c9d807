"""Intervals: their sign, their words, and Student's over cohorts."""

import numpy as np
import pytest
from scipy import stats

from deepnic.analysis.interval import Interval, over_cohorts


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0, 0.1, 0)]
)
def test_interval__has_a_sign_if_it_leaves_out_0(low, high, sign):
    assert Interval(0.0, low, high).sign == sign
    assert Interval().sign == 0


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(0.1, 0.05, 0.15), "+10.0 (+5.0 to +15.0)"),
        (Interval(-0.1, -0.2, -0.0004), "−10.0 (−20.0 to 0.0)"),
        (Interval(0.0), "0.0"),
        (Interval(), "undefined"),
    ],
)
def test_interval__in_points(interval, words):
    assert interval.points() == words


def test_over_cohorts__is_students_interval():
    values = [0.01, 0.05, -0.02, np.nan, 0.03]
    known = np.array(values)[[0, 1, 2, 4]]
    low, high = stats.ttest_1samp(known, 0).confidence_interval(0.95)
    interval = over_cohorts(values)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((known.mean(), low, high))
    assert not over_cohorts([0.1]).bounded
