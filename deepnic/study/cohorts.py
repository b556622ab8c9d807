"""The cohorts of a study: read, permuted, joined for a transfer, and cut into folds."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from deepnic.cohort import hide_labels, make_cohort, read_classes
from deepnic.cohort.demo import BUNDLED
from deepnic.cohort.holdout import cut_folds
from deepnic.errors import InputError
from deepnic.files import folder_names
from deepnic.study.settings import CohortFile, StudySettings, Transfer
from deepnic.variables import expect


class NamesCohorts(Protocol):
    """Settings that name cohorts."""

    cohorts: dict[str, CohortFile]

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """Return the same with some values replaced."""


S = TypeVar("S", bound=NamesCohorts)

FOLDS = "folds"  # folder of them in a study's, so that a cohort may have any name


@dataclass(frozen=True)
class Split:
    """One outer fold of a cohort."""

    name: str  # of the cohort, or TRAIN-to-TEST
    permutation: int  # -1 = the true labels
    repeat: int
    fold: int
    cohort: xr.Dataset  # all labels known
    test: NDArray[np.bool_]  # (observation,): what is to be predicted

    @property
    def folder(self) -> Path:
        """Where its work is kept, in the study's folder."""
        permuted = [] if self.permutation < 0 else [f"permuted-{self.permutation}"]
        return Path(FOLDS, self.name, *permuted, f"{self.repeat}-{self.fold}")

    @property
    def hidden(self) -> xr.Dataset:
        """The cohort without the test labels, in any form: all that a fold is made of."""
        return hide_labels(self.cohort, self.test).drop_vars("label", errors="ignore")


def read_cohorts(settings: S) -> tuple[dict[str, xr.Dataset], S]:
    """Read the cohorts that the settings name; see `deepnic.read_cohort` for the errors.

    One of more than two classes of which none is named is read as a cohort of each class against
    the rest, NAME CLASS; the settings that are returned name these.
    """
    cohorts, sources = {}, {}
    read = cache(_read)
    for name, source in settings.cohorts.items():
        if source.one_of:  # of settings that were returned before: its file is read once again
            whole = source.model_copy(update={"positive": None, "one_of": None, "epochs": None})
            label, classes = str(source.positive), read(whole)
            cohort = (classes if label in classes else _read(source))[label]
            cohorts[name], sources[name] = cohort.assign_attrs(one_of=source.one_of), source
            continue
        classes = read(source)
        if len(classes) == 1:
            (cohorts[name],), sources[name] = classes.values(), source
            continue
        names = folder_names([f"{name} {label}" for label in classes], otherwise="cohort")
        for one, (label, cohort) in zip(names, classes.items(), strict=True):
            sources[one] = source.model_copy(update={"positive": label, "one_of": name})
            cohorts[one] = cohort.assign_attrs(one_of=name)
    return cohorts, settings.model_copy(update={"cohorts": sources})


def _read(source: CohortFile) -> dict[str, xr.Dataset]:
    """Cohorts by the label that is state 1 in them."""
    if bundled := BUNDLED.get(str(source.file)):
        cohort = bundled()
        return {cohort.attrs["positive"]: cohort}
    return read_classes(source.file, **source.model_dump(exclude={"file", "epochs", "one_of"}))


def check_cohorts(
    cohorts: xr.Dataset | Mapping[str, xr.Dataset], folds: int, transfers: Sequence[Transfer] = ()
) -> dict[str, xr.Dataset]:
    """Return the labelled observations of each cohort by name; a lone one is named "cohort".

    Raises
    ------
    InputError
        No cohort, a name that is no folder's, too few observations for the folds, or a transfer
        between cohorts that there are not.
    """
    named = {"cohort": cohorts} if isinstance(cohorts, xr.Dataset) else dict(cohorts)
    if not named:
        raise InputError("the study has no cohort; name one under [cohorts.NAME]")
    for name, cohort in named.items():
        if not re.fullmatch(r"\w([\w .-]*[\w-])?", name):
            raise InputError(
                f"a cohort is named {name!r}; take letters, numbers, space, -, _ and . inside"
            )
        expect(cohort, "cohort")
        named[name] = cohort = cohort.sel(observation=cohort["state"] >= 0)
        parts = {"observations of each class": np.bincount(cohort["state"].values, minlength=2)}
        if "group" in cohort.coords:
            parts["groups"] = np.array([len(np.unique(cohort["group"].values))])
        for what, counts in parts.items():
            if counts.min() < folds:
                raise InputError(
                    f"{folds} folds need as many {what}, and {name} has {counts.min()} "
                    f"{'of the rarer one' if len(counts) > 1 else 'of them'}; take fewer folds"
                )
    folders = [*named, *(f"{one.train}-to-{one.test}" for one in transfers)]
    for k, name in enumerate(folders):  # some file systems take a and A for the same
        if name.casefold() in map(str.casefold, folders[:k]):
            raise InputError(
                f"two cohorts or transfers of the study would be kept as {name!r}; name them apart"
            )
    for transfer in transfers:
        names = (transfer.train, transfer.test)
        if not set(names) <= set(named) or transfer.train == transfer.test:
            raise InputError(
                f"a transfer goes from {names[0]!r} to {names[1]!r}; give it two cohorts of the "
                f"study: {', '.join(named)}"
            )
        join(named, transfer.train, transfer.test)
    return named


