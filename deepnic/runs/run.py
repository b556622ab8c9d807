"""Train from a configuration: what `deepnic train`, `ray job submit` and `ray submit` all run.

    deepnic train --config run.toml
    ray job submit --working-dir . -- python -m deepnic train --config run.toml
    ray submit ray.yaml train.py -- --config run.toml

A folder of `[run] output` receives one folder for each run, named by a hash of all that decides its
result: checkpoint.pt, history.csv, predictions.csv, columns.csv, run.json, TensorBoard's files, and
for genes that replicate ranking.csv.
"""

import logging
from dataclasses import replace
from time import perf_counter
from typing import Any, NamedTuple

import pandas as pd
import torch
import xarray as xr

from deepnic.analysis.gene_rankings import compare_rankings
from deepnic.analysis.training import NETWORK, RIVAL
from deepnic.assembly import assemble, assemble_counts
from deepnic.assembly.cross_fitted import join_canvases, read_parts
from deepnic.errors import as_word
from deepnic.host.provenance import command, machine
from deepnic.learn.cross_fitting import train_cross_fitted
from deepnic.learn.fit import train
from deepnic.learn.result import TrainResult
from deepnic.runs.classes import JoinedResult, check_together, folder_of, join, write_joined
from deepnic.runs.config import TrainConfig
from deepnic.runs.folder import write_run
from deepnic.runs.gene_ranking import first_criterion, rank_genes
from deepnic.runs.items import Items, read_again, read_items
from deepnic.store import open_classes
from deepnic.store.group import check_single, children
from deepnic.variables import CLASSES, kind_of

logger = logging.getLogger("deepnic.train")


class Outcome(NamedTuple):
    """A training's result, and how its ranking of the genes compares in the replication task."""

    result: TrainResult | JoinedResult
    ranking: pd.DataFrame | None


def run(config: TrainConfig, *, resume: bool = False) -> Outcome:
    """Read, label, assemble, train (or resume the same run), and write what came of it.

    Of a group of tables, each class against the rest, one after the other, and what they say
    together.
    """
    stores = children(config.data.source, CLASSES)
    if not stores:
        return Outcome(*_run(config, resume))
    if config.labels is not None:
        check_single(config.data.source)
    start = perf_counter()
    tables = open_classes(config.data.source)
    check_together(tables)
    results = {}
    for label, store in stores.items():
        logger.info("%s against the rest", label)
        data = config.data.model_copy(update={"source": store})
        results[label] = _run(config.model_copy(update={"data": data}), resume)[0]
    table = next(iter(tables.values()))[0]
    joined = join(results, table["label"].values, table.get("group"))
    if config.run.output is None:
        return Outcome(joined, None)
    joined = replace(joined, folder=folder_of(results, config.assembly.path, config.run.output))
    of_classes = {
        label: {"run": one.folder and one.folder.name, "metrics": one.metrics}
        for label, one in results.items()
    }
    facts = _facts(config, joined, perf_counter() - start) | {"of_classes": of_classes}
    write_joined(joined, facts)
    if all(one.predictor.trees for one in results.values()):
        logger.info("`deepnic predict %s FILE` tells all classes", as_word(joined.checkpoint))
    return Outcome(joined, None)


def _run(config: TrainConfig, resume: bool) -> tuple[TrainResult, pd.DataFrame | None]:
    start = perf_counter()
    items = read_items(config)
    canvas = _assemble(items, config)
    options: dict[str, Any] = {
        "classes": items.classes,
        "cohort": read_again(config, items),
        "storage": config.run.output,
        "resume": resume,
        **config.run.model_dump(exclude={"output"}),
        **config.training.model_dump(),
    }
    if items.others:
        truth = pd.Series(items.truth, items.source["item"].to_index())
        result = train_cross_fitted(canvas, truth=truth, **options).result
    else:
        result = train(canvas, truth=items.truth, **options)
    if (trees := result.predictor.trees) and result.checkpoint is not None:
        logger.info(
            "%d trees of its pixels are in the checkpoint (%.1f MB): `deepnic predict %s FILE` "
            "takes patients of any table",
            sum(one.n_trees for one in trees),
            result.checkpoint.stat().st_size / 1e6,
            as_word(result.checkpoint),
        )
    ranking = None if items.facts is None else _compare(items, items.facts, result)
    if result.folder is not None:
        facts = _facts(config, result, perf_counter() - start) | {
            "items": items.name,
            "canvas": [canvas.sizes["row"], canvas.sizes["column"]],
        }
        write_run(result.folder, facts, result.history, _named(result, canvas), ranking)
    return result, ranking


def _assemble(items: Items, config: TrainConfig) -> xr.Dataset:
    """Canvas of the items, cross-fitted where several pipelines show them."""
    layout = config.assembly.model_dump() | {"seed": config.training.seed}
    if kind_of(items.source) == "counts":
        return assemble_counts(items.source, family=config.data.family, **layout)
    canvases = [assemble(table, **layout) for table in items.tables]
    return join_canvases(canvases, *read_parts(items.tables)) if items.others else canvases[0]


def _facts(
    config: TrainConfig, result: TrainResult | JoinedResult, seconds: float
) -> dict[str, Any]:
    """What is said of a training in its folder."""
    assert result.folder is not None
    return {
        "name": result.folder.name,
        "classes": list(result.predictor.classes),
        "config": config.model_dump(mode="json"),
        "metrics": result.metrics,
        "meaning": result.predictor.meaning,
        **{name: result.metrics[name] for name in ("n_training", "n_validation", "n_test")},
        "device": result.device,
        "device_name": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "workers": config.run.workers,
        "machine": machine() | {"torch": torch.__version__},
        "command": command(),
        "seconds": seconds,
    }


def _named(result: TrainResult, canvas: xr.Dataset) -> pd.DataFrame:
    """Predictions, with the symbols of items that are genes, or their groups, if they have such."""
    table = result.predictions.copy()
    items = canvas["item"].to_index()
    for name in ("symbol", "group"):
        if name in canvas.coords and canvas[name].dims == ("item",):
            of_item = pd.Series(canvas[name].values, items)[~items.duplicated()]
            table.insert(1, name, of_item[table["item"]].to_numpy())
    return table


def _compare(items: Items, facts: pd.DataFrame, result: TrainResult) -> pd.DataFrame:
    """Compare the network's order of the test genes with what is known without it."""
    count, state = items.source["count"].values, items.source["state"].values
    test = (state < 0) & (items.truth >= 0)
    scores = {
        NETWORK: result.predictions["probability"].to_numpy(),
        RIVAL: facts["first_half_t"].to_numpy(),
        "NIC1": first_criterion(count),
        "gradient boosting on counts": rank_genes(count, state),
    }
    return compare_rankings(items.truth[test], {name: s[test] for name, s in scores.items()})
