"""Planted rules: what least squares makes of genes of the roles, and what one gene knows."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deepnic.cohort import make_cohort
from deepnic.study.genes.planted import RULES, plant

N, G = 2000, 400


@pytest.fixture(scope="module")
def noise():
    """Classes that no gene differs in."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, G)) * rng.uniform(1, 5, G) + 9
    values[:, :10] = 4
    labels = np.where(np.arange(N) % 3, "sick", "well")
    genes, observations = [f"g{k}" for k in range(G)], [f"o{k}" for k in range(N)]
    return make_cohort(values, labels, genes, observations, positive="sick")


def distance(score, state):
    """Distance of the classes' means over the standard deviation within them."""
    low, high = score[state == 0], score[state == 1]
    within = np.sqrt((low.var() * len(low) + high.var() * len(high)) / len(score))
    return (high.mean() - low.mean()) / within


def modules(planted, label, n_genes):
    """Genes of each module, told by what one of them shares with all others."""
    genes = np.flatnonzero(planted.label == label)
    r = np.abs(np.corrcoef(planted.cohort.expression.values[:, genes].T))
    return {tuple(genes[row > 0.3]) for row in r if (row > 0.3).sum() == n_genes}


def found_in(planted, label, n_genes):
    """What least squares makes of the genes of each module."""
    state, x = planted.cohort.state.values, planted.cohort.expression.values.astype(float)
    found = []
    for module in modules(planted, label, n_genes):
        design = np.column_stack([np.ones(N), x[:, module]])
        score = design @ np.linalg.lstsq(design, state, rcond=None)[0]
        found.append(distance(score, state))
    return np.array(found)


@pytest.mark.parametrize(("rule", "n_genes"), [("two genes", 2), ("three genes", 3)])
def test_plant__genes_of_the_roles_have_the_classes_apart(noise, rule, n_genes):
    planted = plant(noise, rule=rule, strength=3)
    found = found_in(planted, 1, n_genes)
    assert len(found) == 20
    np.testing.assert_allclose(found, 3, atol=0.35)  # least squares find a little more
    assert found_in(planted, 0, n_genes).max() < 1.3
    np.testing.assert_allclose(
        found_in(plant(noise, rule=rule, strength=1), 1, n_genes), 1, atol=0.25
    )


@pytest.mark.parametrize("rule", RULES)
def test_plant__one_gene_knows_the_same_in_rule_and_decoy(noise, rule):
    planted = plant(noise, rule=rule, strength=3)
    state, x = noise.state.values, planted.cohort.expression.values
    auroc = np.array([roc_auc_score(state, x[:, g]) for g in range(G)])
    of_rule, of_decoy = planted.label == 1, planted.label == 0
    assert of_rule.sum() == of_decoy.sum() == 20 * len(RULES[rule])
    known = [np.abs(auroc[of] - 0.5).mean() for of in (of_rule, of_decoy)]
    assert known[0] == pytest.approx(known[1], abs=0.01)
    assert 0.1 < known[0] < 0.25
    ups = [(auroc[of] > 0.5).mean() for of in (of_rule, of_decoy)]
    assert all(0.2 < up < 0.8 for up in ups)


def test_plant__leaves_means_and_all_other_genes_as_they_were(noise):
    planted = plant(noise, rule="two genes", strength=3)
    before, after = noise.expression.values, planted.cohort.expression.values
    other = planted.label < 0
    assert (planted.label[:10] == -1).all()  # constant genes play no role
    assert (after[:, other] == before[:, other]).all()
    np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), rtol=1e-5)
    ratio = after[:, ~other].std(axis=0) / before[:, ~other].std(axis=0)
    np.testing.assert_allclose(ratio, np.sqrt(1 + 9 + 4.5 * 2 / 9), rtol=0.1)
    again = plant(noise, rule="two genes", strength=3)
    assert (again.cohort.expression.values == after).all()
    other_seed = plant(noise, rule="two genes", strength=3, seed=1)
    assert (other_seed.label != planted.label).any()
