"""Train a network on canvases: in this process, in several of this machine, or on Ray's workers."""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from deepnic.assembly.cross_fitted import split_layout
from deepnic.cohort.holdout import draw_stratified
from deepnic.config import checked
from deepnic.errors import InputError, choose
from deepnic.files import locked, make_folder
from deepnic.learn.calibration import Calibration
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.checkpoints import epochs_logged
from deepnic.learn.loop import Job, LoopResult, mean_over_pipelines, told, train_loop
from deepnic.learn.network import check_network
from deepnic.learn.predictor import describe_network, layout_of, rebuild
from deepnic.learn.ranks import ATTEMPTS, train_here
from deepnic.learn.result import TrainResult, columns_of, history_of, metrics_of
from deepnic.learn.saved import save_checkpoint
from deepnic.learn.settings import CHECKPOINT_FILE, DEVICES, Settings, choose_device
from deepnic.learn.states import check_state, target_of, true_state_of
from deepnic.learn.trees import Trees
from deepnic.manifest import unseal
from deepnic.rop.origin import ORIGIN, ORIGINS, check_cohort
from deepnic.variables import COHORT, RULES, expect, validate

logger = logging.getLogger("deepnic.train")

# A run is named by what decides its result. These words stand for rules 1 in the name, because
# version 0.1.0 wrote its own number and torch's there, and a run that it began is to be found.
RULES_IN_NAME = ["0.1.0", "2.13.0+cpu"] if RULES == 1 else [RULES]


