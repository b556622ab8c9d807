"""What a study is made of, in one TOML file."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from deepnic.assembly import PATHS
from deepnic.assembly.canvas import TREE_SIZES, UNITS, WEIGHT_RANGES
from deepnic.assembly.cross_fitted import PARTS
from deepnic.columns import NO_FILTER
from deepnic.config import Strict


def _differ(values: Sequence[Any]) -> bool:
    return 0 < len(values) == len(set(values))


def some_of(what: str, allowed: Collection[str]) -> AfterValidator:
    """Check that values are of those allowed, at least one, and none twice."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not _differ(values) or not set(values) <= {*allowed}:
            raise ValueError(
                f"{what} are {', '.join(allowed)}; name at least one of them, and none twice"
            )
        return values

    return AfterValidator(check)


def importable(what: str, *also: str) -> AfterValidator:
    """Check that names are "module:function", or one of those that need no module."""
    words = "".join(f"{name}, or " for name in also)

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name in also or re.fullmatch(r"\w+(\.\w+)*:\w+", name) for name in names):
            raise ValueError(
                f'{what} are named {words}"module:function", such as "our_models:tabular"'
            )
        return names

    return AfterValidator(check)


class CohortFile(Strict):
    """A cohort to read; see `deepnic.read_cohort`. Files are relative to the TOML file."""

    file: Path
    """Table, or the name of a bundled cohort."""
    state: str | None = None
    """Column that holds the state; of GEO, a line, key or LINE~REGEX."""
    positive: str | None = None
    """Label that is state 1, against all others; left out, each of more than two is studied."""
    log2: bool = False
    """Take log2 of linear intensities."""
    groups: str | None = None
    """Column of what stays together in folds and bags, such as patients."""
    labels: Path | None = None
    """Table of states apart, matched by id."""
    genes_in: str | None = None
    """Where the genes are, if that is unclear: rows or columns."""
    genes: str | None = None
    """Which columns are genes: a regular expression, or a file."""
    genes_from: str | None = None
    """Column that names the genes, of one row a gene."""
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    duplicates: str | None = None
    """Genes of one name: mean, max or first."""
    impute: str | None = None
    """Missing values: median or knn, fitted in the fold."""
    annotation: Path | None = None
    """Table of gene ids, such as probe sets, and symbols."""
    layer: str | None = None
    """Of an .h5ad, the layer to read, or raw; left out, X."""
    pseudonymise: bool | Path = False
    """Put keyed hashes in the place of patients' ids; true, or the file of the key."""
    one_of: str | None = None
    """The cohort of which this is one class against the rest, where more than two are studied."""
    epochs: int | None = Field(default=None, ge=1)
    """Of its networks, in the place of the study's."""


class Transfer(Strict):
    """All of a cohort trains and all of another is predicted."""

    train: str
    """Name of the cohort that trains."""
    test: str
    """Name of the cohort that is predicted."""


class Forest(Strict):
    """The forest of a fold; see `deepnic.grow_forest`.

    One is grown without the labels of each part of the training observations, and all of its trees
    judge those of the part and new ones alike. Genes are chosen for each by itself.
    """

    n_genes: int = Field(default=200, ge=0)
    """Genes, chosen in the training fold; 0 takes all."""
    chosen_by: Literal["f-test", "variance"] = "f-test"
    """How genes are chosen: f-test or variance."""
    n_trees: int = 20
    """Trees of each gene under each condition."""
    weight_ranges: tuple[int, ...] = (3, 4, 5)
    """Weight ranges R."""
    tree_sizes: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    """Genes of a tree V."""
    subsample: float = 0.5
    """Share of each class that a tree is grown on."""
    max_bag: int | None = Field(default=None, ge=1)
    """Observations of each class that a tree is grown on at most."""


