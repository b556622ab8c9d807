"""From raw columns to a checked cohort."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from deepnic.cohort.classes import EACH, UNKNOWN, check_apart, find_positive
from deepnic.cohort.impute import METHODS
from deepnic.errors import InputError, choose
from deepnic.variables import describe, expect

LONGEST = 500  # characters of an id or a label


def make_cohort(
    expression: ArrayLike,
    label: ArrayLike,
    gene: Sequence[str],
    observation: Sequence[str],
    *,
    positive: str | None = None,
    group: ArrayLike | None = None,
    impute: str | None = None,
) -> xr.Dataset:
    """Check a table and give it names.

    Parameters
    ----------
    expression : array, shape (observation, gene)
        Finite numbers.
    label : array, shape (observation,)
        Class of each observation as found; a missing one (NaN, empty, or a word such as "unknown",
        unless it is `positive`) is to be predicted.
    gene, observation : sequences of str
        Unique ids.
    positive : str, optional
        The label that is state 1, against all others (one-vs-rest). Left out, two classes are
        needed: 1 of 0/1, 2 of 1/2, b of a/b, else the one named like a case beside one named like
        a control, or not like a control; where no rule knows, the last in alphabetical order.
    group : array, shape (observation,), optional
        What observations have in common, such as their patient; none may be missing.
    impute : {"median", "knn"}, optional
        Values may be missing (NaN), and are filled so where trees are grown; see `read_cohort`.

    Returns
    -------
    Dataset
        ``expression(observation, gene)`` float32, ``state(observation)`` int8, the original
        ``label`` and the ``group``, if given, as coordinates; attributes ``positive``,
        ``constant_genes`` (how many) and, where values are missing, ``impute``.

    Raises
    ------
    InputError
        Any of the rules above is broken.

    Examples
    --------
    >>> cohort = make_cohort([[1, 2], [3, 4], [5, 6], [7, 8]], list("nntt"), ["g1", "g2"],
    ...                      ["a", "b", "c", "d"])
    >>> cohort.state.values, cohort.attrs["positive"]
    (array([0, 0, 1, 1], dtype=int8), 't')
    """
    values = _float32(expression)
    genes, observations = pd.Index(map(str, gene)), pd.Index(map(str, observation))
    labels = pd.Series(label, dtype=object).map(_text)
    if values.shape != (len(observations), len(genes)) or len(labels) != len(observations):
        raise InputError(
            f"expression has shape {values.shape}, with {len(observations)} observations, "
            f"{len(genes)} genes and {len(labels)} labels; they must agree"
        )
    check_words("labels", labels)
    _check_ids(genes, observations)
    if impute is not None:
        choose("impute", impute, METHODS)
    _check_finite(values, genes, may_lack=impute is not None)
    unknown = labels.map(str.lower).isin(UNKNOWN)
    labels[unknown & (positive is None or labels != str(positive))] = ""
    state, positive = _state(labels, positive)
    constant = int((np.fmin.reduce(values) == np.fmax.reduce(values)).sum())
    if constant == len(genes):
        raise InputError(
            f"all {constant} genes are constant, so no gene varies (in 32 bits); check how the "
            "table was made"
        )
    cohort = xr.Dataset(
        {"expression": (("observation", "gene"), values), "state": ("observation", state)},
        coords={
            "gene": genes.to_numpy(object),
            "observation": observations.to_numpy(object),
            "label": ("observation", labels.to_numpy(object)),
        },
        attrs={"positive": positive, "constant_genes": constant},
    )
    if np.isnan(values).any():
        cohort.attrs["impute"] = impute
    if group is not None:
        cohort = cohort.assign_coords(group=("observation", _groups(group, observations)))
    return describe(cohort, "cohort")


def make_patients(
    expression: ArrayLike, gene: Sequence[str], observation: Sequence[str]
) -> xr.Dataset:
    """Check a table of patients to predict; a cohort without states, NaN where a value is missing.

    Examples
    --------
    >>> make_patients([[1, 2]], ["g1", "g2"], ["new"]).state.values
    array([-1], dtype=int8)
    """
    values = _float32(expression)
    genes, observations = pd.Index(map(str, gene)), pd.Index(map(str, observation))
    if values.shape != (len(observations), len(genes)):
        raise InputError(
            f"expression has shape {values.shape}, with {len(observations)} observations and "
            f"{len(genes)} genes; they must agree"
        )
    _check_ids(genes, observations)
    cohort = xr.Dataset(
        {
            "expression": (("observation", "gene"), values),
            "state": ("observation", np.full(len(values), -1, np.int8)),
        },
        coords={"gene": genes.to_numpy(object), "observation": observations.to_numpy(object)},
    )
    return describe(cohort, "cohort")


def check_words(name: str, words: Iterable[str]) -> None:
    """Refuse words that are no names: what no file can hold, and what lost its separators."""
    words = [*words]
    if (longest := max(map(len, words), default=0)) > LONGEST:
        raise InputError(
            f"{name} have up to {longest:,} characters, and {LONGEST} at most are names; look for "
            "a quote or a separator that is missing"
        )
    try:
        "".join(words).encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, left by a wrong decoding
        raise InputError(f"{name} hold what is no text; save the table as UTF-8") from error
    if any("\0" in word for word in words):
        raise InputError(f"{name} hold NUL characters; save the table as UTF-8 text")


def against_rest(cohort: xr.Dataset, positive: str) -> xr.Dataset:
    """Take another class of a cohort as state 1, and all others as 0; labels that are there count.

    Examples
    --------
    >>> labels, genes = list("aabbcc"), list("uvwxyz")
    >>> cohort = make_cohort(np.eye(6), labels, genes, list("123456"), positive="a")
    >>> against_rest(cohort, "b").state.values
    array([0, 0, 1, 1, 0, 0], dtype=int8)
    """
    state = _states(cohort["label"].to_series(), positive)
    changed = cohort.assign(state=cohort["state"].copy(data=state))
    return changed.assign_attrs(positive=positive)


def hide_labels(cohort: xr.Dataset, test: ArrayLike) -> xr.Dataset:
    """Return the cohort with the state of the test observations hidden (-1).

    The test labels are then nowhere in ``state``: whatever is fitted on the result cannot see them.

    Parameters
    ----------
    cohort : Dataset
    test : array of bool, shape (observation,)

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        The mask has another length.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort()
    >>> int((hide_labels(cohort, np.arange(569) < 100).state == -1).sum())
    100
    """
    expect(cohort, "cohort")
    hidden = np.asarray(test, bool)
    if hidden.shape != cohort["state"].shape:
        raise InputError(
            f"the test mask has shape {hidden.shape}, with {cohort.sizes['observation']} "
            "observations; give one True or False for each"
        )
    return cohort.assign(state=cohort["state"].where(~hidden, np.int8(-1)))


def _check_ids(genes: pd.Index, observations: pd.Index) -> None:
    """Refuse ids that are empty, no names, or not unique."""
    for name, ids in (("gene", genes), ("observation", observations)):
        check_words(f"{name} ids", ids)
        if not len(ids):
            raise InputError(f"the table has no {name}; at least one is needed")
        if (nameless := ids.str.strip() == "").any():
            raise InputError(
                f"{nameless.sum()} {name} ids are empty (first: number {nameless.argmax() + 1}); "
                "give each a name"
            )
        if ids.has_duplicates:
            repeats = ids.duplicated()
            first, second = np.flatnonzero(ids == ids[int(repeats.argmax())])[:2]
            which, remedy = f"numbers {first + 1} and {second + 1}", ""
            if name == "gene":
                which = f"{ids[first]!r}"
                remedy = ", or say duplicates='mean', 'max' or 'first'"
            raise InputError(
                f"{ids[repeats].nunique()} {name} ids occur more than once (first: {which}); "
                f"rename or drop the repeats{remedy}"
            )


def _float32(expression: ArrayLike) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # what is beyond float32 is reported as infinite
            return np.require(expression, np.float32, "W")  # a DataFrame lends what is read only
    except (TypeError, ValueError) as error:
        raise InputError("expression is not a table of numbers; convert it first") from error


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _check_finite(values: np.ndarray, genes: pd.Index, *, may_lack: bool) -> None:
    bad = np.isinf(values) if may_lack else ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        fill = "" if may_lack else ", or fill missing ones by impute='median' or impute='knn'"
        raise InputError(
            f"{int(bad.sum())} expression values are missing, infinite or beyond float32 in "
            f"{int(bad.any(axis=0).sum())} genes (first: gene {genes[column]!r}, observation "
            f"number {row + 1}); correct or drop them{fill}"
        )
    if (nothing := np.isnan(values).all(axis=1)).any():
        raise InputError(
            f"{nothing.sum()} observations have no value at all (first: number "
            f"{nothing.argmax() + 1}); leave them out"
        )


def _groups(group: ArrayLike, observations: pd.Index) -> np.ndarray:
    groups = pd.Series(group, dtype=object).map(_text).to_numpy(object)
    if groups.shape != observations.shape:
        raise InputError(
            f"{len(observations)} observations have {len(groups)} groups; give each one"
        )
    if (without := groups == "").any():
        raise InputError(
            f"{without.sum()} observations have no group (first: number "
            f"{without.argmax() + 1}); give each one, if need be of its own"
        )
    return groups


def _state(labels: pd.Series, positive: str | None) -> tuple[np.ndarray, str]:
    classes = sorted(set(labels) - {""})
    few = min(len(labels), max(7, len(labels) // 2))
    if 2 < len(classes) >= few:  # ids, not states: none of them goes into a message
        raise InputError(
            "almost every observation has a label of its own; choose the labels of two classes"
        )
    check_apart(classes)
    if positive == EACH and len(classes) > 2:
        positive = classes[0]
    elif positive is None or positive == EACH:
        if len(classes) > 2:
            raise InputError(
                f"{len(classes)} classes found ({', '.join(classes[:6])}); choose one against the "
                f"rest, for example positive={classes[0]!r} (`read_classes` takes each)"
            )
        known = find_positive(classes) if len(classes) == 2 else None
        positive = known or (classes or [""])[-1]
    elif (positive := str(positive)) not in classes:
        raise InputError(
            f"no observation has the label {positive!r}; choose among {', '.join(classes[:6])}"
        )
    if len(classes) < 2:
        raise InputError(
            f"one class only ({', '.join(classes) or 'no label at all'}); two are needed to compare"
        )
    return _states(labels, positive), positive


def _states(labels: pd.Series, positive: str) -> np.ndarray:
    """1 of a label, 0 of others, -1 of none; at least two of each."""
    state = np.where(labels == "", -1, labels == positive).astype(np.int8)
    for value, count in zip(*np.unique(state[state >= 0], return_counts=True), strict=True):
        if count < 2:
            raise InputError(
                f"{count} observation has state {value} ({positive!r} is 1); each class needs at "
                "least 2: leave it out, or take another class against the rest (positive=)"
            )
    return state
