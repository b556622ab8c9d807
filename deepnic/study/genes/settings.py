"""What a study of genes is made of, in one TOML file that says ``items = "genes"``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from deepnic.assembly import PATHS
from deepnic.assembly.canvas import TREE_SIZES, UNITS, WEIGHT_RANGES
from deepnic.config import Strict
from deepnic.study.genes.fillers import FILLERS
from deepnic.study.genes.planted import RULES
from deepnic.study.genes.tasks import TASKS
from deepnic.study.settings import CohortFile, some_of

NETWORKS = ("small", "residual", "tiles")
"""Of which the first reads every canvas."""

FAMILIES = ("distinct", "all")
"""Strengths that take every pixel of a family of combinations, see `deepnic.nic.family`."""


class GeneForest(Strict):
    """The forest of a half; see `deepnic.grow_forest`."""

    n_trees: int = Field(default=50, ge=1)
    """Trees of each gene under each condition."""
    weight_ranges: tuple[int, ...] = (3, 4, 5)
    """Weight ranges R."""
    tree_sizes: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    """Genes of a tree V."""
    subsample: float = 1.0
    """Share of each class that a tree is grown on."""
    max_bag: int | None = Field(default=None, ge=1)
    """Patients of each class that a tree is grown on at most; of many no tree may be perfect."""


class Dose(Strict):
    """Uninformative pixels among informative ones; see `deepnic.study.genes.arms.dose`."""

    doses: tuple[int, ...] = (0, 1, 4, 16)
    """Uninformative pixels, in times of the informative ones; none leaves it out."""
    pixels: int = Field(default=256, ge=4)
    """Informative pixels at most, by relevance."""
    fillers: Annotated[tuple[str, ...], some_of("fillers", FILLERS)] = ("noise",)
    """What the others hold: noise, other genes, constant."""
    held: bool = False
    """Also on canvases that are as large for every dose, filled with constant pixels."""


class GeneArms(Strict):
    """What is compared: every path with every strength of the filter and every unit."""

    paths: Annotated[tuple[str, ...], some_of("paths", PATHS)] = tuple(PATHS)
    """Paths by which pixels are laid on a canvas."""
    strengths: tuple[int | Literal["distinct", "all"], ...] = ("distinct", 1024, 256)
    """Pixels kept at most by relevance; "distinct" and "all" take the whole family."""
    units: Annotated[tuple[str, ...], some_of("units", UNITS)] = ("pixel",)
    """What is laid along a path: pixel, tile, condition."""
    networks: Annotated[tuple[str, ...], some_of("networks", NETWORKS)] = NETWORKS
    """Networks: small on every canvas; residual under the strongest filter; tiles, one for all."""
    fdr: float = Field(default=0.05, gt=0, le=1)
    """False discovery rate of the filter by relevance; 1 turns the test off."""
    closely: tuple[str, ...] = ("strength",)
    """Tasks, or planted rules, that are looked at closely: by dose, and by what networks see."""
    dose: Dose = Dose()
    """Uninformative pixels among informative ones."""


class GeneStudySettings(Strict):
    """Parameters of a study whose items are genes.

    Examples
    --------
    >>> GeneStudySettings(rules={"two genes": 3}).rules
    {'two genes': 3.0}
    """

    items: Literal["genes"] = "genes"
    """Genes; a study of observations says nothing."""
    halves: int = Field(default=5, ge=1)
    """Times that the patients of each cohort are cut in halves, groups kept together."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the halves, the forests, the parts of the genes and the arms."""
    epochs: int = Field(default=8, ge=1)
    """Of each network."""
    training_genes: int = Field(default=4000, ge=100)
    """Genes that arms learn from at most, drawn from their part."""
    judged_genes: int = Field(default=4000, ge=100)
    """Genes that arms are judged on at most, drawn from their part."""
    sampled_genes: int = Field(default=200, ge=20)
    """Genes of each part at most, for large doses, for what networks see, and to learn from on
    canvases of 59,049 combinations."""
    seeds: int = Field(default=1, ge=1)
    """Draws of what an arm draws at random: with `seed`, `seed` + 1, ..."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where networks are trained; their last digits depend on it."""
    tasks: Annotated[tuple[str, ...], some_of("tasks", TASKS)] = tuple(TASKS)
    """What is asked of a gene."""
    rules: dict[str, float] = Field(default={})
    """Strength of each rule to plant into a copy of each cohort, such as {"two genes" = 3.0}."""
    forest: GeneForest = GeneForest()
    """The forest of a half."""
    arms: GeneArms = GeneArms()
    """What is compared."""
    cohorts: dict[str, CohortFile] = Field(default={})
    """The cohorts, by name."""

    @model_validator(mode="after")
    def _fit_together(self) -> "GeneStudySettings":
        if not {*self.rules} <= {*RULES}:
            raise ValueError(f"rules are {' and '.join(RULES)}; name these")
        in_tiles = {*self.forest.tree_sizes} <= {*TREE_SIZES} and (
            {*self.forest.weight_ranges} <= {*WEIGHT_RANGES}
        )
        if not in_tiles and ("tile" in self.arms.units or "tiles" in self.arms.networks):
            raise ValueError(
                "a tile holds tree sizes 3 to 8 and weight ranges 3 to 5; choose among them in "
                "[forest], or leave tiles out of the units and networks"
            )
        if not {*self.arms.closely} <= (asked := {*self.tasks, *self.rules}):
            raise ValueError(
                f"closely names {', '.join(self.arms.closely)}; name tasks and rules of the "
                f"study: {', '.join(sorted(asked))}"
            )
        return self
