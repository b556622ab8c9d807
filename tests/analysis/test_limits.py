"""Intervals over patients, against SciPy, statsmodels, sums over all pairs, and their coverage."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from deepnic.analysis.interval import Interval
from deepnic.analysis.limits import area, mean_lead, mean_share, share

Z = stats.norm.ppf(0.975)


def ends(interval):
    return interval.low, interval.high


@pytest.mark.parametrize(("right", "n"), [(22, 22), (0, 5), (3, 8), (1, 2), (300, 400)])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_share__is_wilsons(right, n, confidence):
    expected = stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    assert ends(share(right / n, n, confidence)) == pytest.approx(tuple(expected), abs=1e-12)


def test_share__takes_patients_in_part():
    expected = proportion_confint(20 + 2 / 3, 22, method="wilson")
    assert ends(share((20 + 2 / 3) / 22, 22)) == pytest.approx(expected)
    assert share(1 + 1e-16, 22).high == 1
    assert share(-1e-17, 22).low == 0


@pytest.mark.parametrize(("ones", "zeros"), [((12, 12), (10, 10)), ((3, 12), (40, 50))])
def test_mean_share__is_newcombes(ones, zeros):
    """His difference of recall and false alarms is twice the balanced accuracy, less 1."""
    found = mean_share([share(right / n, n) for right, n in (ones, zeros)])
    wrong = zeros[1] - zeros[0]
    expected = confint_proportions_2indep(*ones, wrong, zeros[1], method="newcomb")
    assert [2 * end - 1 for end in ends(found)] == pytest.approx(expected)
    assert found.mean == pytest.approx((ones[0] / ones[1] + zeros[0] / zeros[1]) / 2)


def hanley_mcneil(theta, n_positive, n_negative):
    """Standard error of an area as they wrote it."""
    q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
    variance = theta * (1 - theta) + (n_positive - 1) * (q1 - theta**2)
    variance += (n_negative - 1) * (q2 - theta**2)
    return np.sqrt(variance / n_positive / n_negative)


@pytest.mark.parametrize("theta", [0.0, 0.02, 0.5, 0.893, 1.0])
def test_area__of_all_pairs_is_newcombes_method_5(theta):
    """Of 30 and 30, where the mean of both classes' terms is that of Hanley and McNeil."""
    grid = np.linspace(0, 1, 200_001)
    near = grid[np.abs(grid - theta) <= Z * hanley_mcneil(grid, 30, 30) + 1e-7]
    assert ends(area(theta, np.ones((30, 30)))) == pytest.approx((near[0], near[-1]), abs=2e-5)
    mean = (hanley_mcneil(0.6, 20, 40) ** 2 + hanley_mcneil(0.6, 40, 20) ** 2) / 2
    low = area(0.6 + Z * np.sqrt(mean), np.ones((20, 40))).low
    assert low == pytest.approx(0.6)


def test_area__sums_over_the_pairs_that_met():
    """The variance of a mean of pairs, each counted as often as it met, pair by pair."""
    rng = np.random.default_rng(0)
    compared = rng.integers(0, 3, (5, 4))
    theta, weight = 0.7, compared / compared.sum()
    alike = theta * (1 - theta)
    one = (theta / (2 - theta) + 2 * theta**2 / (1 + theta)) / 2 - theta**2
    variance = 0.0
    for (i, j), (k, m) in product(product(range(5), range(4)), repeat=2):
        covariance = alike if (i, j) == (k, m) else one if i == k or j == m else 0
        variance += weight[i, j] * weight[k, m] * covariance
    assert area(theta - Z * np.sqrt(variance), compared).high == pytest.approx(theta)


@pytest.mark.parametrize("n", [22, 60, 100])
@pytest.mark.parametrize("truth", [0.6, 0.8, 0.95, 0.99])
def test_mean_share__covers_at_its_rate(n, truth):
    """Exactly, over all counts; at its worst 0.91, as one share of Wilson's has 0.84 at places."""
    size = n // 2
    counts = np.arange(size + 1)
    chance = stats.binom.pmf(counts, size, truth)
    of_one = [share(k / size, size) for k in counts]
    covered = 0.0
    for i, j in product(counts, repeat=2):
        low, high = ends(mean_share([of_one[i], of_one[j]]))
        covered += chance[i] * chance[j] * (low <= truth <= high)
    assert 0.91 <= covered <= 0.99


@pytest.mark.parametrize("truth", [0.6, 0.95, 0.99])
def test_area__covers_at_its_rate(truth):
    """Normal scores of 22 patients in five folds, where the bootstrap covers 0.20 of 0.99."""
    rng = np.random.default_rng(0)
    compared = np.equal.outer(np.arange(11) % 5, np.arange(11) % 5)
    covered = 0
    for _ in range(300):
        ones = rng.normal(np.sqrt(2) * stats.norm.ppf(truth), 1, 11)
        found = (ones[:, None] > rng.normal(size=11))[compared].mean()
        low, high = ends(area(found, compared))
        covered += low <= truth <= high
    assert covered >= stats.binom.ppf(0.001, 300, 0.95)


def test_mean_lead__is_bonett_and_prices():
    """One class: of 30 pairs 7 are right by one side alone, and 2 by the other."""
    leads = np.array([1] * 7 + [-1] * 2 + [0] * 21)
    p12, p21 = 8 / 32, 3 / 32
    half = Z * np.sqrt((p12 + p21 - (p12 - p21) ** 2) / 32)
    expected = Interval(5 / 30, 5 / 32 - half, 5 / 32 + half)
    found = mean_lead([leads], [1])
    assert (found.mean, *ends(found)) == pytest.approx((expected.mean, *ends(expected)))
    assert mean_lead([np.ones(3)], [1]).high == 1
