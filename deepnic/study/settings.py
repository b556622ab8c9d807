"""What a study is made of."""

from dataclasses import dataclass

from deepnic.assembly import PATHS
from deepnic.errors import InputError


@dataclass(frozen=True)
class StudySettings:
    """Parameters of a study; the defaults take minutes on two cores for a cohort of 60.

    Attributes
    ----------
    paths : tuple of str
        Assemblies compared.
    folds, repeats : int
        Repeated stratified k-fold cross-validation.
    seeds : int
        Networks trained for each path and fold, with seeds 0, 1, ...
    n_genes : int or None
        Genes chosen in the training fold by F-test; None takes all.
    n_trees, weight_ranges, tree_sizes, subsample
        As in `deepnic.grow_forest`. A training observation is judged by a share 1 - subsample of
        the trees and a new one by all of them: the smaller the share grown on, the more alike
        their images.
    k, fdr
        As in `deepnic.filter_pixels`.
    epochs : int
        Of each network.
    permute : bool
        Permute the labels first: a control in which every arm must come out at chance.
    workers : int
        After the comparison, train the best assembly once more on the first fold, data-parallel on
        so many Ray workers; 0 leaves it out.
    seed : int
        Of folds, forest, mazes and permutation.

    Examples
    --------
    >>> StudySettings(folds=1)
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: folds is 1; give at least 2
    """

    paths: tuple[str, ...] = tuple(PATHS)
    folds: int = 5
    repeats: int = 1
    seeds: int = 1
    n_genes: int | None = 200
    n_trees: int = 20
    weight_ranges: tuple[int, ...] = (3, 4, 5)
    tree_sizes: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    subsample: float = 0.5
    k: int = 1024
    fdr: float | None = 0.05
    epochs: int = 40
    permute: bool = False
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        lowest = {"folds": 2, "repeats": 1, "seeds": 1, "epochs": 1, "workers": 0}
        lowest["k"] = 4  # DeepInsight's placement takes as many
        for name, low in lowest.items():
            if getattr(self, name) < low:
                raise InputError(f"{name} is {getattr(self, name)}; give at least {low}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed is {self.seed}; give an integer from 0 to 2**32 - 1")
        largest = max(self.tree_sizes, default=0)
        if self.n_genes is not None and self.n_genes < largest:
            raise InputError(
                f"n_genes is {self.n_genes}, fewer than the {largest} genes of the largest tree; "
                "choose more genes or smaller tree_sizes"
            )
        if not self.paths or len(set(self.paths)) < len(self.paths):
            raise InputError(f"paths is {self.paths}; give at least one, and none twice")
        for path in self.paths:
            if path not in PATHS:
                raise InputError(f"unknown path {path!r}; choose from {', '.join(PATHS)}")
