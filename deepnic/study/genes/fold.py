"""One half of a cohort's patients, to what arms learn of its genes: no label of the other half."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.analysis.gene_scores import CONTROL
from deepnic.cohort import filled, hide_labels
from deepnic.cohort.differential import simple_statistics
from deepnic.errors import InputError
from deepnic.nic import count_signatures, rop_images
from deepnic.pixels import filter_pixels
from deepnic.rop import grow_forest
from deepnic.rop.bags import group_of
from deepnic.rop.forest import provenance
from deepnic.store import open_table, write_forest, write_table
from deepnic.store.forest import read_forest
from deepnic.study.cohorts import FOLDS, draw_folds
from deepnic.study.costs import noted
from deepnic.study.genes.parts import Parts, cut_genes
from deepnic.study.genes.planted import RULES, Planted, plant
from deepnic.study.genes.settings import FAMILIES, GeneStudySettings
from deepnic.study.genes.tasks import TASKS, Halves, halve


@dataclass(frozen=True)
class GeneSplit:
    """One cut of a cohort's patients in halves, and what is asked of the genes."""

    name: str  # of the cohort
    half: int  # number of the cut
    given: xr.Dataset  # the cohort, all labels known
    other: NDArray[np.bool_]  # (observation,): the half that judges
    tasks: tuple[str, ...]  # the control alone, or the rule that is planted, or the others
    seed: int
    strength: float = 0.0  # of the rule

    @property
    def folder(self) -> Path:
        """Where its work is kept, in the study's folder."""
        return Path(FOLDS, self.name, str(self.half))

    def asked(self) -> Planted:
        """Make the cohort that is asked: as it is, with a rule in it, or the judges permuted.

        Made when its turn comes: a study has many of them.
        """
        (task, *_) = self.tasks
        if task in RULES:
            return plant(self.given, rule=task, strength=self.strength, seed=self.seed)
        if task == CONTROL:
            return Planted(permute(self.given, self.other, self.seed), None)
        return Planted(self.given, None)


@dataclass(frozen=True)
class GeneFold:
    """What the arms learn from and answer, for one task."""

    item: NDArray  # (gene,) ids of those that are asked
    truth: NDArray[np.float64]  # (gene,) 0 to 1
    state: NDArray[np.int8]  # (gene,) class to train on (of ranks, their half), -1 = to predict
    part: NDArray[np.str_]  # (gene,) training, validation or test
    ranked: bool  # truth is a rank, else 0 or 1
    directed: bool  # truth is which class is higher
    counts: xr.Dataset  # of signatures, of these genes
    statistics: pd.DataFrame  # of these genes, in the first half
    pixels: xr.Dataset | None  # kept by the weakest filter, best first
    unfiltered: str  # why there are none
    sample: NDArray[np.bool_]  # (gene,) few, for what is dear
    epochs: int
    device: str  # of the networks

    @property
    def ids(self) -> tuple[()]:
        """None: the items are no patients."""
        return ()

    @property
    def unfiltered_sample(self) -> NDArray[np.bool_]:
        """Genes (gene,) on canvases of all combinations: few to learn from, and every test gene."""
        return self.sample | (self.part == "test")

    @property
    def counts_with_states(self) -> xr.Dataset:
        """Counts, and what is known of the genes."""
        return self.counts.assign_coords(state=("gene", self.state))

    def table(self, k: int) -> xr.Dataset:
        """Pixel table of a strength of the filter: a stronger one keeps the first of a weaker one.

        An `InputError` where the filter left nothing.
        """
        if self.pixels is None:
            raise InputError(self.unfiltered)
        return self.pixels.isel(pixel=slice(k)).assign_coords(state=("item", self.state))

    def aimed(self, canvas: xr.Dataset, asked: NDArray[np.bool_]) -> xr.Dataset:
        """Canvas of some of the genes, with their ranks where these are learnt, not the states."""
        return canvas.assign_coords(target=("item", self.truth[asked])) if self.ranked else canvas

    def of(self, asked: NDArray[np.bool_]) -> "GeneFold":
        """Some of the genes."""
        if asked.all():
            return self
        return replace(
            self,
            item=self.item[asked],
            truth=self.truth[asked],
            state=self.state[asked],
            part=self.part[asked],
            counts=self.counts.isel(gene=asked),
            statistics=self.statistics[asked],
            pixels=self.pixels if self.pixels is None else self.pixels.isel(item=asked),
            sample=self.sample[asked],
        )

    def told(self, score: NDArray, predicted: NDArray) -> pd.DataFrame:
        """Rows of the genes that were asked and not trained on: item, part, truth, score."""
        judged = (self.part != "training") & ~np.isnan(score)
        return pd.DataFrame(
            {
                "item": self.item[judged],
                "part": self.part[judged],
                "truth": self.truth[judged],
                "score": np.asarray(score, np.float64)[judged],
            }
        )


def cut(cohorts: Mapping[str, xr.Dataset], settings: GeneStudySettings) -> list[GeneSplit]:
    """Every half of every cohort, as it is and with each rule: one half of all cohorts first."""
    halves = [_halve(name, cohort, settings) for name, cohort in cohorts.items()]
    named = list(cohorts.items())
    splits = []
    for half, others in enumerate(zip(*halves, strict=True)):
        for (name, cohort), other in zip(named, others, strict=True):
            split = GeneSplit(name, half, cohort, other, (), settings.seed + half)
            told = tuple(task for task in settings.tasks if task != CONTROL)
            if told:
                splits.append(replace(split, tasks=told))
            if CONTROL in settings.tasks:
                splits.append(replace(split, tasks=(CONTROL,)))
            for rule, strength in settings.rules.items():
                splits.append(replace(split, tasks=(rule,), strength=strength))
    return splits


