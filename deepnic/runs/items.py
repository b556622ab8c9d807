"""What a run learns from: observations with their labels, or genes and labels made for them."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.cohort import read_cohort
from deepnic.cohort.holdout import draw_stratified
from deepnic.cohort.noted import read_noted
from deepnic.errors import InputError
from deepnic.nic import count_signatures
from deepnic.rop.origin import ORIGIN, check_cohort
from deepnic.runs.config import Clusters, LabelTable, Replication, TrainConfig
from deepnic.runs.gene_labels import (
    GeneLabels,
    check_grown_from,
    cluster_labels,
    replication_labels,
    table_labels,
)
from deepnic.store import open_classes
from deepnic.variables import kind_of

logger = logging.getLogger("deepnic.train")


class Items(NamedTuple):
    """What is learnt from."""

    name: str  # what the items are: observations or genes
    source: xr.Dataset  # pixel table or counts of signatures, with state: -1 = held out, or a part
    truth: NDArray[np.int64]  # true states of all items, -1 where unknown
    classes: tuple[str, ...]
    facts: pd.DataFrame | None = None  # of each gene without images, in the replication task
    others: tuple[xr.Dataset, ...] = ()  # of cross-fitted images the other pipelines' tables

    @property
    def tables(self) -> list[xr.Dataset]:
        """Of all pipelines."""
        return [self.source, *self.others]


def read_items(config: TrainConfig) -> Items:
    """Open the source of a run and label its items."""
    ((source, *others),) = open_classes(config.data.source).values()
    if "label" in source.coords and kind_of(source) == "table":  # only observations bring theirs
        return _observations(source, others, config)
    if others:
        raise InputError(
            f"{config.data.source} is a group of parts of the patients, which is for tables of "
            "observations; make such by `deepnic pixels`, or grow one store for images of genes"
        )
    if kind_of(source) == "forest":
        return _genes_of_forest(source, config)
    return _genes_of_table(source, config)


def _observations(table: xr.Dataset, others: Sequence[xr.Dataset], config: TrainConfig) -> Items:
    """Observations of state -1 in all tables were held out when the forests grew."""
    if config.labels is not None:
        raise InputError(
            f"{config.data.source} holds observations, which bring their own labels; "
            "leave [labels] out"
        )
    label = table["label"].values.astype(object)  # Zarr gives strings a type of their own
    truth = np.where(label == "", -1, label == table.attrs["positive"]).astype(np.int64)
    if not others:
        logger.info(
            "the images to learn from are of patients whose own labels chose their pixels, so that "
            "they look better than a new patient's; `deepnic grow --parts 5` makes such as a new "
            "patient has"
        )
    return Items("observations", table, truth, class_names(table), others=tuple(others))


def class_names(table: xr.Dataset) -> tuple[str, str]:
    """Labels of states 0 and 1 of a table of observations."""
    positive = table.attrs["positive"]
    rest = sorted({*table["label"].values.astype(object)} - {"", positive})
    return rest[0] if len(rest) == 1 else f"not {positive}", positive


def read_again(config: TrainConfig, items: Items) -> list[xr.Dataset] | None:
    """Read the cohort of each pipeline again, for the trees of its pixels to be kept.

    Where none is named and it is not any more as it was, there is none, and a line says so.
    """
    named = config.data.cohort
    if items.name != "observations":
        if named is not None:
            raise InputError("cohort= is for tables of observations; leave it out")
        return None
    try:
        cohort = read_noted(items.source, named)
        if cohort is None:
            return None
        cohorts = [cohort] * len(items.tables)
        if cohort.sizes["observation"] == items.source.sizes["item"]:
            states = [table["state"].values for table in items.tables]
            cohorts = [cohort.assign(state=("observation", state)) for state in states]
        for one, table in zip(cohorts, items.tables, strict=True):
            if (origin := table.attrs.get(ORIGIN)) is None:
                raise InputError("the store does not say what it was grown on; grow it anew")
            check_cohort(one, origin)
    except InputError as error:
        if named is not None:
            raise
        logger.info("the checkpoint will hold no trees, and predict from stores only: %s", error)
        return None
    return cohorts


def _genes_of_forest(forest: xr.Dataset, config: TrainConfig) -> Items:
    """Genes of a store, seen through the counts of their signatures."""
    labels = _labels(forest, config)
    counts = count_signatures(forest).compute()
    counts = counts.assign_coords(state=("gene", _hidden(labels.state, config)))
    return Items("genes", counts, labels.state, labels.classes, labels.facts)


def _genes_of_table(table: xr.Dataset, config: TrainConfig) -> Items:
    """Genes of a table of filtered pixels; only a table can label them."""
    if not isinstance(config.labels, LabelTable):
        raise InputError(
            f"{config.data.source} holds genes without classes; give a table of observations, or "
            'label the genes by a configuration with [labels] kind = "table"'
        )
    labels = table_labels(config.labels.file, table["item"].values.tolist())
    table = table.assign_coords(state=("item", _hidden(labels.state, config)))
    return Items("genes", table, labels.state, labels.classes)


def _labels(forest: xr.Dataset, config: TrainConfig) -> GeneLabels:
    match config.labels:
        case Replication() as wanted:
            cohort = read_cohort(
                wanted.cohort,
                state=wanted.state,
                positive=wanted.positive,
                log2=wanted.log2,
                pseudonymise=wanted.pseudonymise,
            )
            labels = replication_labels(cohort, forest, fdr=wanted.fdr)
            check_grown_from(cohort, forest)  # last: it cannot say what differs
            return labels
        case Clusters() as wanted:
            return cluster_labels(forest, n_clusters=wanted.n_clusters, seed=config.training.seed)
        case LabelTable() as wanted:
            return table_labels(wanted.file, forest["gene"].values.tolist())
    raise InputError(
        f"{config.data.source} holds genes without classes; label them by a configuration with "
        '[labels] kind = "replication", "clusters" or "table", or give a table of observations'
    )


def _hidden(truth: NDArray[np.int64], config: TrainConfig) -> NDArray[np.int8]:
    """States of the genes, those of the test genes hidden: a share of each class."""
    assert config.labels is not None
    share = config.labels.test
    test = draw_stratified(truth, share, config.training.seed)
    for part, use in ((~test, "learn from"), (test, "test on")):
        lacking = np.setdiff1d(truth[truth >= 0], truth[part])
        if lacking.size:
            raise InputError(
                f"with a share of {share}, class {lacking[0]} has no item to {use}; choose another "
                "share, or label more items"
            )
    return np.where(test, -1, truth).astype(np.int8)