def train(
    images: xr.Dataset,
    *,
    truth: pd.Series | ArrayLike | None = None,
    classes: Sequence[str] = ("0", "1"),
    cohort: xr.Dataset | Sequence[xr.Dataset] | None = None,
    calibration: Calibration | None = None,
    workers: int = 0,
    elastic: bool = False,
    device: str = "auto",
    storage: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **settings: Any,
) -> TrainResult:
    """Train the network on the items of known state and predict all items.

    AdamW with a warm-up and a cosine schedule minimises the cross-entropy in which all classes
    weigh the same. Each batch is cut between the workers and each test item is predicted by
    exactly one of them, so that apart from dropout the result does not depend on their number.
    The same seed, data, device and number of workers give the same numbers.

    Parameters
    ----------
    images : Dataset
        As from `assemble` (`image`, values) or `assemble_counts` (`count` and `index`: the images
        are made batch by batch where the network runs), with `state` (item): 0, 1, ... = class to
        train on, -1 = to predict. Of two classes there may be a `target` (item) from 0 to 1 too,
        the probability of class 1 that is learnt in the place of the state, such as a rank.
    truth : Series by item, or array (item), optional
        True states of the hidden items, for the accuracies only: they are compared here after the
        training and never reach it. -1 or missing where unknown; entries of training items are
        not read.
    classes : sequence of str
        Names of the states 0, 1, ...
    cohort : Dataset or sequence of Dataset, optional
        What the forest behind images of observations was grown from, of cross-fitted images that of
        each pipeline: the trees of the pixels are grown again, and kept in the network and its
        checkpoint. It then predicts patients of any table, without cohort or store.
    calibration : Calibration, optional
        What makes probabilities and classes of the margins, the second of two class scores less
        the first, here and in the network; see `deepnic.learn.calibrate`.
    workers : int
        0 trains in this process. From 1 on, so many Ray workers train data-parallel (DDP, with
        NCCL on GPUs and gloo on CPUs) on the cluster of `RAY_ADDRESS`, or on one started on this
        machine for the time of the training.
    elastic : bool
        Begin, and go on after a loss, with as few workers as there are, `workers` at most.
    device : {"auto", "cpu", "cuda"}
        "auto" takes CUDA if there is a GPU for each worker.
    storage : path, optional
        Folder for the runs, shared by all machines of the cluster. The name of a run's folder in it
        is a hash of everything that decides its result, so that two different trainings never
        meet. A checkpoint is written and a line logged (logger ``deepnic.train``) every epoch, and
        a worker that is lost is replaced.
    resume : bool
        Go on with the same run where it was interrupted, or read a finished one back; without it a
        run that was started before is an error.
    **settings
        network : "small", "residual" or "module:function" (see `build_network`); epochs;
        batch_size, of all workers together; learning_rate, the highest; warm_up, share of the
        steps; weight_decay; dropout; clip, the largest norm of the gradient; class_weights;
        validation, share of the training items that early stopping judges by, of one `group`
        (item), where there is such a coordinate, all or none; patience, epochs without improvement
        before it stops (the best epoch's weights are kept); mixed_precision, on GPUs; compiled, by
        `torch.compile`; seed. Defaults: `deepnic.learn.Settings`.

    Returns
    -------
    TrainResult

    Raises
    ------
    InputError
        No item, a class without training item, a setting that is unknown or out of range, more
        workers or GPUs than there are, a batch that does not fit the memory (the sentence says
        which would), several machines without storage, or a run that was started before.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> y = np.arange(40) % 2
    >>> noise = np.random.default_rng(0).normal(size=(40, 8, 8))
    >>> images = xr.Dataset(
    ...     {"image": (("item", "row", "column"), noise + y[:, None, None])},
    ...     coords={"item": np.arange(40), "state": ("item", np.where(np.arange(40) < 30, y, -1))},
    ... )
    >>> result = train(images, truth=y, epochs=20)
    >>> result.metrics["n_test"], result.metrics["test_accuracy"]
    (10, 1.0)
    """
    chosen = checked(Settings, settings)
    choose("device", device, DEVICES)
    if workers < 0:
        raise InputError(f"workers is {workers}; give 0 to train in this process, or more")
    canvas, state = _check_canvas(images, len(classes))
    true_state = true_state_of(truth, canvas, state, len(classes))
    grown_from = _grown_from(cohort, canvas)
    if calibration is not None and len(classes) != 2:
        raise InputError(f"a calibration is of two classes, and there are {len(classes)}")
    # who stops early does not look at the test, not even at its curve
    follow = truth is not None and not chosen.validation
    job = _job(canvas, state, classes, chosen, follow=follow, device=device)
    name = f"{canvas.attrs.get('path', 'images')}-{_digest(job)}"
    folder = None if storage is None else Path(storage).resolve() / name
    if folder is not None and folder.exists() and not resume:
        raise InputError(
            f"the run {folder.name} was started in {folder.parent} before; resume=True goes on "
            "with it, or choose another folder"
        )
    with nullcontext() if folder is None else locked(folder):
        if folder is not None:
            make_folder(folder)
            unseal(folder)
            job["folder"] = str(folder)
        result, trained_on = _fit(job, workers, elastic, folder)
        weights = {name: torch.tensor(values) for name, values in result.weights.items()}
        saved: dict[str, Any] = {"network": weights, "about": job["about"]}
        saved["history"] = result.history
        if grown_from:
            own = zip(grown_from, split_layout(layout_of(canvas)), strict=True)
            saved["trees"] = [Trees.grown(one, its, origin).pack() for (one, origin), its in own]
        if calibration is not None:
            saved["calibration"] = calibration._asdict()
        if folder is not None:
            save_checkpoint(folder / CHECKPOINT_FILE, **saved)
    first, scores = mean_over_pipelines(canvas, result.scores)
    probability, predicted = told(scores, calibration)
    columns = {"item": canvas["item"].to_index()[first], "state": state[first]}
    if truth is not None:
        columns["truth"] = true_state[first]
    return TrainResult(
        metrics=metrics_of(result, job, probability, predicted, state[first], true_state[first]),
        history=history_of(result, canvas.isel(item=state < 0), true_state[state < 0]),
        predictions=pd.DataFrame(columns | columns_of(probability, predicted)),
        scores=scores,
        predictor=rebuild(job["about"], weights, saved.get("trees"), calibration),
        folder=folder,
        device=trained_on,
    )


def _grown_from(
    cohort: xr.Dataset | Sequence[xr.Dataset] | None, canvas: xr.Dataset
) -> list[tuple[xr.Dataset, str]]:
    """Cohort of each pipeline, and the mark of its forest; refuse others than it was grown on."""
    if cohort is None:
        return []
    cohorts = [cohort] if isinstance(cohort, xr.Dataset) else [*cohort]
    origins = canvas.attrs.get(ORIGINS, [canvas.attrs[ORIGIN]] if ORIGIN in canvas.attrs else [])
    if "gene" not in canvas.coords or not origins:
        raise InputError(
            "cohort is for images of observations, and of a forest that says what it was grown on; "
            "leave it out, or grow the forest with this version"
        )
    if len(origins) != len(cohorts):
        raise InputError(
            f"the images are of {len(origins)} pipelines and {len(cohorts)} cohorts were given; "
            "give what each pipeline was fitted on, in order"
        )
    for one, origin in zip(cohorts, origins, strict=True):
        validate(one, COHORT)
        check_cohort(one, origin)
    return [*zip(cohorts, origins, strict=True)]


