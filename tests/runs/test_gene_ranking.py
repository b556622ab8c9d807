"""Rankings of genes without a network."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.nic import count_signatures, rop_images
from deepnic.rop import grow_forest
from deepnic.runs.gene_ranking import first_criterion, rank_genes


@pytest.fixture(scope="module")
def counts():
    """400 genes under 2 x 3 conditions; of class 1 where signature 4 abounds in one of two."""
    rng = np.random.default_rng(0)
    count = rng.multinomial(50, np.full(37, 1 / 37), size=(400, 2, 3)).astype(np.uint16)
    here, there = rng.random((2, 400)) < 0.5
    count[here, 0, 1, 4] += 10
    count[there, 1, 2, 4] += 10
    return count, (here & ~there).astype(int)


def test_rank_genes__tells_genes_it_was_not_fitted_on(counts):
    """A sum over conditions would not tell one from the other."""
    count, y = counts
    hidden = np.arange(400) >= 250
    probability = rank_genes(count, np.where(hidden, -1, y))
    assert probability.shape == (400,)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert roc_auc_score(y[hidden], probability[hidden]) > 0.95


def test_rank_genes__hidden_genes_do_not_reach_the_fit(counts):
    count, y = counts
    state = np.where(np.arange(400) >= 250, -1, y)
    other = count.copy()
    other[300:] = 7
    np.testing.assert_array_equal(rank_genes(count, state)[:300], rank_genes(other, state)[:300])


def test_rank_genes__rejects_what_it_cannot_fit(counts):
    count, y = counts
    with pytest.raises(InputError, match="counts of 9 genes; give one for each of 400 states"):
        rank_genes(count[:9], y)
    with pytest.raises(InputError, match="no training item has state 1"):
        rank_genes(count, -y)
    with pytest.raises(InputError, match="state holds 2"):
        rank_genes(count, y + 1)


def test_first_criterion__is_the_mean_of_the_first_image():
    cohort = make_cohort(
        np.random.default_rng(2).normal(size=(8, 9)),
        list("nynynyny"),
        [f"g{k}" for k in range(9)],
        [f"o{k}" for k in range(8)],
    )
    forest = grow_forest(cohort, n_trees=11, weight_ranges=[3, 4], tree_sizes=[1, 2, 3]).compute()
    image = rop_images(forest, family="base").image.sel(combination="1|")
    found = first_criterion(count_signatures(forest)["count"])
    np.testing.assert_allclose(found, image.mean(["tree_size", "weight_range"]), rtol=1e-6)
    assert len(set(found)) > 3
