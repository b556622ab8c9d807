"""What the genes are called: labels to learn genes by, and the genes to test on."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from deepnic.cohort import filled, hide_labels
from deepnic.cohort.differential import welch
from deepnic.cohort.readers.text import read_labels
from deepnic.errors import InputError
from deepnic.nic import rop_images
from deepnic.rop.bags import grouped
from deepnic.rop.forest import provenance
from deepnic.variables import COHORT, FOREST, validate


class GeneLabels(NamedTuple):
    """Classes of genes."""

    state: NDArray[np.int64]  # (gene) 0 .. number of classes - 1, or -1 for a gene without label
    classes: tuple[str, ...]
    facts: pd.DataFrame | None = None  # what else is known of each gene, indexed by gene


def replication_labels(cohort: xr.Dataset, forest: xr.Dataset, *, fdr: float = 0.05) -> GeneLabels:
    """Label the genes that differ between the classes in the half that the forest has not seen.

    A gene replicates (1) if it passes Welch's t test, with Benjamini and Hochberg's control over
    the genes of the forest, among the observations whose state was held out when the forest was
    grown. Observations of unknown state are in neither half. `cohort` has all true states. Facts:
    ``first_half_t``, the absolute t in the half that the forest was grown on, which would rank the
    genes without images; ``other_half_p`` and ``other_half_q``, the p value in the other half and
    the lowest `fdr` at which the gene passes. Genes without spread: see `welch`.
    """
    if not 0 < fdr < 1:
        raise InputError(f"fdr is {fdr}, but must lie between 0 and 1; 0.05 is usual")
    expression, state, grown_on = _aligned(cohort, forest)
    halves = {"first": grown_on, "other": ~grown_on & (state >= 0)}
    if not halves["other"].any():
        raise InputError(
            "the forest was grown on all observations of known state, so no other half is left; "
            "grow it with --hold-out 0.5"
        )
    tests = {}
    for name, half in halves.items():
        for value, count in enumerate(np.bincount(state[half], minlength=2)):
            if count < 2:
                raise InputError(
                    f"{count} observations of the {name} half have state {value}, and a test "
                    "needs 2 of each; grow a forest with another --hold-out"
                )
        tests[name] = welch(expression[half], state[half])
    t, p = np.abs(tests["first"][0]), tests["other"][1]
    q = stats.false_discovery_control(p)
    passing = q <= fdr
    if passing.all() or not passing.any():
        raise InputError(
            f"{passing.sum()} of {len(q)} genes replicate at fdr={fdr}, which leaves nothing to "
            f"learn; {'lower' if passing.all() else 'raise'} it"
        )
    facts = pd.DataFrame(
        {"first_half_t": t, "other_half_p": p, "other_half_q": q},
        index=pd.Index(forest["gene"].values, name="gene"),
    )
    return GeneLabels(passing.astype(np.int64), ("not replicating", "replicating"), facts)


def check_grown_from(cohort: xr.Dataset, forest: xr.Dataset) -> None:
    """Refuse a cohort that differs from what a forest was grown on, be it only by `log2`."""
    genes = cohort.indexes["gene"].get_indexer(forest.indexes["gene"])
    hidden = cohort.assign(state=("observation", forest["state"].values))
    given = provenance(hidden, genes, grouped(hidden, forest.attrs))
    if given["input_sha256"] != forest.attrs["input_sha256"]:
        raise InputError(
            "the cohort is not what the forest was grown on; give the same file, read in the same "
            "way (log2, state, positive, groups)"
        )


def cluster_labels(forest: xr.Dataset, *, n_clusters: int = 3, seed: int = 0) -> GeneLabels:
    """Label genes by the cluster of their base images, clusters in order of size (largest first).

    Of two of a size, the one whose first gene comes first. As published: K-means (scikit-learn's,
    the best of ten starts; that is ours) of the 30 images under all conditions, undefined pixels
    taken as 0. The labels are made of what is then learnt, so a network that finds them again says
    nothing of genes; kept for comparison.
    """
    images = rop_images(forest, family="base")["image"].values
    pixels = np.nan_to_num(images.reshape(len(images), -1), nan=0.0)
    different = len({image.tobytes() for image in pixels})
    if not 2 <= n_clusters <= different:
        raise InputError(
            f"{n_clusters} clusters were asked of {different} different images; take at least 2 "
            "clusters and no more than images"
        )
    with threadpool_limits(1):  # sums over threads would round by their number
        cluster = KMeans(n_clusters, n_init=10, random_state=seed % 2**32).fit_predict(pixels)
    _, first, cluster, size = np.unique(
        cluster, return_index=True, return_inverse=True, return_counts=True
    )
    number = np.argsort(np.lexsort((first, -size)))
    classes = tuple(f"cluster {k}" for k in range(1, n_clusters + 1))
    return GeneLabels(number[cluster].astype(np.int64), classes)


def table_labels(path: str | PathLike[str], genes: Sequence[str]) -> GeneLabels:
    """Read the labels of genes from a table (see `read_labels`): one row a gene, its id and label.

    States are of `genes`, the ids of the forest: -1 for one without row, or without label in it.
    Classes are the labels in alphabetical order.
    """
    path = Path(path)
    label = read_labels(path)
    twice = label.index.duplicated()
    if twice.any():
        raise InputError(
            f"{label.index[twice].nunique()} genes occur more than once in {path.name} (first: row "
            f"{twice.argmax() + 1}); give each gene one row"
        )
    ids = pd.Index(genes)
    unknown = ~label.index.isin(ids)
    if unknown.any():
        raise InputError(
            f"{unknown.sum()} rows of {path.name} are of genes that the forest lacks (first: row "
            f"{unknown.argmax() + 1}); drop them, or write their ids as in the cohort"
        )
    labels = pd.Categorical(label[label != ""].reindex(ids))
    classes = tuple(labels.categories)
    if len(classes) < 2:
        raise InputError(
            f"{path.name} holds {len(classes)} different labels ({', '.join(classes) or 'none'}); "
            "at least 2 are needed to learn"
        )
    return GeneLabels(labels.codes.astype(np.int64), classes)


def _aligned(
    cohort: xr.Dataset, forest: xr.Dataset
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.bool_]]:
    """Expression and states in the forest's order, and which observations it was grown on."""
    validate(cohort, COHORT)
    validate(forest, FOREST)
    for name in ("gene", "observation"):
        ours, theirs = forest.indexes[name], cohort.indexes[name]
        lone = (~ours.isin(theirs)).sum()
        if name == "observation":  # of genes, a forest may have some only
            lone += (~theirs.isin(ours)).sum()
        if lone:
            raise InputError(
                f"{lone} {name} ids are in only one of forest and cohort; give the cohort that the "
                "forest was grown from"
            )
    cohort = cohort.sel({name: forest[name].values for name in ("gene", "observation")})
    state, grown = cohort["state"].values, forest["state"].values
    differing = (grown >= 0) & (grown != state)
    if differing.any():
        raise InputError(
            f"{differing.sum()} observations have another state in the forest than in the cohort "
            f"(first: number {differing.argmax() + 1}); read the cohort as it was read for the "
            "forest"
        )
    # what is missing in a half is filled from that half, so that neither knows of the other
    halves = [
        filled(hide_labels(cohort, other))["expression"].values for other in (grown < 0, grown >= 0)
    ]
    return np.where((grown >= 0)[:, None], *halves), state, grown >= 0