class Arms(Strict):
    """What is compared: every path with every strength of the filter and every unit."""

    paths: Annotated[tuple[str, ...], some_of("paths", PATHS)] = tuple(PATHS)
    """Paths by which pixels are laid on a canvas."""
    strengths: tuple[int | str, ...] = (NO_FILTER, 1024, 256)
    """Pixels kept at most by relevance; "none" takes those that vary most."""
    unfiltered: int = Field(default=1024, ge=4)
    """Pixels at most without a filter by relevance."""
    units: Annotated[tuple[str, ...], some_of("units", UNITS)] = ("pixel",)
    """What is laid along a path: pixel, tile, condition."""
    fdr: float = Field(default=0.05, gt=0, le=1)
    """False discovery rate of the filter by relevance; 1 turns the test off."""
    classifiers: Annotated[tuple[str, ...], importable("classifiers")] = ()
    """More classifiers on expression, as "module:function": each returns one like scikit-learn's,
    with a random_state of its own if it draws."""
    networks: Annotated[tuple[str, ...], importable("networks", "residual")] = ()
    """More networks on the canvases of the first path: residual, or "module:function"."""
    averaged: int = Field(default=1, ge=1)
    """Small networks of other seeds on these canvases, whose mean is one more arm; 1 leaves it
    out."""
    one_forest: bool = False
    """The first path also on images of one forest of all training observations, which are shown by
    the trees that left them out: no cross-fitting, the same rule for probabilities."""
    pretrained: str = ""
    """Networks of other cohorts, which are not trained: "pretrained", those that come with deepnic,
    or a file of `deepnic pretrain`; left out, there is no such arm."""

    @field_validator("strengths")
    @classmethod
    def _usable_strengths(cls, strengths: tuple[int | str, ...]) -> tuple[int | str, ...]:
        numbers = [k for k in strengths if k != NO_FILTER]
        if any(isinstance(k, str) or k < 4 for k in numbers) or not _differ(strengths):
            raise ValueError(
                f'strengths are "{NO_FILTER}" or numbers of pixels, from 4 (DeepInsight\'s '
                "placement takes as many); name at least one, and none twice"
            )
        return strengths

    @field_validator("networks")
    @classmethod
    def _networks_of_different_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or _differ([name.rpartition(":")[2] for name in names]):
            return names
        raise ValueError("two networks would be called the same; name the function of one anew")


class Goal(Strict):
    """What a study is to show, named before it is run: all else it tells is description.

    Over the cohorts the image arm is not worse by the margin than the classical one in balanced
    accuracy and AUROC, and better in the Brier score; see `deepnic.analysis.goal`.
    """

    image: str
    """Name of one arm with images, such as "snail, 256 pixels"."""
    classical: str
    """Name of one arm without, such as "logistic regression"."""
    margin: float = Field(default=0.03, gt=0, lt=0.5)
    """By how much it may be worse, as a share."""


class StudySettings(Strict):
    """Parameters of a study; the defaults take minutes on two cores for a cohort of 60.

    Each is explained by `deepnic study --init study.toml`, which writes them with their defaults.

    Examples
    --------
    >>> from deepnic.config import checked
    >>> checked(StudySettings, {"folds": 1})
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: folds is 1, but it should be greater than or equal to 2
    """

    folds: int = Field(default=5, ge=2)
    """Folds of the stratified cross-validation of each cohort; groups stay together."""
    repeats: int = Field(default=1, ge=1)
    """Times that a cohort is cut into folds anew."""
    parts: int = Field(default=PARTS, ge=2)
    """Parts of a training fold, at most; images of each are made by trees that saw the others."""
    seeds: int = Field(default=1, ge=1)
    """Draws of what an arm draws at random (weights, maze, t-SNE, random places): with `seed`,
    `seed` + 1, ..."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the folds, the forests and the permutations, and the first of the arms."""
    permutations: int = Field(default=0, ge=0)
    """The study so many times more, with the labels of each cohort permuted and one repeat: a
    control in which every arm must come out at chance; from 10 on it finds small leaks too."""
    epochs: int = Field(default=40, ge=1)
    """Of each network; a large cohort takes as many steps in fewer, and its table may say so."""
    data_parallel: int = Field(default=0, ge=0)
    """After the comparison, train the best assembly once more on the first fold, on so many
    workers; 0 leaves it out."""
    forest: Forest = Forest()
    """The forest of a fold."""
    arms: Arms = Arms()
    """What is compared."""
    goal: Goal | None = None
    """Two arms named beforehand, such as {image = "snail, 256 pixels", classical = "3-NN"}."""
    cohorts: dict[str, CohortFile] = Field(default={})
    """The cohorts, by name."""
    transfers: tuple[Transfer, ...] = ()
    """Between cohorts by their names, such as {train = "a", test = "b"} in brackets."""

    def of_cohort(self, name: str) -> "StudySettings":
        """Return the settings as they are for one cohort, or for a transfer."""
        epochs = self.cohorts[name].epochs if name in self.cohorts else None
        return self.model_copy(update={"epochs": epochs or self.epochs})

    @model_validator(mode="after")
    def _fit_together(self) -> "StudySettings":
        forest = self.forest
        largest = max(forest.tree_sizes, default=0)
        if 0 < forest.n_genes < largest:
            raise ValueError(
                f"n_genes is {forest.n_genes} in [forest], fewer than the {largest} genes of the "
                "largest tree; choose more genes or smaller tree_sizes"
            )
        in_tiles = set(forest.tree_sizes) <= {*TREE_SIZES} and (
            set(forest.weight_ranges) <= {*WEIGHT_RANGES}
        )
        if "tile" in self.arms.units and not in_tiles:
            raise ValueError(
                "a tile holds tree sizes 3 to 8 and weight ranges 3 to 5; choose among them in "
                '[forest], or leave "tile" out of the units'
            )
        return self
