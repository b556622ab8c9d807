"""Parts of the genes, against correlations of SciPy and a walk from gene to gene."""

import numpy as np
import pytest

from deepnic.errors import InputError
from deepnic.study.genes.parts import CORRELATIONS, SHARES, cut_genes

N, G = 40, 300


@pytest.fixture(scope="module")
def modules():
    """300 genes: chains of five that vary together, some upside down, whatever the class says."""
    rng = np.random.default_rng(3)
    state = np.arange(N) % 2
    latent = rng.normal(size=(N, G // 5)).repeat(5, axis=1)
    sign = rng.choice([-1, 1], G)
    values = sign * (latent + 0.25 * rng.normal(size=(N, G))) + 3 * state[:, None] * (
        rng.random(G) < 0.5
    )
    return values.astype(np.float32), state


def correlations(values, state):
    """Partial correlations given the class, each from a regression of its own."""
    residuals = np.empty(values.shape)
    design = np.stack([np.ones(len(state)), state], axis=1)
    for g in range(values.shape[1]):
        known = np.linalg.lstsq(design, values[:, g].astype(float), rcond=None)[0]
        residuals[:, g] = values[:, g] - design @ known
    return np.corrcoef(residuals.T)


def test_cut_genes__no_pair_beyond_the_limit_is_cut(modules):
    values, state = modules
    cut = cut_genes(values, state)
    r = np.abs(correlations(values, state))
    apart = cut.part[:, None] != cut.part
    assert r[apart].max() <= cut.correlation
    assert cut.correlation == CORRELATIONS[0]
    together = cut.cluster[:, None] == cut.cluster
    assert r[~together].max() <= cut.correlation
    for one in np.unique(cut.cluster):  # each is reached from its first through neighbours
        members = np.flatnonzero(cut.cluster == one)
        met, new = {members[0]}, [members[0]]
        while new:
            near = {*np.flatnonzero(r[new.pop()] > cut.correlation)} - met
            met |= near
            new += near
        assert met == {*members}


def test_cut_genes__parts_have_their_shares_and_seeds_differ(modules):
    values, state = modules
    part = cut_genes(values, state).part
    for name, share in SHARES.items():
        assert (part == name).mean() == pytest.approx(share, abs=0.03)
    assert (part == cut_genes(values, state, seed=0).part).all()
    assert (part != cut_genes(values, state, seed=1).part).any()


def test_cut_genes__does_not_see_how_the_classes_differ(modules):
    values, state = modules
    shift = np.random.default_rng(1).normal(size=G).astype(np.float32)
    moved = values + 8 * np.outer(state, shift).astype(np.float32)
    assert (cut_genes(moved, state).cluster == cut_genes(values, state).cluster).all()


def test_cut_genes__a_stricter_limit_where_too_many_hang_together():
    rng = np.random.default_rng(5)
    state = np.arange(N) % 2
    common = rng.normal(size=(N, 1))
    values = rng.normal(size=(N, G))
    values[:, :60] = common + 0.42 * values[:, :60]  # a fifth of all, correlated by .85
    cut = cut_genes(values.astype(np.float32), state)
    assert cut.correlation > CORRELATIONS[0]
    values[:, :60] = common
    with pytest.raises(InputError, match="a tenth of the 300 genes hang together"):
        cut_genes(values.astype(np.float32), state)


def test_cut_genes__constant_genes_are_alike_to_none():
    values = np.random.default_rng(7).normal(size=(N, G)).astype(np.float32)
    values[:, :100] = 2
    values[::2, :50] = 5  # constant in each class
    cut = cut_genes(values, np.arange(N) % 2)
    assert np.bincount(cut.cluster).max() == 1
