"""Cohorts to learn from: simulated ones with the covariance of a real one, and real ones cut."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.cohort import hide_labels, make_cohort
from deepnic.cohort.holdout import held_out
from deepnic.pretrain.settings import PretrainSettings, Prior


def draw_cohort(
    source: xr.Dataset, settings: PretrainSettings, rng: np.random.Generator
) -> tuple[xr.Dataset, NDArray[np.int8]]:
    """Draw one to learn from: the source itself, or a simulated one.

    Parameters
    ----------
    source : Dataset
        A cohort without missing values.
    settings : PretrainSettings
    rng : Generator

    Returns
    -------
    cohort : Dataset
        State -1 of those whose images are learnt from.
    truth : ndarray of int8, shape (observation,)
        Their states too.

    Examples
    --------
    >>> import deepnic
    >>> source = deepnic.demo_cohort()
    >>> settings = PretrainSettings(shown=10, cohorts={"demo": {"file": "wisconsin"}})
    >>> cohort, truth = draw_cohort(source, settings, np.random.default_rng(0))
    >>> int((cohort["state"] < 0).sum()), bool((truth >= 0).all())
    (10, True)
    """
    if rng.random() < settings.real:
        return _cut(source, settings.shown, rng)
    return simulate_cohort(source, settings.prior, settings.shown, rng)


def _cut(
    source: xr.Dataset, shown: int, rng: np.random.Generator
) -> tuple[xr.Dataset, NDArray[np.int8]]:
    """Hide the states of some of a cohort's observations, of a third at most."""
    cohort = source.isel(observation=source["state"].values >= 0)
    truth = cohort["state"].values.astype(np.int8)
    share = min(shown / len(truth), 1 / 3)
    (hidden,) = held_out({"": cohort}, share, seed=int(rng.integers(2**31))).values()
    return hidden, truth


def simulate_cohort(
    source: xr.Dataset, prior: Prior, shown: int, rng: np.random.Generator
) -> tuple[xr.Dataset, NDArray[np.int8]]:
    """Simulate a cohort with the margins and the covariance of another (ours).

    An observation is one of the source, drawn with replacement, plus normal noise of the source's
    covariance: sqrt(a) (x - mean) + sqrt(1 - a) noise has that covariance whatever the share a.
    What is then added to those of state 1 is along standard deviations of genes. No state of the
    source is read. Two of a patient are the same observation of the source with noise of their own.

    Parameters
    ----------
    source : Dataset
        A cohort without missing values.
    prior : Prior
    shown : int
        Observations besides, whose state is hidden in the cohort.
    rng : Generator

    Returns
    -------
    cohort, state
        As of `draw_cohort`.

    Examples
    --------
    >>> import deepnic
    >>> rng = np.random.default_rng(1)
    >>> cohort, state = simulate_cohort(deepnic.demo_cohort(), Prior(), 10, rng)
    >>> dict(cohort.sizes)["gene"], state[cohort["state"].values < 0].size
    (30, 10)
    """
    sizes = _integer(prior.observations, rng), shown
    sick = _between(prior.sick, rng)
    state = np.concatenate([_states(n, sick, rng) for n in sizes])
    each = 2 if rng.random() < prior.grouped else 1
    patient = np.concatenate([np.arange(n) // each for n in sizes])
    hidden = np.arange(sum(sizes)) >= sizes[0]
    patient[hidden] += sizes[0]

    genes = np.sort(_some(source.sizes["gene"], _integer(prior.genes, rng), rng))
    centred = source["expression"].values[:, genes].astype(np.float64)
    mean = centred.mean(axis=0)
    centred -= mean
    own = _between(prior.own, rng)
    of_source = rng.integers(len(centred), size=patient.max() + 1)[patient]
    weights = rng.standard_normal((len(state), len(centred))) / np.sqrt(len(centred))
    value = mean + np.sqrt(own) * centred[of_source] + np.sqrt(1 - own) * (weights @ centred)
    if rng.random() >= prior.null:
        differs = (state == 1) & (rng.random(len(state)) < _between(prior.penetrance, rng))
        value[differs] += _shift(centred, prior, rng)
    cohort = make_cohort(
        value.astype(np.float32),
        state,
        [f"gene {k}" for k in genes],
        [f"observation {k}" for k in range(len(state))],
        group=patient if each > 1 else None,
    )
    return hide_labels(cohort, hidden), state


def _states(n: int, sick: float, rng: np.random.Generator) -> NDArray[np.int8]:
    """States in any order, at least three of each so that trees can be grown on a part of them."""
    ones = np.clip(round(n * sick), 3, n - 3)
    return rng.permutation(np.arange(n) < ones).astype(np.int8)


def _shift(
    centred: NDArray[np.float64], prior: Prior, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Difference between the states, of each gene."""
    n, genes = centred.shape
    spread = centred.std(axis=0)
    direction = rng.standard_normal((genes,))
    if rng.random() < prior.together:  # along the covariance, as a process that many genes follow
        direction = rng.standard_normal(n) @ centred
        direction /= np.maximum(np.sqrt(n) * spread, np.finfo(float).tiny)
    affected = np.zeros(genes)
    affected[_some(genes, max(1, round(genes * _between(prior.affected, rng))), rng)] = 1
    shift: NDArray[np.float64] = _between(prior.effect, rng) * spread * direction * affected
    return shift


def _between(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _integer(limits: tuple[int, int], rng: np.random.Generator) -> int:
    return round(_between(limits, rng))


def _some(n: int, wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw so many of n numbers, all where there are fewer."""
    return rng.permutation(n)[:wanted]