def _job(
    canvas: xr.Dataset,
    state: NDArray[np.int64],
    classes: Sequence[str],
    chosen: Settings,
    *,
    follow: bool,
    device: str,
) -> Job:
    """What every rank is given; an `InputError` where the network does not fit the canvas."""
    arrays = canvas_arrays(canvas)
    channels, size = make_images(arrays).channels, (canvas.sizes["row"], canvas.sizes["column"])
    check_network(chosen.network, (channels, *size), len(classes), canvas)
    validation, share = np.zeros(len(state), bool), chosen.validation
    if share:
        group = canvas.get("group")
        validation = draw_stratified(
            state, share, chosen.seed, group=group, what="a validation part"
        )
    return {
        "canvas": arrays,
        "state": state,
        "target": target_of(canvas, state, len(classes)),
        "classes": len(classes),
        "validation": validation,
        "settings": chosen.model_dump(),
        "follow": follow,
        "about": describe_network(chosen.network, classes, canvas, channels),
        "on_ray": False,
        "device": device,
        "folder": None,
    }


def _fit(job: Job, workers: int, elastic: bool, run: Path | None) -> tuple[LoopResult, str]:
    """Run the training loop, and say on which device.

    In this process, in several of this machine, or, where one is in use, on a Ray cluster.
    """
    try:
        with epochs_logged(run, job["settings"]["epochs"]):
            result, device = _run(job, workers, elastic, run)
    except Exception as error:
        size = job["settings"]["batch_size"]
        if "OutOfMemoryError" not in f"{type(error).__name__} {error}":  # Ray has it in words
            raise
        raise InputError(
            f"the {job['device']} device ran out of memory at batch_size {size}; a batch of "
            f"{max(size // 2, 1)} takes half as much"
        ) from error
    if isinstance(result, str):
        raise InputError(result)
    return result, device


def _run(job: Job, workers: int, elastic: bool, run: Path | None) -> tuple[LoopResult | str, str]:
    if workers and _on_cluster():
        from deepnic.learn.ray_session import train_on_ray  # seconds, for those who need it

        logger.info("starting %d workers of Ray; on busy machines that takes minutes", workers)
        return train_on_ray(job | {"on_ray": True}, workers, elastic=elastic, run=run)
    if elastic:
        workers = min(workers, os.cpu_count() or 1)
    device = choose_device(job["device"], workers, torch.cuda.device_count())
    job = job | {"device": device}
    if not workers:
        return train_loop(job), device
    return train_here(job, workers, attempts=ATTEMPTS if run else 1), device


def _on_cluster() -> bool:
    """Tell whether a Ray cluster is in use: connected to, or named in the environment."""
    if os.environ.get("RAY_ADDRESS"):
        return True
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def _check_canvas(images: xr.Dataset, n_classes: int) -> tuple[xr.Dataset, NDArray[np.int64]]:
    """Canvas with its axes in order, and the states."""
    kind = expect(images, "canvas", "count canvas", "cross-fitted canvas")
    counted = kind == "count canvas"
    name = "count" if counted else "image"
    for needed in (name, "state", *(("index", "colour") if counted else ())):
        if needed not in images:
            raise InputError(
                f"images has no {needed!r}; give the Dataset that assemble returns, with states"
            )
    canvas = images.transpose("item", ..., "row", "column", missing_dims="ignore")
    values = canvas[name].values
    if values.size == 0:
        raise InputError(f"images has sizes {dict(images.sizes)}; give at least one item and pixel")
    if np.isinf(values).any():
        raise InputError("image holds infinite values; pixels are finite, or NaN = undefined")
    return canvas, check_state(images["state"], n_classes).astype(np.int64)


def _digest(job: Job) -> str:
    """Digest of the content: Ray Train takes a run of the same name in a folder for a restart."""
    digest = hashlib.sha256()

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            value = value.numpy()
        if isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value).tobytes())
            return [str(value.dtype), value.shape]
        raise TypeError(f"a configuration cannot hold a {type(value).__name__}")

    parts = ("canvas", "state", "classes", "validation", "settings", "follow")
    deciding = {name: job[name] for name in parts}  # type: ignore[literal-required]
    if job["target"] is not None:  # runs without one are named as before there was any
        deciding["target"] = job["target"]
    about = {name: job["about"][name] for name in ("network", "classes", "layout")}
    content = [deciding | {"about": about}, RULES_IN_NAME]
    digest.update(json.dumps(content, sort_keys=True, default=plain).encode())
    return digest.hexdigest()[:16]
