"""Rules of several genes planted into a cohort: what single genes do not know of the classes."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import choose

RULES = {"two genes": (1, -1), "three genes": (1, 1, -2)}
"""Rules by name: integer weights of the roles that genes play in it; they add up to 0."""

SHARE = 0.12  # of the genes that play in the rule, and as many in its decoy
SHARED = (
    3.0  # standard deviation of what roles have in common, in that of a gene (root mean square)
)


class Planted(NamedTuple):
    """A cohort with a rule in it."""

    cohort: xr.Dataset
    label: NDArray[np.int8]  # (gene,) 1 = plays a role in the rule, 0 = in its decoy, -1 = neither


def plant(cohort: xr.Dataset, *, rule: str, strength: float, seed: int = 0) -> Planted:
    r"""Plant a rule of two or three genes, and a decoy in which the same genes say nothing (ours).

    Genes are drawn for each role of the rule, and as many for each role of the decoy. The values of
    a gene of role k become, in units of its standard deviation within a class, its own without the
    class means; plus a latent :math:`c_k`, drawn for each observation, that the weights cancel,
    :math:`\sum_k w_k c_k = 0`; plus a distance m between the classes, in the rule with the sign of
    :math:`w_k`, in the decoy always upwards. So the score :math:`\sum_k w_k x_k` of any genes of
    the rule's roles has the classes `strength` standard deviations apart, that of a decoy's 0,
    and one gene alone has the same distance in both, hidden behind the latent. At last each gene is
    turned upside down or not, by chance, so that directions say nothing either: what differs is
    the relation of the genes alone.

    Parameters
    ----------
    cohort : Dataset
        All of whose states are known.
    rule : {"two genes", "three genes"}
    strength : float
        Distance of the classes' mean scores over the standard deviation within a class.
    seed : int

    Returns
    -------
    Planted

    Raises
    ------
    InputError
        No such rule.

    Examples
    --------
    >>> import deepnic
    >>> planted = plant(deepnic.demo_cohort(), rule="two genes", strength=2)
    >>> np.unique(planted.label, return_counts=True)[1].tolist()
    [26, 2, 2]
    """
    weights = np.array(RULES[choose("rule", rule, RULES)], np.float64)
    rng = np.random.default_rng([seed, len(weights)])
    values = cohort["expression"].values.astype(np.float64)
    state = cohort["state"].values
    residual = values.copy()
    for value in (0, 1):
        residual[state == value] -= values[state == value].mean(axis=0)
    spread = residual.std(axis=0)
    varying = np.flatnonzero(spread > 1e-6 * np.abs(values).max(axis=0))
    n_role = max(1, int(SHARE * len(varying)) // len(weights))
    distance = strength * np.linalg.norm(weights) / np.abs(weights).sum()
    directions = {0: np.ones_like(weights), 1: np.sign(weights)}
    drawn = iter(rng.permutation(varying))
    label = np.full(values.shape[1], -1, np.int8)
    for planted, direction in directions.items():
        latent = _cancelled(weights, len(state), rng)
        for k in range(len(weights)):
            role = np.array([next(drawn) for _ in range(n_role)])
            common = latent[k] + direction[k] * distance * state
            made = residual[:, role] / spread[role] + (common - common.mean())[:, None]
            made *= rng.choice([-1, 1], n_role)
            values[:, role] = values[:, role].mean(axis=0) + made * spread[role]
            label[role] = planted
    changed = cohort["expression"].copy(data=values.astype(np.float32))
    return Planted(cohort.assign(expression=changed), label)


def _cancelled(weights: NDArray, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Latents of the roles, (role, observation), that the weights cancel."""
    free = rng.normal(size=(len(weights), n))
    free -= np.outer(weights, weights @ free) / (weights @ weights)
    return SHARED * free / np.sqrt(1 - 1 / len(weights))
