"""Training on a Ray cluster that runs: the one in use, or the one that `RAY_ADDRESS` names."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
import ray.train.torch
from ray.train import TrainingFailedError
from ray.train.torch import TorchTrainer

from deepnic.errors import InputError
from deepnic.files import scratch
from deepnic.learn.loop import Job, LoopResult, train_loop
from deepnic.learn.rendezvous import FileRendezvous
from deepnic.learn.settings import choose_device

ANSWER = 25.0  # seconds for the head of a cluster to say which nodes it has


def train_on_ray(
    job: Job, workers: int, *, elastic: bool, run: Path | None
) -> tuple[LoopResult | str, str]:
    """Run the training loop on workers of the cluster; and say on which device.

    A worker that is lost is replaced up to three times, where the run has a folder. Raises
    InputError where the cluster has no room for the workers, or they do not share the folder.
    """
    least = 1 if elastic else workers
    with _quiet(), _connected():
        _check_room(least)
        if run is None and sum(node["Alive"] for node in ray.nodes()) > 1:
            raise InputError("storage= is missing; several machines need a folder they share")
        device = choose_device(job["device"], least, _resource("GPU"))
        with scratch() as folder:
            place = run or folder / "run"  # else Ray would write to the home directory
            trainer = TorchTrainer(
                _loop_on_worker,
                torch_config=FileRendezvous(folder=str(place.parent)),
                train_loop_config=job | {"device": device},
                scaling_config=ray.train.ScalingConfig(
                    num_workers=(1, workers) if elastic else workers, use_gpu=device == "cuda"
                ),
                run_config=ray.train.RunConfig(
                    name=place.name,
                    storage_path=str(place.parent),
                    checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
                    # training goes on from the checkpoint
                    failure_config=ray.train.FailureConfig(max_failures=3 if run else 0),
                ),
            )
            try:
                return trainer.fit().return_value, device
            except TrainingFailedError as error:
                if "Unable to set up cluster storage" not in str(error):
                    raise
                raise InputError(
                    f"a worker cannot write to {place.parent}; give a folder that all machines "
                    "share under one path"
                ) from error


def _loop_on_worker(job: Job) -> LoopResult | str:
    context = ray.train.get_context()
    card = ray.train.torch.get_device().index if job["device"] == "cuda" else None
    return train_loop(job, context.get_world_rank(), context.get_world_size(), card)


@contextmanager
def _connected() -> Iterator[None]:
    """Be connected within the block, and leave things as they were."""
    if ray.is_initialized():
        yield
        return
    with _signal_handlers_kept():
        try:
            _check_answer(os.environ["RAY_ADDRESS"])
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
            yield
        finally:
            ray.shutdown()


def _check_answer(address: str) -> None:
    """Refuse the address of a head that does not answer: Ray itself tries for a quarter of an hour.

    Another process asks, as Ray ends the one in which it has waited in vain.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()) or "/" in address:
        raise InputError(f"RAY_ADDRESS is {address!r}; give the head as HOST:PORT")
    words = [sys.executable, "-m", "deepnic.cluster.nodes", address]
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        subprocess.run(words, check=True, capture_output=True, timeout=ANSWER)
    except (OSError, OverflowError, subprocess.SubprocessError) as error:
        raise InputError(
            f"no head of Ray answers at RAY_ADDRESS {address}; start the cluster, correct the "
            "address, or set the token and the certificates that `deepnic cluster up` prints"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Ray's progress log, and the deprecation warnings it raises about its own code.

    Also look after the workers five times a second: an epoch's report waits for the next look,
    and Ray's two seconds are longer than most epochs.
    """
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    loggers = [logging.getLogger("ray"), logging.getLogger("ray.train")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _check_room(workers: int) -> None:
    if workers > (cpus := _resource("CPU")):
        raise InputError(
            f"workers is {workers}, and Ray has {cpus} CPUs, one for each worker; "
            f"ask for at most {cpus}"
        )


def _resource(name: str) -> int:
    return int(ray.cluster_resources().get(name, 0))


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Give SIGINT and SIGTERM back: Ray replaces them, and a later Ctrl-C would end the session."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread has handlers, and Ray leaves them alone elsewhere
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
