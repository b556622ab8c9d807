"""Simple statistics of genes, against SciPy and scikit-learn gene by gene."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from deepnic.cohort.differential import simple_statistics, welch


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(4)
    values = np.maximum(rng.normal(size=(30, 20)) * rng.uniform(0.5, 3, 20) + 1, 0)
    return values.astype(np.float32), rng.permutation(np.arange(30) % 3 == 0).astype(int)


def test_welch__is_scipys_of_every_gene(table):
    values, state = table
    t, p = welch(values, state)
    for g in range(20):
        x = values[:, g].astype(float)
        expected = stats.ttest_ind(x[state == 1], x[state == 0], equal_var=False)
        assert (t[g], p[g]) == pytest.approx(expected, rel=1e-9)
    assert (t > 0).any()
    assert (t < 0).any()


def test_simple_statistics__gene_by_gene(table):
    values, state = table
    made = simple_statistics(values, state)
    for g in range(20):
        x = values[:, g].astype(float)
        assert made["rank_sum"][g] == pytest.approx(roc_auc_score(state, x))
        sick, well = x[state == 1], x[state == 0]
        assert made["fold_change"][g] == pytest.approx(
            sum(sick) / len(sick) - sum(well) / len(well)
        )
        assert made["mean"][g] == pytest.approx(np.mean(x))
        assert made["standard_deviation"][g] == pytest.approx(stats.tstd(x))
        assert made["at_floor"][g] == sum(x == 0) / 30
    assert made["at_floor"].between(0.05, 0.6).any()
    assert not made.isna().any(axis=None)