def cut(cohorts: Mapping[str, xr.Dataset], settings: StudySettings) -> Iterator[Split]:
    """Cut every cohort into folds, and every transfer into its one; then under permuted labels.

    The folds are the same whatever the arms. Another permutation tells more of a leak than another
    repeat of the same one, so each is cut once.
    """
    for permutation in range(-1, settings.permutations):
        given, repeats = dict(cohorts), settings.repeats
        if permutation >= 0:
            seed, repeats = [settings.seed, permutation], 1
            # classes of one cohort apart, so that the controls are independent
            of_one = {name: [k] for k, name in enumerate(given) if "one_of" in given[name].attrs}
            given = {name: permute(one, seed + of_one.get(name, [])) for name, one in given.items()}
        for name, cohort in given.items():
            # the same of whichever class is against the rest, so that their networks can be joined
            classes = "label" if "one_of" in cohort.attrs else "state"
            how = {"folds": settings.folds, "repeats": repeats, "seed": settings.seed}
            for repeat, fold, test in draw_folds(cohort, classes, **how):
                yield Split(name, permutation, repeat, fold, cohort, test)
        for transfer in settings.transfers:
            both, test = join(given, transfer.train, transfer.test)
            name = f"{transfer.train}-to-{transfer.test}"
            yield Split(name, permutation, 0, 0, both, test)


def permute(cohort: xr.Dataset, seed: list[int]) -> xr.Dataset:
    """Give the labels of the observations to other observations.

    Groups of one label each change it with each other, as a whole; where all groups hold the same
    share of each, such as a patient's tumour and normal tissue, labels change places within them.
    Otherwise they go to any observation: if some groups kept more of a label than others, as pairs
    beside tumours without a pair, whatever tells these groups apart would tell labels too, and
    chance would not be a half.

    Examples
    --------
    >>> rows = {"state": ("observation", [0, 0, 1, 1]), "label": ("observation", [*"nntt"])}
    >>> cohort = xr.Dataset(rows, coords={"group": ("observation", [*"aabb"])})
    >>> {"".join(permute(cohort, [seed])["label"].values) for seed in range(20)} == {"nntt", "ttnn"}
    True
    """
    rng = np.random.default_rng(seed)
    if "group" in cohort.coords:
        order = _order_of_groups(cohort["group"].values, cohort["label"].values, rng)
    else:
        order = rng.permutation(cohort.sizes["observation"])
    names = ("state", "label")
    return cohort.assign({name: ("observation", cohort[name].values[order]) for name in names})


def _order_of_groups(
    group: NDArray[np.object_], label: NDArray[np.object_], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Whose label each observation is given."""
    rows = [np.flatnonzero(group == name) for name in dict.fromkeys(group)]
    shares = {tuple(np.mean(label[one] == name) for name in np.unique(label)) for one in rows}
    order = np.arange(len(group))
    if len(shares) == 1:
        for one in rows:
            order[one] = rng.permutation(one)
    elif all(set(share) == {0, 1} for share in shares):
        for one, other in zip(rows, rng.permutation(len(rows)), strict=True):
            order[one] = rows[other][0]
    else:
        order = rng.permutation(order)
    return order


def join(
    cohorts: Mapping[str, xr.Dataset], train: str, test: str
) -> tuple[xr.Dataset, NDArray[np.bool_]]:
    """Put two cohorts of the same genes together, each standardised gene by gene by itself.

    Raises
    ------
    InputError
        They have no gene in common, or different labels are state 1.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort()
    >>> halves = {"a": cohort.isel(observation=slice(300)), "b": cohort.isel(gene=slice(9))}
    >>> both, test = join(halves, "a", "b")
    >>> both.expression.shape, int(test.sum())
    ((869, 9), 569)
    """
    parts = {name: cohorts[name] for name in (train, test)}
    genes = [gene for gene in parts[train]["gene"].values if gene in parts[test].indexes["gene"]]
    positive = {str(part.attrs["positive"]) for part in parts.values()}
    if not genes or len(positive) > 1:
        what = "have no gene in common" if not genes else f"call state 1 {' and '.join(positive)}"
        raise InputError(
            f"{train} and {test} {what}; transfer between cohorts of the same genes and labels"
        )
    both = make_cohort(
        np.concatenate([_standardised(part.sel(gene=genes)) for part in parts.values()]),
        np.concatenate([part["label"].values for part in parts.values()]),
        genes,
        [f"{name}: {one}" for name, part in parts.items() for one in part["observation"].values],
        positive=positive.pop(),
        impute=next(
            (part.attrs["impute"] for part in parts.values() if "impute" in part.attrs), None
        ),
    )
    if any("group" in part.coords for part in parts.values()):
        groups = [
            f"{name}: {one}"
            for name, part in parts.items()
            for one in part.get("group", part["observation"]).values
        ]
        both = both.assign_coords(group=("observation", np.array(groups, object)))
    sizes = [part.sizes["observation"] for part in parts.values()]
    source = " to ".join(str(part.attrs.get("source", "memory")) for part in parts.values())
    return both.assign_attrs(source=source), np.repeat([False, True], sizes)


def _standardised(cohort: xr.Dataset) -> NDArray[np.float64]:
    """Values less the mean of their gene, over its standard deviation; 0 for a constant gene."""
    values = cohort["expression"].values.astype(np.float64)
    with warnings.catch_warnings(action="ignore"):  # of genes without a value, or with one
        spread, mean = np.nanstd(values, axis=0, ddof=1), np.nanmean(values, axis=0)
    spread[np.fmax.reduce(values) == np.fmin.reduce(values)] = np.inf
    return (values - mean) / spread


def draw_folds(
    cohort: xr.Dataset, classes: str, *, folds: int, repeats: int, seed: int
) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """Repeat, fold and test observations of repeated k-fold cross-validation.

    Each fold has the ``classes``, a variable of the cohort, in proportion; groups stay together.
    """
    state, group = cohort[classes].values, cohort.get("group")
    draws = np.random.RandomState(seed)
    for repeat in range(repeats):
        for fold, rows in enumerate(cut_folds(state, group, folds, draws)):
            yield repeat, fold, np.isin(np.arange(state.size), rows)
