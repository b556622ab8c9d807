"""Rankings of genes against scikit-learn's metrics and plain resampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from deepnic.analysis.gene_rankings import compare_rankings
from deepnic.errors import InputError

OWN, LEAD = ["mean", "low", "high"], ["difference", "difference_low", "difference_high"]
BOTH = {"auroc": roc_auc_score, "average_precision": average_precision_score}


@pytest.fixture
def ranked():
    """150 genes, 50 of class 1; a good score, the same with ties, and a poor one."""
    rng = np.random.default_rng(1)
    truth = rng.permutation(np.arange(150) % 3 == 0).astype(int)
    good = rng.normal(size=150) + 1.5 * truth
    return truth, {"good": good, "tied": good.round(), "poor": rng.normal(size=150) + 0.3 * truth}


@settings(max_examples=40)
@given(
    genes=st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(1, 4)), max_size=30)
)
def test_compare_rankings__counts_ties_as_scikit_learn(genes):
    """Also genes drawn several times, as in a resample."""
    # two genes of each class are needed
    truth, score, times = np.array([(0, 0, 2), (1, 0, 2), *genes]).T
    table = compare_rankings(
        np.repeat(truth, times), {"a": np.repeat(score, times)}, n_resamples=2
    ).set_index("metric")
    for metric, measure in BOTH.items():
        expected = measure(truth, score, sample_weight=times)
        np.testing.assert_allclose(table.loc[metric, "mean"], expected, rtol=1e-12)


def test_compare_rankings__has_a_row_for_each_ranking_and_metric(ranked):
    truth, scores = ranked
    table = compare_rankings(truth, scores, n_resamples=50)
    assert table.columns.tolist() == ["ranking", "metric", *OWN, *LEAD]
    assert list(zip(table.ranking, table.metric, strict=True)) == [
        (name, metric) for name in scores for metric in BOTH
    ]
    for row in table.itertuples():
        np.testing.assert_allclose(row.mean, BOTH[row.metric](truth, scores[row.ranking]))
        assert row.low < row.mean < row.high
    assert table[LEAD][:2].isna().all(axis=None)
    first = table["mean"].to_numpy()[[0, 1] * 2]
    np.testing.assert_allclose(table.difference[2:], first - table["mean"][2:])


def test_compare_rankings__intervals_are_those_of_resampled_genes(ranked):
    """A thousand resamples within each class, each measured by scikit-learn."""
    truth, scores = ranked
    rng = np.random.default_rng(3)
    values = []
    for _ in range(1000):
        genes = np.concatenate(
            [rng.choice(np.flatnonzero(truth == k), (truth == k).sum()) for k in (0, 1)]
        )
        y = truth[genes]
        values.append([[m(y, s[genes]) for m in BOTH.values()] for s in scores.values()])
    values = np.array(values)
    low, high = np.quantile(values, [0.2, 0.8], axis=0).reshape(2, -1)
    lead = np.quantile(values[:, :1] - values, [0.2, 0.8], axis=0).reshape(2, -1)
    table = compare_rankings(truth, scores, n_resamples=4000, confidence=0.6)
    np.testing.assert_allclose(table.low, low, atol=0.008)
    np.testing.assert_allclose(table.high, high, atol=0.008)
    np.testing.assert_allclose(table.difference_low[2:], lead[0, 2:], atol=0.008)
    np.testing.assert_allclose(table.difference_high[2:], lead[1, 2:], atol=0.008)


def test_compare_rankings__differences_are_paired(ranked):
    """Another scale is no other ranking, on any resample; and resamples are the same for all."""
    truth, scores = ranked
    again = {"good": scores["good"], "scaled": np.exp(scores["good"]), "poor": scores["poor"]}
    table = compare_rankings(truth, again, n_resamples=200)
    assert (table[LEAD][2:4] == 0).all(axis=None)
    alone = compare_rankings(truth, {"poor": scores["poor"]}, n_resamples=200)
    np.testing.assert_array_equal(table[OWN][4:], alone[OWN])


def test_compare_rankings__repeats_itself(ranked):
    truth, scores = ranked
    first, again = (compare_rankings(truth, scores, n_resamples=120) for _ in range(2))
    np.testing.assert_array_equal(first[[*OWN, *LEAD]], again[[*OWN, *LEAD]])
    assert (compare_rankings(truth, scores, n_resamples=60).low != first.low).any()


def test_compare_rankings__takes_tiny_and_infinite_input():
    """Of 4 genes, a draw from all would often be of one class."""
    up = [-np.inf, 0, 1, np.inf]
    scores = {"right": up, "wrong": up[::-1], "none": [1] * 4}
    table = compare_rankings([0, 0, 1, 1], scores)
    precision = (1 / 3 + 2 / 4) / 2
    assert table["mean"].tolist() == [1, 1, 0, precision, 0.5, 0.5]
    assert np.isfinite(table[OWN]).all(axis=None)


@pytest.mark.parametrize(
    ("truth", "scores", "fact"),
    [
        ([0, 0], {"a": [1, 2]}, "1 for 0 of 2 genes and 0 for 2; .* at least 2 of each"),
        ([0, 0, 1], {"a": [1, 2, 3]}, "1 for 1 of 3 genes and 0 for 2; .* at least 2 of each"),
        ([0, 0, 1, 1, -1], {"a": [1] * 5}, "1 for 2 of 5 genes and 0 for 2; .* that are 1 or 0"),
        ([0, 0, 1, 1], {"a": [1] * 4, "b": [1]}, r"'b' has shape \(1,\).*each of the 4 genes"),
        ([0, 0, 1, 1], {"a": [1, 1, 1, np.nan]}, "the ranking 'a' has .* 1 undefined scores"),
        ([0, 0, 1, 1], {}, "no ranking was given"),
    ],
)
def test_compare_rankings__rejects_what_cannot_be_compared(truth, scores, fact):
    with pytest.raises(InputError, match=fact):
        compare_rankings(truth, scores)
