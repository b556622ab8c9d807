"""The filter, one pixel after another."""

import warnings

import numpy as np
from sklearn.feature_selection import f_classif

REASONS = ("undefined", "near-constant", "duplicate", "near-duplicate")


def data_stage(value, tiles, *, max_undefined=0.5, min_sd=0.01, resolution=0.01):
    """Reason (None: kept) of each column of the training values (item, pixel)."""
    reasons = []
    for j in range(value.shape[1]):
        column = value[:, j].astype(np.float64)
        defined = column[~np.isnan(column)]
        before = [i for i in range(j) if tiles[i] == tiles[j]]
        # a near-duplicate is one of a pixel that is no duplicate itself
        exact = [i for i in before if reasons[i] in (None, "near-duplicate")]
        if not defined.size or np.isnan(column).sum() / column.size > max_undefined:
            reasons.append("undefined")
        elif defined.std() <= min_sd:
            reasons.append("near-constant")
        elif any(same(value[:, i], value[:, j]) for i in exact):
            reasons.append("duplicate")
        elif any(same(*np.rint(value[:, [i, j]].T / resolution)) for i in exact):
            reasons.append("near-duplicate")
        else:
            reasons.append(None)
    return reasons


def same(a, b):
    """Whether two columns are equal, undefined where undefined."""
    return all(x == y or (x != x and y != y) for x, y in zip(a.tolist(), b.tolist(), strict=True))


def filled(value):
    """Training values, the undefined ones at the mean of their column."""
    mean = np.nanmean(value.astype(np.float64), axis=0).astype(np.float32)
    return np.where(np.isnan(value), mean, value)


def relevance(value, y):
    """F and p of filled training values; without classes standard deviation and 1."""
    if y is None:
        return filled(value).astype(np.float64).std(axis=0), np.ones(value.shape[1])
    full = filled(value).astype(np.float64)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a perfect pixel for a constant one
        F, p = f_classif(full, y)
    for j in range(full.shape[1]):
        if all(len(set(full[y == k, j])) == 1 for k in set(y)):
            F[j], p[j] = np.inf, 0
        elif not F[j] > 0:
            F[j], p[j] = 0, 1
    return F, p


def best_distinct(value, score):
    """Columns by falling score, ties by position, without repetitions of a column before."""
    order = sorted(range(value.shape[1]), key=lambda j: (-score[j], j))
    chosen: list[int] = []
    for j in order:
        if not any(same(value[:, i], value[:, j]) for i in chosen):
            chosen.append(j)
    return chosen


def least_redundant(value, score, k):
    """Greedy mRMR quotient: the next column is the best by score over mean |correlation|."""
    chosen = [0]
    while len(chosen) < min(k, value.shape[1]):
        merit = {}
        for j in set(range(value.shape[1])) - set(chosen):
            met = [abs(np.corrcoef(value[:, i], value[:, j])[0, 1]) for i in chosen]
            merit[j] = score[j] / (np.mean(met) + 1e-3)
        chosen.append(max(merit, key=lambda j: merit[j]))
    return chosen