def _halve(name: str, cohort: xr.Dataset, settings: GeneStudySettings) -> list[NDArray[np.bool_]]:
    """Draw the patients that judge, for each half; classes in proportion, groups together."""
    state = cohort["state"].values
    drawn = draw_folds(cohort, "state", folds=2, repeats=settings.halves, seed=settings.seed)
    others = [other for _, fold, other in drawn if fold == 0]
    for other in others:
        fewest = min(np.bincount(state[part], minlength=2).min() for part in (other, ~other))
        if fewest < 2:
            raise InputError(
                f"a half of {name} has {fewest} observations of a class, and needs 2; take "
                "a cohort of more, or groups that hold fewer of them"
            )
    return others


def permute(cohort: xr.Dataset, other: NDArray[np.bool_], seed: int) -> xr.Dataset:
    """Permute the states of one half among its observations."""
    rows = np.arange(len(other))
    rows[other] = np.random.default_rng([seed, other.sum()]).permutation(rows[other])
    names = ("state", "label")
    return cohort.assign(
        {name: cohort[name].copy(data=cohort[name].values[rows]) for name in names}
    )


class Half:
    """A cut of a cohort's patients: its forest, and a fold for each task."""

    def __init__(self, split: GeneSplit, settings: GeneStudySettings, folder: Path):
        self.split, self.settings, self.folder = split, settings, folder
        folder.mkdir(parents=True, exist_ok=True)
        cohort, self.planted = split.asked()
        hidden = filled(hide_labels(cohort, split.other)).drop_vars("label")
        # what is the same once labels are hidden has one forest, the control's of permuted labels
        # too: a leak of labels would make another
        everything = np.arange(hidden.sizes["gene"])
        digest = provenance(hidden, everything, group_of(hidden))["input_sha256"]
        store = folder / f"forest-{str(digest)[:16]}.zarr"
        forest = settings.forest.model_dump()
        with noted(store.with_suffix(".json")):
            write_forest(grow_forest(hidden, seed=settings.seed, **forest), store)
        self.forest = read_forest(store)
        self.counts = count_signatures(self.forest)
        self.halves: Halves = halve(cohort, split.other)
        self.gene = cohort["gene"].values
        expression, state = np.nan_to_num(cohort["expression"].values), cohort["state"].values
        self.parts: Parts = cut_genes(expression, state, seed=split.seed)
        self.statistics = simple_statistics(self.halves.expression[0], self.halves.state[0])

    def fold(self, task: str) -> GeneFold:
        """Ask a task of some genes of each part."""
        truth, ranked = self._truth(task)
        chosen, sample = self._draw(~np.isnan(truth))
        part, item = self.parts.part[chosen], self.gene[chosen]
        state = np.where(part == "training", truth[chosen] > 0.5, -1).astype(np.int8)
        pixels, unfiltered = self._filtered(task, item, state)
        return GeneFold(
            item=item,
            truth=truth[chosen],
            state=state,
            part=part,
            ranked=ranked,
            directed=task == "direction",
            counts=self.counts.isel(gene=chosen),
            statistics=self.statistics.iloc[chosen],
            pixels=pixels,
            unfiltered=unfiltered,
            sample=sample,
            epochs=self.settings.epochs,
            device=self.settings.device,
        )

    def _truth(self, task: str) -> tuple[NDArray[np.float64], bool]:
        if self.planted is None:
            return TASKS[task].of(self.halves), TASKS[task].ranked
        return np.where(self.planted < 0, np.nan, self.planted), False

    def _draw(self, asked: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Some genes of each part, in the cohort's order; and fewer of them, for large canvases."""
        settings = self.settings
        most = {"training": settings.training_genes}
        rng = np.random.default_rng([settings.seed, self.split.half])
        drawn = [
            rng.permutation(np.flatnonzero(asked & (self.parts.part == part)))[
                : most.get(part, settings.judged_genes)
            ]
            for part in ("training", "validation", "test")
        ]
        chosen = np.sort(np.concatenate(drawn))
        few = np.concatenate([genes[: settings.sampled_genes] for genes in drawn])
        return chosen, np.isin(chosen, few)

    def _filtered(self, task: str, item: NDArray, state: NDArray) -> tuple[xr.Dataset | None, str]:
        """Pixels kept by the weakest filter that an arm asks for; or none, and why."""
        arms = self.settings.arms
        numbers = [int(k) for k in arms.strengths if k not in FAMILIES]
        if task in arms.closely and arms.dose.doses:
            numbers.append(arms.dose.pixels)
        path = self.folder / f"{task}.zarr"
        try:
            if numbers and not path.exists():
                with noted(self.folder / f"{task}.json"):
                    images = rop_images(self.forest, family="distinct", genes=item.tolist())
                    write_table(filter_pixels(images, state, k=max(numbers), fdr=arms.fdr), path)
        except InputError as error:
            return None, str(error)
        if not numbers:
            return None, "no arm asks for pixels that are filtered"
        return open_table(path), ""
