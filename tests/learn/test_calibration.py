"""The one rule that makes probabilities and classes of margins, against its definition."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from deepnic.learn import Calibration, calibrate, cross_fitted_margins


def by_hand(margin, state, weight):
    """Slope and intercept that minimise Platt's weighted cross-entropy."""
    ones, zeros = state.sum(), (1 - state).sum()
    target = np.where(state == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))

    def loss(line):
        z = line[0] * margin + line[1]
        return (weight * (np.logaddexp(0, z) - target * z)).sum()

    return minimize(loss, [0.1, 0.0], method="BFGS", options={"gtol": 1e-9}).x


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    state = (rng.random(60) < 0.3).astype(np.int8)
    return rng.normal(size=60) + 1.2 * state, state


def test_calibrate__is_platts_curve_and_the_even_threshold(drawn):
    margin, state = drawn
    rule = calibrate(margin, state, "60")
    slope, intercept = by_hand(margin, state, np.ones(60))
    np.testing.assert_allclose([rule.slope, rule.intercept], [slope, intercept], rtol=1e-4)
    even = np.where(state == 1, 30 / state.sum(), 30 / (60 - state.sum()))
    steepness, offset = by_hand(margin, state, even)
    assert rule.threshold == pytest.approx(-offset / steepness, rel=1e-3)
    np.testing.assert_allclose(rule.probability(margin), expit(slope * margin + intercept), 1e-4)
    assert (rule.predicted(margin) == (steepness * margin + offset > 0)).all()
    # the prior is kept, but for what Platt's targets take
    assert rule.probability(margin).mean() == pytest.approx(state.mean(), abs=0.02)


def test_calibrate__does_not_ask_for_the_scale_of_the_margin(drawn):
    margin, state = drawn
    rule, other = calibrate(margin, state, ""), calibrate(1e6 * margin - 5e7, state, "")
    np.testing.assert_allclose(
        other.probability(1e6 * margin - 5e7), rule.probability(margin), rtol=1e-5
    )
    assert (other.predicted(1e6 * margin - 5e7) == rule.predicted(margin)).all()


def test_calibrate__stays_finite_where_the_classes_are_apart():
    margin, state = np.r_[np.arange(5), np.arange(10, 15)].astype(float), np.repeat([0, 1], 5)
    probability = calibrate(margin, state, "").probability(margin)
    assert ((probability > 0.02) & (probability < 0.98)).all()
    assert (np.diff(probability) > 0).all()
    np.testing.assert_array_equal(calibrate(margin, state, "").predicted(margin), state)


@pytest.mark.parametrize("margin", [np.zeros(6), -np.array([0.0, 0, 0, 0, 1, 1])])
def test_calibrate__of_what_tells_nothing_or_the_reverse_is_the_prior(margin):
    rule = calibrate(margin, np.int8([0, 0, 0, 0, 1, 1]), "")
    assert rule.slope == 0
    target = (4 * (1 / 6) + 2 * (3 / 4)) / 6
    np.testing.assert_allclose(rule.probability(np.array([-9.0, 9])), target)
    assert (rule.predicted(np.array([-9.0, 9])) == 0).all()
    other = calibrate(-margin, np.int8([1, 1, 1, 1, 0, 0]), "")  # the rarer class is the first
    assert other.slope == 0
    assert (other.predicted(margin) == 1).all()


def test_read__refuses_what_is_no_rule():
    saved = {"slope": 0.5, "intercept": 0.0, "threshold": 1.0, "on": "40 patients"}
    assert Calibration.read(saved) == Calibration(0.5, 0.0, 1.0, "40 patients")
    assert Calibration.read(None) is None
    for wrong in ({"slope": -1.0}, {"intercept": np.inf}, {"threshold": np.nan}):
        with pytest.raises(ValueError, match="slope"):
            Calibration.read(saved | wrong)


@pytest.mark.parametrize("pipelines", [1, 3])
def test_cross_fitted_margins__a_part_by_models_that_had_not_seen_it(pipelines):
    rng = np.random.default_rng(1)
    shown = rng.normal(size=(pipelines, 20, 4))
    state = np.r_[np.arange(18) % 2, -1, -1].astype(np.int8)
    part = np.r_[np.arange(18) % 3, -1, -1].astype(np.int8)

    def fit(values, states):
        return LogisticRegression().fit(values, states).decision_function

    got = cross_fitted_margins(fit, shown, part, state)
    own = np.array([shown[part[i] if pipelines > 1 else 0, i] for i in range(18)])
    for i in range(18):
        others = part[:18] != part[i]
        model = LogisticRegression().fit(own[others], state[:18][others])
        assert got[i] == pytest.approx(model.decision_function(own[i : i + 1])[0])
    model = LogisticRegression().fit(own, state[:18])
    for i in (18, 19):
        each = [model.decision_function(shown[k, i : i + 1])[0] for k in range(pipelines)]
        assert got[i] == pytest.approx(np.mean(each))
