"""Train from a configuration: what `deepnic train`, `ray job submit` and `ray submit` all run.

    deepnic train --config run.toml
    ray job submit --working-dir . -- python -m deepnic.runs.run --config run.toml
    ray submit ray.yaml train.py -- --config run.toml

A folder of `[run] output` receives one folder for each run, named by a hash of all that decides its
result: checkpoint.pt, history.csv, predictions.csv, run.json, TensorBoard's files, and for genes
that replicate ranking.csv.
"""

import json
import shlex
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from deepnic import read_cohort
from deepnic.assembly import assemble, assemble_counts
from deepnic.errors import InputError
from deepnic.host.provenance import machine
from deepnic.learn.fit import TrainResult, train
from deepnic.nic import count_signatures
from deepnic.runs.config import Clusters, Replication, TrainConfig
from deepnic.runs.gene_labels import (
    GeneLabels,
    check_grown_from,
    cluster_labels,
    hold_out,
    replication_labels,
    table_labels,
)
from deepnic.runs.gene_ranking import compare_rankings, first_criterion, rank_genes
from deepnic.store import open_items


class Items(NamedTuple):
    """What is learnt from.

    Attributes
    ----------
    source : Dataset
        Pixel table or counts of signatures, with `state`: -1 for the items held out.
    truth : array of int (item)
        True states of all items, -1 where unknown.
    classes : tuple of str
    facts : DataFrame or None
        What is known of each gene without images, in the replication task.
    """

    source: xr.Dataset
    truth: NDArray
    classes: tuple[str, ...]
    facts: pd.DataFrame | None = None


class Outcome(NamedTuple):
    """A training's result, and how its ranking of the genes compares in the replication task."""

    result: TrainResult
    ranking: pd.DataFrame | None


def run(config: TrainConfig, *, resume: bool = False) -> Outcome:
    """Read, label, assemble, train, and write what came of it.

    Parameters
    ----------
    config : TrainConfig
    resume : bool
        Go on with the same run where it was interrupted.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        See `deepnic.train`, `deepnic.store.open_items` and `deepnic.runs.gene_labels`.
    """
    start = perf_counter()
    settings = config.training
    layout = config.assembly.model_dump() | {"seed": settings.seed}
    items = _read_items(config)
    if "count" in items.source:
        canvas = assemble_counts(items.source, family=config.data.family, **layout)
    else:
        canvas = assemble(items.source, **layout)
    result = train(
        canvas,
        truth=items.truth,
        classes=items.classes,
        storage=config.run.output,
        resume=resume,
        **config.run.model_dump(exclude={"output"}),
        **settings.model_dump(),
    )
    ranking = None if items.facts is None else _compare(items, result)
    if result.folder is not None:
        _write(config, items, canvas, result, ranking, perf_counter() - start)
    return Outcome(result, ranking)


def _read_items(config: TrainConfig) -> Items:
    source = open_items(config.data.source)
    if "signature" in source:
        return _genes(source, config)
    if "label" in source.coords:
        return _observations(source, config)
    return _genes_of_table(source, config)


def _observations(table: xr.Dataset, config: TrainConfig) -> Items:
    """Observations bring their labels; those of state -1 were held out when the forest grew."""
    if config.labels is not None:
        raise InputError(
            f"{config.data.source} holds observations, which bring their own labels; "
            "leave [labels] out"
        )
    label = table["label"].values.astype(object)  # Zarr gives strings a type of their own
    positive = table.attrs["positive"]
    others = sorted(set(label) - {"", positive})
    truth = np.where(label == "", -1, label == positive).astype(np.int64)
    return Items(table, truth, (others[0] if len(others) == 1 else f"not {positive}", positive))


def _genes(forest: xr.Dataset, config: TrainConfig) -> Items:
    """Genes of a store, seen through the counts of their signatures."""
    labels = _labels(forest, config)
    counts = count_signatures(forest).compute()
    counts = counts.assign_coords(state=("gene", _hidden(labels.state, config)))
    return Items(counts, labels.state, labels.classes, labels.facts)


def _genes_of_table(table: xr.Dataset, config: TrainConfig) -> Items:
    """Genes of a table of filtered pixels; only a table can label them."""
    if config.labels is None or config.labels.kind != "table":
        raise InputError(
            f"{config.data.source} holds genes without classes; give a table of observations, or "
            'label the genes by a configuration with [labels] kind = "table"'
        )
    labels = table_labels(config.labels.file, table["item"].values.tolist())
    table = table.assign_coords(state=("item", _hidden(labels.state, config)))
    return Items(table, labels.state, labels.classes)


def _labels(forest: xr.Dataset, config: TrainConfig) -> GeneLabels:
    wanted = config.labels
    if wanted is None:
        raise InputError(
            f"{config.data.source} holds genes without classes; label them by a configuration with "
            '[labels] kind = "replication", "clusters" or "table", or give a table of observations'
        )
    if isinstance(wanted, Replication):
        cohort = read_cohort(
            wanted.cohort, state=wanted.state, positive=wanted.positive, log2=wanted.log2
        )
        labels = replication_labels(cohort, forest, fdr=wanted.fdr)
        check_grown_from(cohort, forest)  # last: it cannot say what differs
        return labels
    if isinstance(wanted, Clusters):
        return cluster_labels(forest, n_clusters=wanted.n_clusters, seed=config.training.seed)
    return table_labels(wanted.file, forest["gene"].values.tolist())


def _hidden(truth: NDArray, config: TrainConfig) -> NDArray[np.int8]:
    """States of the genes, those of the test genes hidden."""
    assert config.labels is not None
    test = hold_out(truth, config.labels.test, config.training.seed)
    return np.where(test, -1, truth).astype(np.int8)


def _compare(items: Items, result: TrainResult) -> pd.DataFrame:
    """Compare the network's order of the test genes with what is known without it."""
    assert items.facts is not None
    count, state = items.source["count"].values, items.source["state"].values
    test = (state < 0) & (items.truth >= 0)
    scores = {
        "network": result.predictions["probability"].to_numpy(),
        "|t| of the first half": items.facts["first_half_t"].to_numpy(),
        "NIC1": first_criterion(count),
        "gradient boosting on counts": rank_genes(count, state),
    }
    return compare_rankings(
        items.truth[test], {name: score[test] for name, score in scores.items()}
    )


def _write(
    config: TrainConfig,
    items: Items,
    canvas: xr.Dataset,
    result: TrainResult,
    ranking: pd.DataFrame | None,
    seconds: float,
) -> None:
    """Leave in the run's folder what `deepnic report` shows of it."""
    folder = result.folder
    assert folder is not None
    result.history.to_csv(folder / "history.csv", index=False)
    result.predictions.to_csv(folder / "predictions.csv", index=False)
    if ranking is not None:
        ranking.to_csv(folder / "ranking.csv", index=False)
    facts: dict[str, Any] = {
        "name": folder.name,
        "items": "observations" if "label" in items.source.coords else "genes",
        "classes": list(items.classes),
        "canvas": [canvas.sizes["row"], canvas.sizes["column"]],
        "config": config.model_dump(mode="json"),
        "metrics": result.metrics,
        **{name: result.metrics[name] for name in ("n_training", "n_validation", "n_test")},
        "device": result.device,
        "device_name": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "workers": config.run.workers,
        "machine": machine() | {"torch": torch.__version__},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "seconds": seconds,
    }
    (folder / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from deepnic.cli import main

    main(["train", *sys.argv[1:]])
