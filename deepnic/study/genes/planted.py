"""Rules of several genes planted into a cohort: what single genes do not know of the classes."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import choose

RULES = {"two genes": (1, -1), "three genes": (1, 1, -2)}
"""Rules by name: integer weights of the roles that genes play in it; they add up to 0."""

MODULES = 20  # that hold the rule, and as many that hold its decoy
SHARE = 0.01  # of the genes in a module: enough for two of them to meet in trees now and then
SHARED = 3.0  # standard deviation (root mean square) of what roles have in common, in a gene's


class Planted(NamedTuple):
    """A cohort with a rule in it, or without."""

    cohort: xr.Dataset
    label: NDArray[np.int8] | None  # (gene,) 1 = in the rule, 0 = in its decoy, -1 = neither


def plant(cohort: xr.Dataset, *, rule: str, strength: float, seed: int = 0) -> Planted:
    r"""Plant modules of genes that follow a rule, and decoys of them that say nothing (ours).

    A module is a hundredth of the genes; a role of the rule is played by several. The values of a
    gene of role k become, in units of its standard deviation within a class, its own without the
    class means; plus a latent :math:`c_k` of its module, drawn for each observation, that the
    weights cancel, :math:`\sum_k w_k c_k = 0`; plus a distance between the classes, in the rule
    with the sign of :math:`w_k`, in a decoy always upwards. So the score :math:`\sum_k w_k x_k` of
    any genes of a module's roles has the classes `strength` standard deviations apart in the rule,
    and 0 in a decoy, and one gene alone has the same distance in both, hidden behind the latent.
    At last each gene is turned upside down or not, by chance, so that directions say nothing
    either: what differs is the relation of the genes alone.

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
    [2, 14, 14]
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
    n_modules = min(MODULES, len(varying) // (2 * len(weights) * n_role))
    distance = strength * np.linalg.norm(weights) / np.abs(weights).sum()
    drawn = iter(rng.permutation(varying))
    label = np.full(values.shape[1], -1, np.int8)
    for planted in np.arange(2 * n_modules) % 2:
        latent = _cancelled(weights, len(state), rng)
        for k, weight in enumerate(weights):
            role = [next(drawn) for _ in range(n_role)]
            direction = np.sign(weight) if planted else 1
            common = latent[k] + direction * distance * state
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
